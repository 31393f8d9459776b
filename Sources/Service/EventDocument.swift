// Events: one numbered line of JSON each.
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// Whose events these are.
package struct RunSource: Sendable {
    /// Which of a job's runs; nil where it has one.
    package let member: Int?
    package let problem: MultilevelProblem
}

/// Composes events.
package struct EventDocument: Sendable {
    /// Entries of an iterate that are sent inline; larger ones are told by their norm.
    package static let inlineLimit = 1_000

    let source: RunSource
    let iterates: ProgressRequest.Iterates
    /// The path of an upper variable's newest value; nil where nobody serves it.
    let link: (@Sendable (String) -> String)?

    package init(
        source: RunSource, iterates: ProgressRequest.Iterates,
        link: (@Sendable (String) -> String)? = nil
    ) {
        self.source = source
        self.iterates = iterates
        self.link = link
    }

    /// Whether events tell an iterate of `count` entries by its norm and links.
    func isReferred(_ count: Int) -> Bool {
        switch iterates {
        case .none: false
        case .inline: count > Self.inlineLimit
        case .reference: true
        }
    }

    /// The data of a progress event.
    ///
    /// - Parameter incumbent: the best point so far, this one included.
    package func progress(_ point: ProgressPoint, _ incumbent: Incumbent, elapsed: Double) -> JSONValue {
        var data = opened
        data.add("iteration", point.iteration)
        data.add("upper_objective", point.upperObjective)
        data.add("hypergradient_norm", point.hypergradientNorm)
        data.add("lower_residual", point.lowerResidual)
        data.add("linear_residual", point.linearResidual)
        data.add("step", point.step)
        data.add("oracle", ResultDocument.oracle(point.counts))
        var best = JSONObjectBuilder()
        best.add("iteration", incumbent.iteration)
        best.add("upper_objective", incumbent.upperObjective)
        data.add("best", best)
        if !point.levels.isEmpty { data.add("levels", .array(point.levels.map(level))) }
        data.add("elapsed_seconds", (elapsed * 1e6).rounded() / 1e6)
        if let hypergradient = point.hypergradient, hypergradient.count <= Self.inlineLimit {
            data.add("hypergradient", variables(hypergradient))
        }
        if iterates != .none { addIterate(point.x, to: &data) }
        return data.value
    }

    /// The data of an event that tells of a new best point, the upper variables with it where they are sent inline.
    package func incumbent(_ incumbent: Incumbent, at x: [Double]) -> JSONValue {
        var data = opened
        data.add("iteration", incumbent.iteration)
        data.add("upper_objective", incumbent.upperObjective)
        data.add("lower_residual", incumbent.lowerResidual)
        if iterates != .none {
            if isReferred(x.count) { data.add("iterate_norm", Self.norm(x)) } else { data.add("iterate", variables(x)) }
        }
        return data.value
    }

    /// An object that names the member, where there are several.
    private var opened: JSONObjectBuilder {
        var data = JSONObjectBuilder()
        if let member = source.member { data.add("member", member) }
        return data
    }

    private func addIterate(_ x: [Double], to data: inout JSONObjectBuilder) {
        guard isReferred(x.count) else { return data.add("iterate", variables(x)) }
        data.add("iterate_norm", Self.norm(x))
        let parts = source.problem.upper.parts(of: x)
        guard let link, parts.count <= Self.inlineLimit else { return }
        var links = JSONObjectBuilder()
        for part in parts { links.add(part.variable.name, link(part.variable.name)) }
        data.add("iterate_links", links)
    }

    /// The upper variables by name.
    func variables(_ x: [Double]) -> JSONValue {
        var object = JSONObjectBuilder()
        for part in source.problem.upper.parts(of: x) {
            object.add(part.variable.name, .array(part.values, shape: part.variable.shape))
        }
        return object.value
    }

    private static func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    private func level(_ level: LevelProgress) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", level.name)
        object.add("residual", level.residual.residual)
        object.add("linear_residual", level.residual.linearResidual)
        object.add("oracle", ResultDocument.counts(level.counts))
        object.add("seconds", level.seconds.map { ($0 * 1e6).rounded() / 1e6 })
        return object.value
    }

    /// The data of the last event.
    package static func end(_ termination: Termination) -> JSONValue {
        var data = JSONObjectBuilder()
        data.add("state", termination.isSuccess ? "succeeded" : "failed")
        data.add("termination", termination.rawValue)
        return data.value
    }

    /// The data of a warning.
    package static func warning(_ remark: String, iteration: Int, member: Int? = nil) -> JSONValue {
        var data = JSONObjectBuilder()
        if let member { data.add("member", member) }
        data.add("iteration", iteration)
        data.add("message", remark)
        return data.value
    }

    /// An event with its envelope.
    package static func envelope(
        seq: Int, type: String, time: Date, attempt: Int, data: JSONValue
    ) -> JSONValue {
        var event = JSONObjectBuilder()
        event.add("seq", seq)
        event.add("type", type)
        event.add("time", timestamp(time))
        event.add("attempt", attempt)
        event.add("data", data)
        return event.value
    }

    /// RFC 3339, UTC, milliseconds.
    package static func timestamp(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
