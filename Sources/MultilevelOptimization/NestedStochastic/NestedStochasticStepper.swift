// The iterations of steps on batches at every level: one step of the outermost level, then rounds of the levels below,
// each step of a level followed by those of the deeper ones. Giovannelli, Kent & Vicente, arXiv 2505.06805, 2025.
import ExpressionGraph
import Solvers
import Tensors

/// Computes iterations; all that lasts is in the state. Not thread-safe.
final class NestedStochasticStepper {
    let problem: MultilevelProblem
    let configuration: NestedStochasticConfiguration
    let evaluator: TrackedEvaluator
    private let seed: UInt64
    /// By level, the axes that it draws along.
    private let axes: [[SampleAxis]]
    private var samplers: [[BatchSampler]]

    /// Halvings of a trial step at the most, and the part of the predicted fall that a step has to bring.
    private static let halvings = 40
    private static let decrease = 1e-4
    /// Growth of a level's variables that counts as having no optimum.
    private static let growthLimit = 1e10

    /// - Parameter problem: with its rows laid out in the order in which batches are cut.
    init(_ problem: MultilevelProblem, _ configuration: NestedStochasticConfiguration, seed: UInt64) {
        self.problem = problem
        self.configuration = configuration
        self.seed = seed
        evaluator = TrackedEvaluator(problem, configuration.inverse)
        axes = problem.drawnAxes
        samplers = axes.enumerated().map { level, axes in
            axes.map { axis in
                BatchSampler(
                    seed: seed, axis: axis.name, stream: "level \(level)", rows: axis.rows, batch: axis.batch)
            }
        }
    }

    /// Batches of one pass of the outermost level, or of the first level that draws.
    var epochLength: Int {
        samplers.first { !$0.isEmpty }?.map(\.batchCount).max() ?? 1
    }

    /// Whether every batch is all of its axis.
    var isDeterministic: Bool { samplers.allSatisfy { $0.allSatisfy { $0.batchCount == 1 } } }

    /// Rows of one batch of each level.
    private var batchRows: [Int] { axes.map { $0.reduce(0) { $0 + min($1.batch, $1.rows) } } }

    // MARK: - Batches

    /// The rows of batch `t` of a level.
    private func rows(_ level: Int, at t: Int) -> LevelRows {
        var rows: LevelRows = [:]
        for index in axes[level].indices {
            let draw = samplers[level][index].draw(at: t)
            rows[axes[level][index].id] = draw.start..<(draw.start + draw.count)
        }
        return rows
    }

    /// Fresh batches of a level and those below; of those above, which its step does not read, the first rows.
    private func draw(from level: Int, _ state: inout NestedStochasticState) -> [LevelRows] {
        problem.levels.indices.map { index in
            if index < level {
                var first: LevelRows = [:]
                for axis in axes[index] { first[axis.id] = 0..<min(axis.batch, axis.rows) }
                return first
            }
            defer { state.draws[index] += 1 }
            return rows(index, at: state.draws[index])
        }
    }

    // MARK: - Iterations

    /// Makes one iteration.
    func advance(_ state: inout NestedStochasticState) {
        evaluator.solver.damping = state.damping
        let rows = draw(from: 0, &state)
        let found = evaluator.evaluate(.outer, at: state.points, rows)
        evaluator.solver.count(0) { $0.residuals += 1 }
        switch configuration.upper {
        case .schedule:
            moveOuter(&state, along: found[0], by: state.upper.value(at: state.iteration))
            respond(1, &state)
        case .lineSearch: search(&state, along: found[0], value: found[1][0], rows)
        }
        state.iteration += 1
    }

    private func moveOuter(_ state: inout NestedStochasticState, along direction: [Double], by step: Double) {
        VectorMath.add(-step, direction, to: &state.points[0])
        problem.upper.constraint.project(&state.points[0])
    }

    /// A round of a level and those below: the deeper ones first, then again after each of its steps.
    private func respond(_ level: Int, _ state: inout NestedStochasticState) {
        guard level < problem.levels.count else { return }
        respond(level + 1, &state)
        for _ in 0..<state.steps[level - 1] {
            step(level, &state)
            respond(level + 1, &state)
        }
    }

    private func step(_ level: Int, _ state: inout NestedStochasticState) {
        let length = state.schedules[level - 1].value(at: state.iteration)
        let rows = draw(from: level, &state)
        let moved = evaluator.evaluate(.step(level: level), at: state.points, rows, [length])[0]
        evaluator.solver.count(level) { $0.residuals += 1 }
        guard problem.levels[level].fixedPoint != nil else {
            state.points[level] = moved
            return
        }
        // The map is repeated in part: x + α(P(Φ(x)) − x).
        let change = VectorMath.subtract(moved, state.points[level])
        VectorMath.add(length, change, to: &state.points[level])
    }

    /// Halves the outer step until f_0 on its batch, the levels below having followed, falls by a part of what the
    /// direction predicts; leaves everything as it was where no step does.
    private func search(
        _ state: inout NestedStochasticState, along direction: [Double], value: Double, _ rows: [LevelRows]
    ) {
        let before = state
        var length = min(2 * state.trial, state.upper.value(at: 0))
        for _ in 0..<Self.halvings {
            state = before
            moveOuter(&state, along: direction, by: length)
            respond(1, &state)
            let predicted = VectorMath.dot(direction, VectorMath.subtract(before.points[0], state.points[0]))
            let found = evaluator.evaluate(.value, at: state.points, rows)[0][0]
            evaluator.solver.count(0) { $0.objectives += 1 }
            if found <= value - Self.decrease * predicted {
                state.trial = length
                return
            }
            length *= 0.5
        }
        // The levels below may have moved on: they follow the outermost where it stands.
        state = before
        respond(1, &state)
    }

    /// What evaluations took since the last call.
    func takeCounts() -> (total: OracleCounts, byLevel: [LevelCounts]) {
        let byLevel = evaluator.solver.takeCounts()
        var total = OracleCounts()
        total.upperGradient = byLevel[0].residuals
        total.upperValue = byLevel[0].objectives
        for (level, counts) in byLevel.enumerated() {
            if level > 0 { total.lowerGradient += counts.residuals }
            total.hessianProduct += counts.products
            total.samples += batchRows[level] * (counts.residuals + counts.objectives + counts.products)
        }
        return (total, byLevel)
    }

    /// The level whose variables left their range first, the innermost one where several did; `nil` where none has.
    func diverged(_ state: NestedStochasticState) -> Int? {
        problem.levels.indices.last { level in
            let size = VectorMath.maxNorm(state.points[level])
            return !(size <= Self.growthLimit * max(1, VectorMath.maxNorm(problem.levels[level].start)))
        }
    }

    // MARK: - The start

    /// Batches and products on each that a step size rests on.
    private static let surveyed = (batches: 4, products: 8)

    /// Begins at the best responses that the report of the start has found, with steps from curvatures on batches where
    /// none are given: 1/2L of each level, and of a map the whole step.
    func begin(_ exact: Evaluation) -> NestedStochasticState {
        var points = [exact.x] + problem.cutResponses(exact.y)
        // What was not found cannot be begun at.
        for level in points.indices where !VectorMath.isFinite(points[level]) {
            points[level] = problem.levels[level].start
        }
        var largest = points.map { _ in 0.0 }
        for level in points.indices where needsCurvature(level) { largest[level] = curvature(level, points) }
        let longest = largest.map { $0 > 0 && $0.isFinite ? 1 / $0 : 0.2 }
        let schedules = configuration.levels.enumerated().map { index, level in
            let isMap = problem.levels[index + 1].fixedPoint != nil
            return settled(level.step, isMap ? 1 : 0.5 * longest[index + 1])
        }
        let size = VectorMath.maxNorm(exact.hypergradient)
        let reach = size > 0 && size.isFinite ? max(1, VectorMath.maxNorm(exact.x)) / size : 1
        let upper: StepSchedule
        switch configuration.upper {
        case .schedule(let rule): upper = settled(rule, min(0.5 * longest[0], reach))
        case .lineSearch: upper = .constant(reach)
        }
        return NestedStochasticState(
            points: points, draws: points.map { _ in 0 }, steps: configuration.levels.map(\.steps),
            schedules: schedules, upper: upper, damping: damping(longest), trial: 0.5 * upper.value(at: 0),
            lastValue: exact.value)
    }

    private func settled(_ rule: StepRule, _ step: Double) -> StepSchedule {
        // Without noise nothing has to be averaged out.
        if case .automatic = rule, isDeterministic { return .constant(step) }
        return rule.settled(step)
    }

    private func damping(_ longest: [Double]) -> [Double] {
        switch configuration.inverse {
        case .krylov: longest.map { _ in 1 }
        case .neumann(let step?, _): longest.map { _ in step }
        case .neumann(nil, _):
            problem.levels.indices.map { problem.levels[$0].fixedPoint == nil ? longest[$0] : 1 }
        }
    }

    /// Whether a step of ours rests on a level's curvature.
    private func needsCurvature(_ level: Int) -> Bool {
        if problem.levels[level].fixedPoint != nil { return false }
        if level == 0 {
            if case .schedule(let rule) = configuration.upper { return rule.isAutomatic }
            return false
        }
        if case .neumann(nil, _) = configuration.inverse { return true }
        return configuration.levels[level - 1].step.isAutomatic
    }

    /// The largest |eigenvalue| of dG_i/dx_i on some batches, always the same ones, by power iterations.
    private func curvature(_ level: Int, _ points: [[Double]]) -> Double {
        var stream = RandomStream(seed: seed, stream: "curvature of level \(level)")
        // Inner series need a step before one is known.
        evaluator.solver.damping = points.map { _ in 1e-3 }
        var largest = 0.0
        for t in 0..<Self.surveyed.batches {
            let rows = problem.levels.indices.map { self.rows($0, at: t) }
            var v = points[level].map { _ in stream.normal() }
            for _ in 0..<Self.surveyed.products {
                VectorMath.scale(1 / VectorMath.norm(v), &v)
                v = evaluator.evaluate(.product(level: level), at: points, rows, v)[0]
                evaluator.solver.count(level) { $0.products += 1 }
                let size = VectorMath.norm(v)
                guard size > 0, size.isFinite else { break }
                largest = max(largest, size)
            }
        }
        return largest
    }
}

extension MultilevelProblem {
    /// By level, the axes that batches are drawn along; a map is always evaluated on all rows.
    var drawnAxes: [[SampleAxis]] {
        levels.indices.map { levels[$0].fixedPoint == nil ? axes(ofLevel: $0) : [] }
    }
}
