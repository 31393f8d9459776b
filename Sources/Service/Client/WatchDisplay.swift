// What a person sees of a job that runs elsewhere: a line that is written over on a terminal, a line now and then in a file.
// Events and seconds in, lines out.
import ExpressionLanguage
import Foundation
import ProblemSpecification

/// What to put on a screen.
package enum WatchOutput: Equatable, Sendable {
    /// Stays.
    case line(String)
    /// Is written over by the next.
    case live(String)
}

/// Turns what is told of a watch into lines.
package struct WatchDisplay: Sendable {
    private let job: String
    private let iterations: Int
    private let isLive: Bool
    private var history = NormHistory()
    private var lastShown: Double?
    private var last: JSONValue?
    private var isLastShown = true

    /// Seconds between two progress lines: a terminal is written over, a file grows.
    private static let liveInterval = 0.1
    private static let plainInterval = 1.0
    private static let barColumns = 20

    /// - Parameters:
    ///   - iterations: the budget that the bar stands for.
    ///   - isLive: whether lines can be written over.
    package init(job: String, iterations: Int, isLive: Bool) {
        self.job = job
        self.iterations = iterations
        self.isLive = isLive
    }

    /// - Parameter seconds: of a clock that only rises.
    package mutating func show(_ news: WatchNews, at seconds: Double) -> [WatchOutput] {
        switch news {
        case .interrupted(let reason, let pause):
            return [.line(String(format: "%@; trying again in %.1f s", Printable.text(reason), pause))]
        case .event(let event):
            return show(event, at: seconds)
        }
    }

    private mutating func show(_ event: WatchedEvent, at seconds: Double) -> [WatchOutput] {
        switch event.type {
        case "progress": return progress(event.data, at: seconds)
        case "state": return state(event.data)
        case "warning": return event.data["message"]?.text.map { [.line("warning: \(Printable.text($0))")] } ?? []
        case "member": return [.line(Self.memberLine(event.data))]
        case "gap": return [.line("some events were left out")]
        case "end": return lastProgress() + [.line("\(job) \(Self.ending(event.data))")]
        // Checkpoints, incumbents, and what later versions may add, say nothing to a reader of one line.
        default: return []
        }
    }

    private mutating func progress(_ point: JSONValue, at seconds: Double) -> [WatchOutput] {
        if let norm = point["hypergradient_norm"]?.double { history.append(norm) }
        last = point
        let interval = isLive ? Self.liveInterval : Self.plainInterval
        if let lastShown, seconds - lastShown < interval {
            isLastShown = false
            return []
        }
        lastShown = seconds
        return shown(point)
    }

    /// The last point, where it came too soon after the one before.
    private mutating func lastProgress() -> [WatchOutput] { isLastShown ? [] : last.map { shown($0) } ?? [] }

    private mutating func shown(_ point: JSONValue) -> [WatchOutput] {
        isLastShown = true
        return isLive ? [.live(liveLine(point))] : [.line(Self.plainLine(point))]
    }

    private mutating func state(_ data: JSONValue) -> [WatchOutput] {
        if let iteration = data["resumed_from"]?.int { return [.line("\(job) goes on from iteration \(iteration)")] }
        return data["state"]?.text.map { [.line("\(job) \(Printable.text($0))")] } ?? []
    }

    private static func ending(_ data: JSONValue) -> String {
        let words = [data["state"]?.text, data["termination"]?.text, data["failure"]?["detail"]?.text]
        return Printable.text(words.compactMap(\.self).joined(separator: ": "))
    }

    // MARK: Lines

    private static func plainLine(_ point: JSONValue) -> String {
        member(point) + "iteration \(point["iteration"]?.int ?? 0)  " + numbers(point)
    }

    /// How one of several runs ended.
    private static func memberLine(_ data: JSONValue) -> String {
        let words = [data["state"]?.text, data["termination"]?.text, data["detail"]?.text].compactMap(\.self)
        let objective = data["solved_objective"]?.double ?? data["objective"]?.double
        let value = objective.map { String(format: "  objective %.9g", $0) } ?? ""
        return Printable.text(
            member(data) + words.joined(separator: ": ") + " after \(data["iterations"]?.int ?? 0) iterations" + value)
    }

    private static func member(_ data: JSONValue) -> String { data["member"]?.int.map { "member \($0)  " } ?? "" }

    private func liveLine(_ point: JSONValue) -> String {
        let iteration = point["iteration"]?.int ?? 0
        let share = min(1, Double(iteration) / Double(max(1, iterations)))
        let filled = Int((share * Double(Self.barColumns)).rounded(.down))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barColumns - filled)
        return "\(bar) \(Self.member(point))\(iteration)/\(iterations)  \(Self.numbers(point))  \(history.sparkline)"
    }

    private static func numbers(_ point: JSONValue) -> String {
        let objective = point["upper_objective"]?.double.map { String(format: "%.9g", $0) } ?? "-"
        let norm = point["hypergradient_norm"]?.double.map { String(format: "%.3e", $0) } ?? "-"
        let elapsed = String(format: "%.1f s", point["elapsed_seconds"]?.double ?? 0)
        return "objective \(objective)  hypergradient \(norm)  \(elapsed)"
    }
}

/// The norms so far, thinned evenly so that memory does not grow with the run.
struct NormHistory: Sendable {
    private static let limit = 512
    private static let columns = 16
    private static let blocks = Array("▁▂▃▄▅▆▇█")

    private var logarithms: [Double] = []
    private var stride = 1
    private var count = 0

    /// Takes the next norm; one that has no logarithm leaves no mark.
    mutating func append(_ norm: Double) {
        defer { count += 1 }
        guard count.isMultiple(of: stride), norm > 0, norm.isFinite else { return }
        logarithms.append(log10(norm))
        guard logarithms.count == Self.limit else { return }
        logarithms = logarithms.indices.filter { $0.isMultiple(of: 2) }.map { logarithms[$0] }
        stride *= 2
    }

    /// The course of the logarithm from the first norm to the last, the lowest as the lowest block.
    var sparkline: String {
        guard let lowest = logarithms.min(), let highest = logarithms.max() else { return "" }
        let columns = min(Self.columns, logarithms.count)
        let span = highest - lowest
        return String(
            (0..<columns).map { column in
                // The last column shows the last norm.
                let index = columns == 1 ? 0 : column * (logarithms.count - 1) / (columns - 1)
                let height = span > 0 ? (logarithms[index] - lowest) / span : 0
                return Self.blocks[min(Self.blocks.count - 1, Int(height * Double(Self.blocks.count)))]
            })
    }
}
