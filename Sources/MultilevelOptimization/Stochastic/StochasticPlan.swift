// What a method on batches will compile and remember, known before anything is allocated.
import ExpressionGraph
import Solvers

/// Programs, layout and sizes.
struct StochasticPlan {
    let programs: SampledPrograms
    let draws: SampledDraws
    let layout: StochasticLayout
    /// Iterations between full passes of SARAH.
    let period: Int
    /// Numbers of a step's working memory.
    let workCount: Int
    let pieces: [SampledPiece]
    private let largest: [AxisID: Int]

    init(_ problem: MultilevelProblem, _ configuration: StochasticConfiguration, seed: UInt64, given: SOBADraws?) {
        pieces = configuration.pieces(of: problem)
        programs = SampledPrograms(problem, withLowerGradientX: pieces.contains(.lowerGradients))
        draws = SampledDraws(programs, seed: seed, given: given)
        largest = SampledOracle.largestCounts(programs, draws)
        let places = SampledOracle.places(problem, programs.sampled, largest)
        let (p, d) = (problem.upper.dimension, problem.lower.dimension)
        let tables = Self.tables(programs, draws, places, upper: p, lower: d)
        layout = StochasticLayout(configuration, upper: p, lower: d, hasFace: !problem.lower.isSmooth, tables: tables)
        let entry = places.reduce(max(d, p)) { max($0, $1.width) }
        workCount = d.times(3).adding(p.times(2)).adding(entry)
        period = Self.period(configuration, draws)
    }

    private static func tables(
        _ programs: SampledPrograms, _ draws: SampledDraws, _ places: [LeafPlace], upper: Int, lower: Int
    ) -> SAGALayout {
        func width(_ nodes: [NodeID]) -> Int {
            zip(nodes, places).reduce(0) { programs.isZero($1.0) ? $0 : $0.adding($1.1.width) }
        }
        let derivatives = programs.sampled.derivatives
        func slots(_ use: SampleUse) -> Int { draws.sources(of: use).first?.slotCount ?? 1 }
        return SAGALayout(
            (upper, lower),
            widths: (
                lower.times(2).adding(width(derivatives.mixedProduct)),
                lower.adding(width(derivatives.upperGradientX))
            ), slots: (slots(.lower), slots(.upper)))
    }

    /// P = ½(n + m)/batch of SRBA, divided by the steps of an iteration for VRBO, unless it is given.
    private static func period(_ configuration: StochasticConfiguration, _ draws: SampledDraws) -> Int {
        if case .sarah(let period?) = configuration.estimator { return max(1, period) }
        let batches = [SampleUse.lower, .upper].flatMap { draws.sources(of: $0) }.map(\.epochLength)
        return max(1, batches.reduce(0, +) / (2 * configuration.lowerSteps))
    }

    /// The programs with their names, in order.
    var compiled: [(piece: SampledPiece, plan: ProgramPlan)] {
        pieces.map { ($0, programs.plan($0, largestCounts: largest)) }
    }

    /// Bytes of all programs.
    var programBytes: Int { compiled.reduce(0) { $0.adding($1.plan.memoryBytes) } }
    /// Numbers of the state and of a step.
    var vectorCount: Int { layout.count.adding(workCount).adding(layout.upper) }
}
