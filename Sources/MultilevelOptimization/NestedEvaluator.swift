// F and its hypergradient for problems of any number of levels, by implicit differentiation through all of them.
import ExpressionGraph
import Solvers
import Tensors

/// What a nested evaluation gives at one outermost point.
package struct NestedEvaluation: Sendable, Equatable {
    /// F.
    package var value: Double
    /// ∇F, [p].
    package var hypergradient: [Double]
    /// The best responses of levels 1 … n−1.
    package var responses: [[Double]]
    /// Every level's own objective there.
    package var objectives: [Double]
    /// What went wrong, by level (0 where it belongs to none); empty when every solve met its tolerance.
    package var faults: [LevelFault]

    package var isSound: Bool { faults.isEmpty && value.isFinite && VectorMath.isFinite(hypergradient) }
}

/// A fault of the solve of one level.
package struct LevelFault: Sendable, Equatable {
    /// The level whose response was wanted; `nil` for an adjoint system.
    package var level: String?
    package var fault: SolveFault

    /// One sentence, with what to try.
    package var sentence: String {
        let place = level.map { "level \($0)" } ?? "an adjoint system"
        switch fault {
        case .flat:
            return "the minimiser of \(place) is not unique there: add a small quadratic term"
        case .indefinite:
            return "\(place) has no minimum where its solver ended: its Hessian has negative curvature"
        case .unbounded:
            return "the solution of \(place) leaves all bounds: its objective may have no minimum there"
        case .notConverged(let error):
            return "\(place) was not solved: the last step was still \(error) of the solution's size"
        case .singular: return "the matrix of \(place) has no inverse: the response does not vary smoothly there"
        case .residual(let residual): return "\(place) was solved to a relative residual of \(residual) only"
        case .interrupted: return "\(place) was interrupted"
        }
    }
}

/// Evaluates F and ∇F at outermost points. Not thread-safe.
///
/// An evaluation depends on the point and on the starts given to it alone, not on earlier ones.
package final class NestedEvaluator {
    package let problem: MultilevelProblem
    package let solver: NestedSolver
    private let nested: NestedGraph
    private let program: Program
    private let valueProgram: Program
    private let runtime: FunctionRuntime
    /// The largest step at which level 1 counts as solved, by default; each deeper level is ten times tighter.
    package static let defaultTolerance = 1e-12
    /// No tolerance asks for more than rounding allows.
    private static let smallestTolerance = 0x1p-50

    package init(
        _ problem: MultilevelProblem, tolerance: Double = NestedEvaluator.defaultTolerance,
        stop: @escaping StopCheck = { nil }
    ) {
        let nested = NestedGraph(problem)
        var tolerances: [Equilibrium: NestedTolerance] = [:]
        var step = tolerance
        for equilibrium in nested.equilibria {
            tolerances[equilibrium] = NestedTolerance(step: max(step, Self.smallestTolerance))
            step /= 10
        }
        self.problem = problem
        self.nested = nested
        solver = NestedSolver(tolerances: tolerances, stop: stop)
        runtime = FunctionRuntime(solver)
        program = Program(Self.plan(nested))
        valueProgram = Program(Self.valuePlan(nested))
        for (node, buffer) in nested.shared {
            runtime.share(buffer)
            program.bind(node, to: buffer)
            valueProgram.bind(node, to: buffer)
        }
    }

    /// F, ∇F, the responses and all objectives.
    static func plan(_ nested: NestedGraph) -> ProgramPlan {
        ProgramPlan(
            nested.graph, outputs: [nested.hypergradient] + nested.objectives + nested.responses,
            slots: [.everyRun("x", [nested.upper])])
    }

    /// The objectives and responses alone.
    static func valuePlan(_ nested: NestedGraph) -> ProgramPlan {
        ProgramPlan(
            nested.graph, outputs: nested.objectives + nested.responses, slots: [.everyRun("x", [nested.upper])])
    }

    /// F and ∇F at `x`.
    ///
    /// - Parameter responses: where the solvers of levels 1 … n−1 begin; their own starts where `nil`.
    package func evaluate(at x: [Double], from responses: [[Double]]? = nil) -> NestedEvaluation {
        run(program, at: x, from: responses)
        let gradient = program.result(0)
        return evaluation(program, from: 1, gradient: gradient)
    }

    /// F alone; the hypergradient is empty.
    package func evaluateValue(at x: [Double], from responses: [[Double]]? = nil) -> NestedEvaluation {
        run(valueProgram, at: x, from: responses)
        return evaluation(valueProgram, from: 0, gradient: [])
    }

    private func run(_ program: Program, at x: [Double], from responses: [[Double]]?) {
        var starts: [Equilibrium: [Double]] = [:]
        if let responses {
            for (equilibrium, start) in zip(nested.equilibria, responses) { starts[equilibrium] = start }
        }
        solver.begin(from: starts)
        program.write(x, to: nested.upper)
        program.run(runtime)
    }

    private func evaluation(_ program: Program, from first: Int, gradient: [Double]) -> NestedEvaluation {
        let levels = problem.levels.count
        let objectives = (0..<levels).map { program.scalar(first + $0) }
        let responses = (0..<(levels - 1)).map { program.result(first + levels + $0) }
        let faults = solver.faults.map { fault in
            let index = fault.level.flatMap { nested.equilibria.firstIndex(of: $0) }
            return LevelFault(level: index.map { problem.levels[$0 + 1].name }, fault: fault.fault)
        }
        return NestedEvaluation(
            value: objectives[0], hypergradient: gradient, responses: responses, objectives: objectives, faults: faults)
    }
}

extension NestedEvaluator {
    /// How much graph the evaluation takes: nodes, and solution nodes, of the graph and of every function in it.
    package var size: (nodes: Int, solutions: Int) {
        var nodes = 0
        var solutions = 0
        func add(_ graph: Graph, _ outputs: [NodeID]) {
            for id in graph.reachable(from: outputs) {
                nodes += 1
                if case .function(.solution) = graph.operation(id) { solutions += 1 }
            }
        }
        add(nested.graph, program.outputs)
        for function in program.plan.functions { add(function.graph, [function.output]) }
        return (nodes, solutions)
    }
}
