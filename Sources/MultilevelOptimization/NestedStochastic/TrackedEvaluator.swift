// Evaluates directions on batches: one graph for each combination of batch sizes, compiled when it first occurs.
import ExpressionGraph
import Solvers
import Tensors

/// Rows of one level's sample axes.
typealias LevelRows = [AxisID: Range<Int>]

/// Takes present points for solutions, and approaches linear systems by some steps.
final class TrackedSolver: SolveHandler {
    let inverse: BatchInverse
    /// η of Neumann series, by level.
    var damping: [Double]
    /// Since they were last taken, by level.
    private(set) var counts: [LevelCounts]

    init(_ inverse: BatchInverse, levels: Int) {
        self.inverse = inverse
        damping = Array(repeating: 1, count: levels)
        counts = Array(repeating: LevelCounts(), count: levels)
    }

    func count(_ level: Int, _ change: (inout LevelCounts) -> Void) { change(&counts[level]) }

    func takeCounts() -> [LevelCounts] {
        defer { counts = counts.map { _ in LevelCounts() } }
        return counts
    }

    func solve(
        _ equilibrium: Equilibrium, captures: [FunctionArgument], start: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) { _ = point.update(fromContentsOf: start.values) }

    func solve(
        _ system: LinearSystem, transposed: Bool, parameters: [FunctionArgument], rhs: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        counts[system.level].linearSolves += 1
        let product = runtime.program(for: system.product(transposed: transposed))
        let key = PointKey(parameters)
        let matrix = LinearOperator(dimension: system.dimension) { [unowned self] direction, image in
            counts[system.level].products += 1
            key.withArguments(adding: [direction]) { arguments in
                for (row, value) in product.evaluate(arguments, runtime).enumerated() { image[row] = value }
            }
        }
        _ = point.update(fromContentsOf: approach(system, matrix, Array(rhs.values)))
    }

    private func approach(_ system: LinearSystem, _ matrix: LinearOperator, _ rhs: [Double]) -> [Double] {
        switch inverse {
        case .krylov(let steps):
            let tolerance = Tolerance(relative: 1e-12)
            let solver: any LinearSolver =
                system.isSymmetric
                ? ConjugateGradients(tolerance: tolerance, maxIterations: steps)
                : GMRES(tolerance: tolerance, restart: steps, maxIterations: steps)
            // The dimensions agree by construction; numbers that are not finite must show.
            guard let found = try? solver.solve(matrix, rhs: rhs, start: nil, shouldStop: { false }) else { return rhs }
            return found.point
        case .neumann(_, let terms):
            let step = damping[system.level]
            var (term, sum, image) = (rhs, rhs, rhs)
            for _ in 0..<terms {
                matrix.apply(term, &image)
                VectorMath.add(-step, image, to: &term)
                VectorMath.add(1, term, to: &sum)
            }
            VectorMath.scale(step, &sum)
            return sum
        }
    }

    func begin(_ loop: Loop) {}
    func end(_ loop: Loop, arguments: [FunctionArgument], carry: [Double]) {}
}

/// Evaluates tasks at points and rows. Not thread-safe. An evaluation depends on what is given to it alone.
final class TrackedEvaluator {
    let problem: MultilevelProblem
    let solver: TrackedSolver
    private let axes: [SampleAxis]
    /// By what is drawn: rows of arrays, and their numbers.
    private var slices: [Slice: DataMemory] = [:]
    private var graphs: [RowCounts: Compiled] = [:]

    private struct Slice: Hashable {
        let array: Int?
        let rows: Range<Int>
    }

    /// The programs of one combination of batch sizes.
    private final class Compiled {
        let tracked: TrackedGraph
        let runtime: FunctionRuntime
        var programs: [TrackedTask: Program] = [:]

        init(_ problem: MultilevelProblem, _ rows: RowCounts, _ solver: TrackedSolver) {
            tracked = TrackedGraph(problem, rows)
            runtime = FunctionRuntime(solver)
        }

        func program(_ task: TrackedTask) -> Program {
            if let known = programs[task] { return known }
            let made = Program(tracked.plan(task))
            for (node, memory) in tracked.shared { runtime.share(memory, as: node, of: made) }
            programs[task] = made
            return made
        }
    }

    init(_ problem: MultilevelProblem, _ inverse: BatchInverse) {
        self.problem = problem
        axes = problem.axes
        solver = TrackedSolver(inverse, levels: problem.levels.count)
    }

    /// The task's outputs, one after the other.
    ///
    /// - Parameters:
    ///   - points: of all levels.
    ///   - rows: by level; levels that the task does not reach may show any.
    ///   - extra: the length of a step, or a tangent.
    func evaluate(_ task: TrackedTask, at points: [[Double]], _ rows: [LevelRows], _ extra: [Double] = []) -> [[Double]]
    {
        let sizes = RowCounts(counts: rows.map { $0.mapValues(\.count) })
        let compiled = graphs[sizes] ?? Compiled(problem, sizes, solver)
        graphs[sizes] = compiled
        let tracked = compiled.tracked
        let program = compiled.program(task)
        compiled.runtime.forgetArguments()
        for input in tracked.drawn where program.uses(input.node) {
            guard let range = rows[input.level][input.axis] else { continue }
            compiled.runtime.share(slice(input.array, range), as: input.node, of: program)
        }
        for (level, node) in tracked.variables.enumerated() where program.uses(node) {
            program.write(points[level], to: node)
        }
        for (level, node) in tracked.present.enumerated() where program.uses(node) {
            program.write(points[level + 1], to: node)
        }
        switch task {
        case .outer, .value: break
        case .step: if program.uses(tracked.length) { program.write(extra, to: tracked.length) }
        case .product: if program.uses(tracked.tangent) { program.write(extra, to: tracked.tangent) }
        }
        program.run(compiled.runtime)
        switch task {
        case .outer: return [program.result(0), program.result(1)]
        case .value, .step, .product: return [program.result(0)]
        }
    }

    /// Rows of an array, or their numbers, copied when they are first drawn.
    private func slice(_ array: Int?, _ rows: Range<Int>) -> DataMemory {
        let key = Slice(array: array, rows: rows)
        if let known = slices[key] { return known }
        let made: DataMemory
        if let array {
            made = problem.data[array].value.reorderingRows(Array(rows)).memory(in: .float64)
        } else {
            made = .dense(AlignedBuffer(rows.map(Double.init)))
        }
        slices[key] = made
        return made
    }
}

extension TrackedEvaluator {
    /// The memory of all programs, in bytes: those of every combination of whole and short batches.
    static func memoryBytes(_ problem: MultilevelProblem, _ configuration: NestedStochasticConfiguration) -> Int {
        let tracked = TrackedGraph(problem, problem.wholeBatches)
        let deeper = problem.levels.indices.dropFirst()
        let tasks =
            [.outer, .value] + deeper.map { TrackedTask.step(level: $0) }
            + problem.levels.indices.map { .product(level: $0) }
        let plans = tasks.map(tracked.plan)
        var known: Set<GraphFunction> = []
        var bytes = plans.reduce(0) { $0.adding($1.memoryBytes) }
        // Solves apply matrices, which no node of the graph carries transposed.
        let carried =
            plans.flatMap(\.functions)
            + tracked.equilibria.flatMap { equilibrium in
                [true, false].flatMap { equilibrium.jacobian.system.product(transposed: $0).closure }
            }
        for function in carried where known.insert(function).inserted {
            let arguments = function.parameters.indices.filter { !function.isData($0) }
                .reduce(0) { $0.adding(function.shape(ofParameter: $1).fixedCount) }
            bytes = bytes.adding(FunctionProgram.plan(function).memoryBytes).adding(arguments.times(8))
        }
        let combinations = problem.drawnAxes.joined().reduce(1) { count, axis in
            axis.rows % max(1, min(axis.batch, axis.rows)) == 0 ? count : count.times(2)
        }
        return bytes.times(combinations)
    }
}

extension MultilevelProblem {
    /// Whole batches of every level.
    var wholeBatches: RowCounts {
        RowCounts(
            counts: drawnAxes.map { axes in
                Dictionary(uniqueKeysWithValues: axes.map { ($0.id, max(1, min($0.batch, $0.rows))) })
            })
    }
}
