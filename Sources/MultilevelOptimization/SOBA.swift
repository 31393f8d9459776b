// SOBA: y, v and x move together, each along a direction sampled at the same point and time.
// Dagréou, Ablin, Vaiter, Moreau, NeurIPS 2022, Algorithm 1 (their v, which tends to −H⁻¹∇_y f).
import ExpressionGraph
import Solvers
import Tensors

/// The iterates of SOBA.
package struct SOBAState: Sendable, Equatable {
    /// Completed iterations, which is also the number of draws used.
    package var iteration = 0
    package var x: [Double]
    package var y: [Double]
    package var v: [Double]
    /// ρ_t and γ_t, settled at the start.
    package var lowerStep: StepSchedule
    package var upperStep: StepSchedule

    package init(x: [Double], y: [Double], v: [Double], lowerStep: StepSchedule, upperStep: StepSchedule) {
        self.x = x
        self.y = y
        self.v = v
        self.lowerStep = lowerStep
        self.upperStep = upperStep
    }

    var isFinite: Bool { [x, y, v].allSatisfy(VectorMath.isFinite) }
}

/// Where SOBA's draws come from, by axis name: one source for each level that uses the axis.
package struct SOBADraws: Sendable {
    package var lower: [String: DrawSource]
    package var upper: [String: DrawSource]

    package init(lower: [String: DrawSource], upper: [String: DrawSource]) {
        self.lower = lower
        self.upper = upper
    }

    /// Seeded epochs for both levels, independent of each other.
    package static func seeded(_ problem: MultilevelProblem, seed: UInt64) -> SOBADraws {
        func sources(_ level: Int, _ stream: String) -> [String: DrawSource] {
            var result: [String: DrawSource] = [:]
            for axis in problem.axes(ofLevel: level) {
                let sampler = BatchSampler(
                    seed: seed, axis: axis.name, stream: stream, rows: axis.rows, batch: axis.batch)
                result[axis.name] = .seeded(sampler)
            }
            return result
        }
        return SOBADraws(lower: sources(1, "lower"), upper: sources(0, "upper"))
    }

    /// Draws of the longest pass over the data of either level.
    package var epochLength: Int {
        (Array(lower.values) + Array(upper.values)).map(\.epochLength).max() ?? 1
    }
}

/// Computes SOBA's iterations: one compiled program holds the three directions and the updates.
package final class SOBAStepper {
    private let program: Program
    private let sampled: SampledGraph
    private var lowerDraws: [DrawSource]
    private var upperDraws: [DrawSource]
    private let rho: InputCell?
    private let gamma: InputCell?
    private var lowerWeights: [BatchWeight]
    private var upperWeights: [BatchWeight]
    private let variables: [NodeID]
    private let cells: [InputCell?]
    /// Where each of `variables` lies in y, v and x, one after the other.
    private let entries: [Range<Int>]
    private let rows: [SOBARows]
    /// Variables whose set is more than bounds, each with its cell.
    private let projections: [Projection]
    private struct Projection {
        let cell: InputCell
        let set: ConvexSet
        /// Where the variable lies in x.
        let entries: Range<Int>
        /// What the projection needs room for, and a copy of the variable where the program's is in another precision.
        let room: AlignedBuffer
        let copy: AlignedBuffer
    }
    private var lowerNow: [Draw] = []
    private var upperNow: [Draw] = []

    /// - Parameter problem: with its rows laid out in the order that the draws name.
    package init(_ problem: MultilevelProblem, draws: SOBADraws) {
        let plan = SOBAPlan(problem, draws: draws)
        sampled = plan.sampled
        lowerDraws = plan.lowerDraws
        upperDraws = plan.upperDraws
        variables = plan.variables
        entries = Self.entries(problem, plan.sampled)
        rows = problem.upper.variables.indices.compactMap { [variables] index in
            SOBARows(
                problem.upper, variable: index, plan.sampled.leaves, firstOutput: variables.count, problem.precision)
        }
        let program = Program(plan.program)
        self.program = program
        rho = program.cell(plan.update.rho)
        gamma = program.cell(plan.update.gamma)
        lowerWeights = sampled.lower.axes.map { BatchWeight(cell: program.cell($0.weight)) }
        upperWeights = sampled.upper.axes.map { BatchWeight(cell: program.cell($0.weight)) }
        cells = variables.map { program.cell($0) }
        projections = Self.projections(problem.upper, plan.sampled, program)
        let buffers = problem.buffers(in: problem.precision)
        for (node, buffer) in buffers { program.bind(node, to: buffer) }
        for input in sampled.lower.inputs + sampled.upper.inputs {
            if let buffer = buffers[input.array.node] { program.bind(input.node, to: buffer) }
        }
        for bound in plan.update.bounds { program.write(bound.values, to: bound.node) }
        for variable in rows { variable.bind(to: program) }
    }

    private static func entries(_ problem: MultilevelProblem, _ sampled: SampledGraph) -> [Range<Int>] {
        let lower = problem.lower
        let ofLower = lower.variables.indices.map(lower.entries)
        let shared = sampled.leaves.filter { $0.rows == nil }.map { problem.upper.entries(of: $0.variable) }
        return ofLower + ofLower.map { $0.shifted(by: lower.dimension) }
            + shared.map { $0.shifted(by: 2 * lower.dimension) }
    }

    private static func projections(
        _ upper: Level, _ sampled: SampledGraph, _ program: Program
    ) -> [Projection] {
        sampled.leaves.compactMap { leaf in
            guard leaf.rows == nil, let cell = program.cell(leaf.node) else { return nil }
            let entries = upper.entries(of: leaf.variable)
            switch upper.constraint.restricted(to: entries) {
            case .whole, .box: return nil
            case let set:
                return Projection(
                    cell: cell, set: set, entries: entries,
                    room: AlignedBuffer(count: set.room(for: entries.count)),
                    copy: AlignedBuffer(count: entries.count))
            }
        }
    }

    /// Advances the state by `count` iterations.
    package func advance(_ state: inout SOBAState, by count: Int) {
        load(state)
        for t in state.iteration..<(state.iteration + count) {
            draw(&lowerDraws, sampled.lower.axes, &lowerWeights, at: t, into: &lowerNow)
            draw(&upperDraws, sampled.upper.axes, &upperWeights, at: t, into: &upperNow)
            if let rho { program.write(state.lowerStep.value(at: t), to: rho) }
            if let gamma { program.write(state.upperStep.value(at: t), to: gamma) }
            program.run()
            for output in cells.indices { if let cell = cells[output] { program.exchange(output, with: cell) } }
            for variable in projections {
                program.update(variable.cell, through: variable.copy) {
                    variable.set.project($0, variable.room.base)
                }
            }
            for variable in rows { variable.update(from: program, lower: lowerNow, upper: upperNow) }
        }
        state.iteration += count
        if count > 0 { store(&state) }
    }

    /// How much longer the lower variables' steps become over some iterations in which the upper ones stand still: below
    /// 1 for steps that fit the lower level's curvature, NaN where the numbers end.
    func lowerGrowth(from start: SOBAState, iterations: Int) -> Double {
        var state = start
        var lengths: [Double] = []
        for _ in 0..<max(iterations, 2) {
            let before = state.y
            advance(&state, by: 1)
            // A step of length 0 would not do: the direction need not be finite.
            state.x = start.x
            lengths.append(VectorMath.norm(VectorMath.subtract(state.y, before)))
        }
        return lengths[lengths.count - 1] / lengths[0]
    }

    /// Shows the program the batch of iteration `t`, and asks for the rows of the next.
    private func draw(
        _ sources: inout [DrawSource], _ axes: [LevelDraw.Axis], _ weights: inout [BatchWeight], at t: Int,
        into present: inout [Draw]
    ) {
        present.removeAll(keepingCapacity: true)
        for index in axes.indices {
            let draw = sources[index].draw(at: t)
            if !rows.isEmpty { present.append(draw) }
            program.selectRows(of: axes[index].drawn, start: draw.start, count: draw.count)
            weights[index].show(draw.weight, program)
            if let next = sources[index].peek(after: t) {
                program.prefetchRows(of: axes[index].drawn, start: next.start, count: next.count)
            }
        }
    }

    private func load(_ state: SOBAState) {
        let packed = state.y + state.v + state.x
        packed.withUnsafeBufferPointer { values in
            for (variable, range) in zip(variables, entries) {
                program.write(UnsafeBufferPointer(rebasing: values[range]), to: variable)
            }
        }
        for variable in rows { variable.load(state.x) }
    }

    private func store(_ state: inout SOBAState) {
        let dimension = state.y.count
        for (output, range) in entries.enumerated() {
            // Where the input is read, it holds what became of the output, projected.
            let values = cells[output].map(program.values) ?? program.result(output)
            for (entry, value) in zip(range, values) {
                if entry < dimension {
                    state.y[entry] = value
                } else if entry < 2 * dimension {
                    state.v[entry - dimension] = value
                } else {
                    state.x[entry - 2 * dimension] = value
                }
            }
        }
        for variable in projections {
            state.x.replaceSubrange(variable.entries, with: program.values(of: variable.cell))
        }
        for variable in rows { variable.store(&state.x) }
    }

    /// The rows that one iteration reads, with whole batches.
    var samplesPerIteration: Double {
        Double((lowerDraws + upperDraws).reduce(0) { $0 + $1.largestCount })
    }

    /// The instructions of the program's stages, for measurements.
    package var instructionCounts: [Int] { program.instructionCounts }
}

extension Range<Int> {
    fileprivate func shifted(by distance: Int) -> Range<Int> { (lowerBound + distance)..<(upperBound + distance) }
}

/// The weight of an axis's batch, which a program keeps from batch to batch: batches of one size have one weight.
struct BatchWeight {
    private let cell: InputCell?
    private var shown: Double?

    init(cell: InputCell?) { self.cell = cell }

    /// Writes the weight where it is another than before.
    mutating func show(_ weight: Double, _ program: Program) {
        guard let cell, weight != shown else { return }
        program.write(weight, to: cell)
        shown = weight
    }
}
