// Which batches an iteration reads: one stream of draws for each use that a method's theory wants independent.
import Solvers
import Tensors

/// A use of samples. Every use has a stream of its own.
enum SampleUse: Int, CaseIterable {
    /// g_y of steps on y; all directions of the lower level where they move together.
    case lower
    /// f at the upper step.
    case upper
    /// Products Hv of the linear system.
    case hessian
    /// Jv at the upper step, or g_x of the penalty.
    case mixed
    /// g_y of steps on the penalty's second point.
    case second
    /// f_y of steps on the penalty's first point.
    case penalty

    var isOfLowerLevel: Bool {
        switch self {
        case .lower, .hessian, .mixed, .second: true
        case .upper, .penalty: false
        }
    }

    /// Keys the stream.
    var name: String {
        switch self {
        case .lower: "lower"
        case .upper: "upper"
        case .hessian: "hessian"
        case .mixed: "mixed"
        case .second: "second"
        case .penalty: "penalty"
        }
    }
}

/// How many draws every use has made: all that a sampler has of state.
typealias DrawCounters = SIMD8<Int>

/// The draws of a run.
struct SampledDraws {
    /// By use, then by axis of the level.
    private var sources: [[DrawSource]]
    /// Where each use counts. Given sequences belong to a level, whose uses read them one after the other.
    private let counter: [Int]

    /// - Parameter given: draws for comparisons step by step; `nil` for seeded epochs.
    init(_ programs: SampledPrograms, seed: UInt64, given: SOBADraws?) {
        var sources: [[DrawSource]] = []
        for use in SampleUse.allCases {
            let axes = use.isOfLowerLevel ? programs.sampled.lower.axes : programs.sampled.upper.axes
            sources.append(
                axes.map { axis in
                    let source = axis.source
                    if let known = (use.isOfLowerLevel ? given?.lower : given?.upper)?[source.name] { return known }
                    return .seeded(
                        BatchSampler(
                            seed: seed, axis: source.name, stream: use.name, rows: source.rows, batch: source.batch))
                })
        }
        self.sources = sources
        counter = SampleUse.allCases.map { use in
            given == nil ? use.rawValue : (use.isOfLowerLevel ? SampleUse.lower : SampleUse.upper).rawValue
        }
    }

    /// The next draw of a use, by axis, into `present`.
    mutating func next(_ use: SampleUse, _ counters: inout DrawCounters, into present: inout [Draw]) {
        let place = counter[use.rawValue]
        let t = counters[place]
        counters[place] = t + 1
        present.removeAll(keepingCapacity: true)
        for axis in sources[use.rawValue].indices { present.append(sources[use.rawValue][axis].draw(at: t)) }
    }

    /// The draws of a use after those of its last ``next(_:_:into:)``, where they are known without beginning an epoch.
    func following(_ use: SampleUse, _ counters: DrawCounters, into ahead: inout [Draw?]) {
        let t = counters[counter[use.rawValue]] - 1
        ahead.removeAll(keepingCapacity: true)
        for axis in sources[use.rawValue].indices { ahead.append(sources[use.rawValue][axis].peek(after: t)) }
    }

    func sources(of use: SampleUse) -> [DrawSource] { sources[use.rawValue] }

    /// Batches of the longest pass over either level.
    var epochLength: Int {
        [SampleUse.lower, .upper].flatMap { sources[$0.rawValue] }.map(\.epochLength).max() ?? 1
    }
}
