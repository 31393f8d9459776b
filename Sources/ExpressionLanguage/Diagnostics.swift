// The faults of one document, all reported at once but never more than a reader can use.

/// Collects faults in the order they are found: keeps the first ``Diagnostics/limit`` and counts the rest.
package struct Diagnostics: Sendable, Equatable {
    /// Faults kept with their text.
    package static let limit = 100

    /// The faults kept, in the order they were reported.
    package private(set) var kept: [Diagnostic] = []
    /// Faults reported after the limit was reached; only their number is known.
    package private(set) var omittedCount = 0
    /// Errors reported so far, kept or not; warnings do not count.
    package private(set) var errorCount = 0

    /// No faults yet.
    package init() {}

    /// Whether any error was reported, kept or not.
    package var hasErrors: Bool { errorCount > 0 }

    /// Whether nothing at all was reported.
    package var isEmpty: Bool { kept.isEmpty }

    /// Reports a fault. Past the limit an error is not even built, so a flood of faults costs next to nothing.
    ///
    /// - Parameters:
    ///   - severity: of the fault that `diagnostic` builds.
    ///   - diagnostic: builds the fault, quoted line and suggestion included.
    package mutating func report(
        _ severity: Diagnostic.Severity = .error, _ diagnostic: @autoclosure () -> Diagnostic
    ) {
        switch severity {
        case .error: errorCount += 1
        case .warning: break
        }
        if kept.count < Self.limit { kept.append(diagnostic()) } else { omittedCount += 1 }
    }

    /// All faults as a terminal shows them, a blank line between; says at the end how many more there are.
    package var rendered: String {
        var parts = kept.map(\.rendered)
        if omittedCount > 0 { parts.append("and \(omittedCount) more") }
        return parts.joined(separator: "\n\n")
    }
}
