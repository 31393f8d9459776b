// A long series of progress points as a short one that looks the same: first, last and the extremes of every stretch.
import ProblemSpecification

/// The numbers of a progress event that a series may hold.
package enum ProgressField: String, CaseIterable, Sendable {
    case upperObjective = "upper_objective"
    case hypergradientNorm = "hypergradient_norm"
    case lowerResidual = "lower_residual"
    case linearResidual = "linear_residual"
    case step
    case elapsedSeconds = "elapsed_seconds"
    /// Which of several runs, by its number.
    case member

    /// What is read where nobody says.
    static let usual: [ProgressField] = [.upperObjective, .hypergradientNorm]

    /// The numbers whose extremes outlive the thinning of a log.
    @Sendable package static func measures(_ data: [UInt8]) -> [Double] {
        let point = try? JSONParser.parse(data)
        return usual.map { point?[$0.rawValue]?.double ?? .nan }
    }
}

/// One point of a series.
struct SeriesPoint: Equatable, Sendable {
    let seq: Int64
    let iteration: Int
    /// By field; NaN where the number is not finite or missing.
    let values: [Double]
}

/// Collects points and keeps at most so many.
///
/// As long as they fit, all stay. Then they are put into stretches of equal length, of each of which the points with the
/// least and the greatest value of every field stay; stretches are joined by pairs when they become too many. So memory
/// and the answer are bounded, and no extreme is lost.
struct ProgressSeries {
    private struct Stretch {
        /// For each field its least and greatest point.
        var extremes: [SeriesPoint?]

        init(fields: Int) { extremes = Array(repeating: nil, count: 2 * fields) }

        mutating func take(_ point: SeriesPoint) {
            for (field, value) in point.values.enumerated() where !value.isNaN {
                if extremes[2 * field].map({ value < $0.values[field] }) ?? true { extremes[2 * field] = point }
                if extremes[2 * field + 1].map({ value > $0.values[field] }) ?? true { extremes[2 * field + 1] = point }
            }
        }
    }

    private let fields: Int
    private let limit: Int
    private var first: SeriesPoint?
    private(set) var last: SeriesPoint?
    /// Points taken.
    private(set) var count = 0
    private var all: [SeriesPoint] = []
    private var stretches: [Stretch] = []
    private var length = 1

    /// - Parameters:
    ///   - fields: numbers of a point, at least one.
    ///   - limit: points of ``points``, at least 2 + 2·fields.
    init(fields: Int, limit: Int) {
        self.fields = fields
        self.limit = limit
    }

    private var stretchLimit: Int { (limit - 2) / (2 * fields) }

    /// Takes the next point.
    mutating func take(_ point: SeriesPoint) {
        if first == nil { first = point }
        last = point
        count += 1
        if count <= limit {
            all.append(point)
        } else {
            if !all.isEmpty {
                for (index, earlier) in all.enumerated() { put(earlier, at: index) }
                all = []
            }
            put(point, at: count - 1)
        }
    }

    private mutating func put(_ point: SeriesPoint, at index: Int) {
        while index / length >= stretchLimit { join() }
        let stretch = index / length
        while stretches.count <= stretch { stretches.append(Stretch(fields: fields)) }
        stretches[stretch].take(point)
    }

    private mutating func join() {
        var joined: [Stretch] = []
        for index in stride(from: 0, to: stretches.count, by: 2) {
            var stretch = stretches[index]
            if index + 1 < stretches.count {
                for point in stretches[index + 1].extremes.compactMap({ $0 }) { stretch.take(point) }
            }
            joined.append(stretch)
        }
        stretches = joined
        length *= 2
    }

    /// The series, by number.
    var points: [SeriesPoint] {
        guard all.isEmpty else { return all }
        let kept = [first, last].compactMap { $0 } + stretches.flatMap { $0.extremes.compactMap { $0 } }
        var seen: Set<Int64> = []
        return kept.filter { seen.insert($0.seq).inserted }.sorted { $0.seq < $1.seq }
    }
}
