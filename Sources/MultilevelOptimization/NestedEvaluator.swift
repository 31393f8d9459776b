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
    /// ‖R_i‖₂ of levels 1 … n−1 there.
    package var residuals: [Double]
    /// The largest relative residual of a linear system with the matrix of each of these levels; `nil` where there was
    /// none.
    package var linearResiduals: [Double?]
    /// What went wrong, by level; empty when every solve met its tolerance.
    package var faults: [LevelFault]

    /// The largest of all.
    package var linearResidual: Double { linearResiduals.compactMap { $0 }.max() ?? 0 }

    package var isSound: Bool { faults.isEmpty && value.isFinite && VectorMath.isFinite(hypergradient) }
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
    /// Of responses that programs find once.
    private var settledResiduals: [Double?]
    /// The largest step at which level 1 counts as solved, by default; each deeper level is ten times tighter.
    package static let defaultTolerance = 1e-12

    /// - Parameter rules: how levels 1 … n−1 respond.
    package init(_ problem: MultilevelProblem, _ rules: [ResponseRule]) {
        let nested = NestedGraph(problem, rules)
        self.problem = problem
        self.nested = nested
        solver = NestedSolver(levels: problem.levels.count, anchored: nested.anchoredLevels)
        settledResiduals = Array(repeating: nil, count: problem.levels.count)
        runtime = FunctionRuntime(solver)
        program = Program(Self.plan(nested))
        valueProgram = Program(Self.valuePlan(nested))
        for (node, memory) in nested.shared {
            runtime.share(memory, as: node, of: program)
            runtime.share(memory, as: node, of: valueProgram)
        }
    }

    /// Every response solved.
    package convenience init(_ problem: MultilevelProblem) { self.init(problem, problem.implicitResponses) }

    /// F, ∇F, the responses and all objectives.
    static func plan(_ nested: NestedGraph) -> ProgramPlan {
        ProgramPlan(
            nested.graph, outputs: [nested.hypergradient] + nested.values,
            slots: [.everyRun("x", [nested.upper])])
    }

    /// The objectives and responses alone.
    static func valuePlan(_ nested: NestedGraph) -> ProgramPlan {
        ProgramPlan(
            nested.graph, outputs: nested.values, slots: [.everyRun("x", [nested.upper])])
    }

    /// F and ∇F at `x`.
    ///
    /// - Parameters:
    ///   - responses: where the solvers of levels 1 … n−1 begin; at their own starts where `nil`.
    ///   - tolerance: the largest Newton step, relative to the point's size, at which level 1 counts as solved.
    package func evaluate(
        at x: [Double], from responses: [[Double]]? = nil, tolerance: Double = NestedEvaluator.defaultTolerance,
        stop: @escaping StopCheck = { nil }
    ) -> NestedEvaluation {
        begin(responses, tolerance, stop)
        defer { solver.end() }
        program.write(x, to: nested.upper)
        program.run(runtime)
        let gradient = program.result(0)
        return evaluation(program, from: 1, gradient: gradient)
    }

    /// F alone; the hypergradient is empty.
    package func evaluateValue(
        at x: [Double], from responses: [[Double]]? = nil, tolerance: Double = NestedEvaluator.defaultTolerance,
        stop: @escaping StopCheck = { nil }
    ) -> NestedEvaluation {
        begin(responses, tolerance, stop)
        defer { solver.end() }
        valueProgram.write(x, to: nested.upper)
        valueProgram.run(runtime)
        return evaluation(valueProgram, from: 0, gradient: [])
    }

    private func begin(_ responses: [[Double]]?, _ tolerance: Double, _ stop: @escaping StopCheck) {
        var starts: [Equilibrium: [Double]] = [:]
        if let responses {
            for case (let equilibrium?, let start) in zip(nested.equilibria, responses) { starts[equilibrium] = start }
        }
        runtime.forgetArguments()
        solver.begin(from: starts, keeping: nested.fixedLevels, tolerance: tolerance, stop: stop)
    }

    private func evaluation(_ program: Program, from first: Int, gradient: [Double]) -> NestedEvaluation {
        let levels = problem.levels.count
        let objectives = (0..<levels).map { program.scalar(first + $0) }
        let responses = (0..<(levels - 1)).map { program.result(first + levels + $0) }
        let faults = solver.faults.map { LevelFault(problem.levels[$0.level], $0.fault, isAdjoint: $0.isAdjoint) }
        var measured = first + 2 * levels - 1
        var residuals: [Double] = []
        for (equilibrium, response) in zip(nested.equilibria, responses) {
            if let equilibrium {
                let found = solver.residualNorm(of: equilibrium, at: response)
                settledResiduals[equilibrium.level] = found ?? settledResiduals[equilibrium.level]
                residuals.append(settledResiduals[equilibrium.level] ?? .nan)
            } else {
                residuals.append(program.scalar(measured))
                measured += 1
            }
        }
        return NestedEvaluation(
            value: objectives[0], hypergradient: gradient, responses: responses, objectives: objectives,
            residuals: residuals, linearResiduals: Array(solver.linearResiduals.dropFirst()), faults: faults)
    }

    /// The matrices of the levels that are solved, at the responses that were found last; `nil` elsewhere.
    func matrices(at responses: [[Double]]) -> [PointMatrix?] {
        zip(nested.equilibria, responses).map { equilibrium, response in
            equilibrium.flatMap { solver.matrix(of: $0, at: response, runtime) }
        }
    }

    /// What kind of equilibrium each level below the outermost is; `nil` for those whose steps are followed.
    var kinds: [Equilibrium.Kind?] { nested.equilibria.map { $0?.kind } }
}

extension NestedEvaluator {
    /// The memory that evaluations of a problem take, data not counted, in bytes: programs, matrices with their factors,
    /// and the points that are remembered.
    static func memoryBytes(_ problem: MultilevelProblem, _ rules: [ResponseRule]) -> Int {
        let nested = NestedGraph(problem, rules)
        let plans = [plan(nested), valuePlan(nested)]
        var known: Set<GraphFunction> = []
        var functions = plans.flatMap(\.functions)
        // Newton's method and the prediction evaluate derivatives that no node of the graph carries.
        for equilibrium in nested.equilibria.compactMap({ $0 }) {
            let values = (0..<equilibrium.captureCount).filter { !equilibrium.residual.isData($0) }
            functions += equilibrium.jacobian.system.product(transposed: false).closure
            functions += equilibrium.jacobian.system.product(transposed: true).closure
            functions += equilibrium.residual.tangent(along: values).function.closure
        }
        var bytes = plans.reduce(0) { $0.adding($1.memoryBytes) }
        for function in functions where known.insert(function).inserted {
            // The program, and the values of its arguments that it compares new ones with.
            let arguments = function.parameters.indices.filter { !function.isData($0) }
                .reduce(0) { $0.adding(function.shape(ofParameter: $1).fixedCount) }
            bytes = bytes.adding(FunctionProgram.plan(function).memoryBytes).adding(arguments.times(8))
        }
        for equilibrium in nested.equilibria.compactMap({ $0 }) {
            let d = equilibrium.dimension
            let captures = (0..<equilibrium.captureCount).filter { !equilibrium.residual.isData($0) }
                .reduce(d) { $0.adding(equilibrium.residual.shape(ofParameter: $1).fixedCount) }
            let matrices = d <= NestedSolver.denseLimit ? d.times(d).times(2) : d.times(60)
            bytes = bytes.adding(matrices.adding(captures.times(2)).times(8).times(NestedSolver.memory))
        }
        return bytes
    }

    /// The memory of all programs compiled so far, in bytes; to hold prices against.
    package var memoryBytes: Int {
        program.plan.memoryBytes + valueProgram.plan.memoryBytes + runtime.memoryBytes
    }

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
        add(nested.graph, [nested.hypergradient] + nested.values)
        for function in program.plan.functions { add(function.graph, [function.output]) }
        return (nodes, solutions)
    }
}
