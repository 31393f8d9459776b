// What solving a problem takes in memory, known before anything of it is allocated.
import ExpressionGraph
import Solvers
import Tensors

/// Bytes that a run needs at its largest. A count beyond the largest integer stays there.
package struct MemoryPrice: Sendable, Equatable {
    /// Data arrays in float64; those that a method lays out anew twice; and what is converted for programs of another
    /// precision.
    package let dataBytes: Int
    /// Programs: every one that the method may compile.
    package let programBytes: Int
    /// Points, gradients and what solvers remember.
    package let vectorBytes: Int

    /// Vectors as long as a variable that any run holds at the least: its start, the present and the best point with
    /// their derivatives, and what is passed between solver and programs.
    package static let vectorsPerVariable = 8

    /// Of nothing.
    package static let none = MemoryPrice(dataBytes: 0, programBytes: 0, vectorBytes: 0)

    /// What takes as much as either, part by part.
    package func maximum(_ other: MemoryPrice) -> MemoryPrice {
        MemoryPrice(
            dataBytes: max(dataBytes, other.dataBytes), programBytes: max(programBytes, other.programBytes),
            vectorBytes: max(vectorBytes, other.vectorBytes))
    }

    /// With the states of so many other runs of the kind, which are vectors.
    package func holding(states: Int) -> MemoryPrice {
        MemoryPrice(
            dataBytes: dataBytes, programBytes: programBytes, vectorBytes: vectorBytes.times(states.adding(1)))
    }

    private init(dataBytes: Int, programBytes: Int, vectorBytes: Int) {
        self.dataBytes = dataBytes
        self.programBytes = programBytes
        self.vectorBytes = vectorBytes
    }

    package var totalBytes: Int { dataBytes.adding(programBytes).adding(vectorBytes) }

    /// Prices a problem under a method. Programs are planned and forgotten: time by the number of operations, none by
    /// the sizes of arrays.
    package init(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) {
        dataBytes = Self.data(problem, configuration)
        programBytes = Self.programs(problem, configuration)
        vectorBytes = Self.vectors(problem, configuration).times(MemoryLayout<Double>.stride)
    }

    /// Bytes of the data.
    private static func data(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) -> Int {
        problem.data.reduce(0) { sum, array in
            let isLaidOut = configuration.isStochastic && !problem.graph.shape(array.node).axes.isEmpty
            let copies = configuration.slicesRows ? 3 : 2
            // Arrays in another precision are copies; sparse ones share their places.
            let converted = problem.precision == .float64 ? 0 : array.value.storedCount.times(problem.precision.size)
            return sum.adding(array.value.memoryBytes.times(isLaidOut ? copies : 1)).adding(converted)
        }
    }

    private static func programs(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) -> Int {
        let oracle = problem.levels.count > 2 ? 0 : bilevelPrograms(problem, configuration)
        switch configuration.algorithm {
        // The reference evaluation goes through all levels, where one is a fixed point.
        case .doubleLoop:
            guard problem.isNested else { return oracle }
            return oracle.adding(NestedEvaluator.memoryBytes(problem, problem.implicitResponses))
        case .nested(let axes):
            // Certificates solve every level, whatever the method does.
            let implicit = problem.implicitResponses
            let reference = NestedEvaluator.memoryBytes(problem, implicit)
            let own = axes.responses == implicit ? 0 : NestedEvaluator.memoryBytes(problem, axes.responses)
            return oracle.adding(reference).adding(own)
        case .nestedStochastic(let axes):
            return oracle.adding(NestedEvaluator.memoryBytes(problem, problem.implicitResponses))
                .adding(TrackedEvaluator.memoryBytes(problem, axes))
        // The largest draw of an axis does not depend on the seed.
        case .soba:
            return oracle.adding(SOBAPlan(problem, draws: .seeded(problem, seed: 0)).program.memoryBytes)
                .adding(BatchCurvature.programBytes(problem))
        case .stochastic(let axes):
            return oracle.adding(StochasticPlan(problem, axes, seed: 0, given: nil).programBytes)
                .adding(BatchCurvature.programBytes(problem))
        }
    }

    private static func bilevelPrograms(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) -> Int {
        let derivatives = BilevelGraph.full(problem)
        let programs = OracleProgram.compiled(for: problem, derivatives, by: configuration).reduce(0) { sum, entry in
            sum.adding(derivatives.plan(entry.program, in: entry.precision).memoryBytes)
        }
        return programs.adding(formulas(problem, copies: configuration.isStochastic ? 2 : 1))
    }

    /// Weights of norms and starts by formulas, which an oracle evaluates in float64; a method in another precision has
    /// an oracle of its own beside the reference.
    private static func formulas(_ problem: MultilevelProblem, copies: Int) -> Int {
        if problem.isSingleLevel { return 0 }
        let groups = [problem.lower.norms.map(\.weight), problem.lower.startFormulas.map(\.node)]
        let bytes = groups.filter { !$0.isEmpty }.reduce(0) { $0.adding(UpperFormulas(problem, $1).memoryBytes) }
        return bytes.times(problem.precision == .float64 ? copies : 2 * copies)
    }

    /// Numbers in vectors. The reference evaluation and the method take turns, so the larger of both counts.
    private static func vectors(_ problem: MultilevelProblem, _ configuration: MethodConfiguration) -> Int {
        let upper = problem.upper.dimension
        let lower = problem.responseDimension
        // Methods that draw rows of a variable keep it beside their program, with what it shows the program and a step.
        let rows = configuration.isStochastic ? problem.upper.variables.filter { $0.axis != nil } : []
        // The last good point, to which automatic steps may return.
        let anchor = configuration.isStochastic ? upper.adding(lower).times(2) : 0
        // What looks at all data learn of H and of F: kept, and those of one look or step.
        func pairs(_ dimension: Int) -> Int { CurvaturePairs.capacity(dimension: dimension).times(4).times(dimension) }
        let learnt = configuration.isStochastic ? pairs(lower).adding(pairs(upper)) : 0
        let points = upper.adding(lower).times(vectorsPerVariable).adding(anchor).adding(learnt)
            .adding(rows.reduce(0) { $0.adding($1.count.times(3)) })
            .adding(problem.upper.constraint.room(for: upper))
        var history = Self.pairs(ReferenceEvaluator.memory, steps: .max, lower)
        switch configuration.algorithm {
        case .doubleLoop(let axes): history = max(history, self.history(axes, problem))
        // Beside the reference evaluation: estimates and tables last from iteration to iteration.
        case .stochastic(let axes):
            history = history.adding(StochasticPlan(problem, axes, seed: 0, given: nil).vectorCount)
        // Points before and after a trial.
        case .nestedStochastic: history = history.adding(upper.adding(lower).times(4))
        case .soba, .nested: break
        }
        return points.adding(lower == 0 ? 0 : max(history, lower.times(Curvature.defaultSteps)))
    }

    /// What the lower solver and the derivatives of its steps remember.
    private static func history(_ axes: DoubleLoopConfiguration, _ problem: MultilevelProblem) -> Int {
        let lower = problem.responseDimension
        let solver: Int
        switch axes.lower {
        case .lbfgs(let memory, let steps, _): solver = pairs(memory, steps: steps, lower)
        case .accelerated, .newtonCG, .closedForm: solver = lower.times(8)
        case .gradientDescent(_, let steps, _):
            return unrolled(axes, .gradient, steps, problem)
        case .rule(let rule, _, let steps, _): return unrolled(axes, rule, steps, problem)
        case .anderson(let memory, _, _, _): solver = lower.adding(5).times(min(memory, lower).times(3).adding(5))
        }
        return solver.adding(system(axes, lower))
    }

    /// The states that derivatives of steps are taken at. Each is arrays of its own, which have headers and references.
    private static func unrolled(
        _ axes: DoubleLoopConfiguration, _ rule: UpdateRule, _ steps: Int, _ problem: MultilevelProblem
    ) -> Int {
        let state = problem.responseDimension.adding(5).times(rule.vectorCount).adding(6)
        switch axes.hypergradient {
        case .unrolledReverse(let truncation, let memory):
            return state.times(memory.states(steps: min(truncation ?? steps, steps)).adding(2))
        case .aggregated, .learnedStart: return state.times(steps.adding(3))
        case .unrolledForward: return state.times(problem.upper.dimension.adding(2))
        case .implicit, .rankOne, .differenced, .zerothOrder, .valueGap, .moreauEnvelope, .barrier, .initialisation:
            return state.times(3).adding(system(axes, problem.responseDimension))
        }
    }

    /// What the linear solver remembers.
    private static func system(_ axes: DoubleLoopConfiguration, _ lower: Int) -> Int {
        guard case .implicit(let solver) = axes.hypergradient else { return 0 }
        switch solver {
        case .cholesky, .lu: return lower.times(lower).times(4)
        case .gmres(let restart, _, _): return lower.adding(5).times(min(restart, lower).adding(5))
        case .automatic:
            let isSmall = lower <= LinearSystemSolver.directLimit
            return isSmall ? lower.times(lower).times(4) : lower.adding(5).times(55)
        case .conjugateGradients, .fixedPoint, .normalEquations, .minres, .bicgstab, .neumann: return lower.times(8)
        }
    }

    /// The pairs of L-BFGS: two vectors for each that is filled, four numbers for each that there is room for.
    private static func pairs(_ memory: Int, steps: Int, _ dimension: Int) -> Int {
        dimension.times(2).times(min(memory, steps)).adding(memory.times(4))
    }
}
