// What the service counts of itself, and how Prometheus reads it (text exposition format 0.0.4): base units, no ids.
import HTTPServer
import Synchronization

/// What a finished job has cost.
struct JobCost: Sendable, Equatable {
    /// From submission to the first attempt, in seconds.
    var queued: Double
    /// The solver's own seconds, all attempts together.
    var solve: Double
    var iterations: Int
    /// Oracle calls by kind.
    var oracle: [String: Int]
}

/// Counters of the service.
package final class ServiceMetrics: Sendable {
    /// Requests of one route and status by duration.
    struct Histogram: Equatable, Sendable {
        /// Upper bounds in seconds.
        static let bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]
        /// Per bound and, last, above all of them; not cumulative.
        var counts = [Int](repeating: 0, count: bounds.count + 1)
        var sum = 0.0

        mutating func add(_ seconds: Double) {
            counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
            sum += seconds
        }
    }

    struct Key: Hashable, Sendable {
        let route: String
        let status: Int
    }

    /// What finished jobs have cost, all together.
    struct Jobs: Equatable, Sendable {
        var queued = Histogram()
        var solve = Histogram()
        var iterations = 0
        var oracle: [String: Int] = [:]
    }

    private let requests = Mutex<[Key: Histogram]>([:])
    private let finished = Mutex(Jobs())
    private let calls = Mutex<[String: Int]>([:])
    private let streams = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    func observe(route: String, status: Int, seconds: Double) {
        requests.withLock { $0[Key(route: route, status: status), default: Histogram()].add(seconds) }
    }

    package init() {}

    func observe(_ cost: JobCost) {
        finished.withLock { jobs in
            jobs.queued.add(cost.queued)
            jobs.solve.add(cost.solve)
            jobs.iterations += cost.iterations
            jobs.oracle.merge(cost.oracle, uniquingKeysWith: +)
        }
    }

    func observe(_ answer: WebhookAnswer) {
        let outcome =
            switch answer {
            case .taken: "delivered"
            case .unwanted: "unwanted"
            case .failed: "failed"
            }
        calls.withLock { $0[outcome, default: 0] += 1 }
    }

    /// Calls of webhooks by what became of them.
    var webhooks: [String: Int] { calls.withLock { $0 } }

    var jobs: Jobs { finished.withLock { $0 } }

    func streamHasBegun() { streams.wrappingAdd(1, ordering: .relaxed) }
    func streamHasEnded() { streams.wrappingSubtract(1, ordering: .relaxed) }
    func eventWasDropped() { dropped.wrappingAdd(1, ordering: .relaxed) }

    var histograms: [Key: Histogram] { requests.withLock { $0 } }
    var streamClients: Int { streams.load(ordering: .relaxed) }
    var droppedEvents: Int { dropped.load(ordering: .relaxed) }
}

/// Builds the text of `/metrics`.
struct MetricsText {
    private(set) var text = ""

    /// One metric: its description, and a line for each value.
    mutating func add(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
    }

    mutating func add(_ name: String, _ type: String, _ help: String, _ value: Int) {
        add(name, type, help, [("", String(value))])
    }

    mutating func add(_ histograms: [ServiceMetrics.Key: ServiceMetrics.Histogram]) {
        let name = "http_server_request_duration_seconds"
        text += "# HELP \(name) Time from the end of a request's head to the end of its answer.\n"
        text += "# TYPE \(name) histogram\n"
        let sorted = histograms.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
        for (key, histogram) in sorted {
            add(name, histogram, labels: ["route=\"\(Self.escaped(key.route))\"", "status=\"\(key.status)\""])
        }
    }

    /// A histogram without labels of its own.
    mutating func add(_ name: String, _ help: String, _ histogram: ServiceMetrics.Histogram) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        add(name, histogram, labels: [])
    }

    private mutating func add(_ name: String, _ histogram: ServiceMetrics.Histogram, labels: [String]) {
        var total = 0
        for (bound, count) in zip(ServiceMetrics.Histogram.bounds.map { "\($0)" } + ["+Inf"], histogram.counts) {
            total += count
            text += "\(name)_bucket{\((labels + ["le=\"\(bound)\""]).joined(separator: ","))} \(total)\n"
        }
        let own = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
        text += "\(name)_sum\(own) \(histogram.sum)\n\(name)_count\(own) \(total)\n"
    }

    /// A label's value.
    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
    }
}
