// What is fuzzed, and what must hold of every input. Ordinary code: libFuzzer drives it, and a test replays with it what
// libFuzzer has found.

/// A way in for bytes that somebody else has written.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// UTF-8 text of a formula over a fixed scope.
    case formulas
    /// A job document, JSON or YAML.
    case documents
    /// A data set: a byte that chooses format and selection, then the file.
    case tables
    /// Labelled sparse rows: a byte that chooses the selection, then the file.
    case samples
    /// A byte that chooses the cuts of the network, then what a peer sends over one connection.
    case requests

    /// Puts the bytes through everything that would be done with them.
    ///
    /// - Throws: ``Violation`` where a property fails. Traps and faults of memory are found by who calls this.
    package func check(_ bytes: [UInt8]) throws(Violation) {
        switch self {
        case .formulas: try FormulaTarget.check(bytes)
        case .documents: try DocumentTarget.check(bytes)
        case .tables: try TableTarget.check(bytes)
        case .samples: try SamplesTarget.check(bytes)
        case .requests: try RequestsTarget.check(bytes)
        }
    }
}

/// A property that does not hold for some input.
package struct Violation: Error, CustomStringConvertible {
    package let description: String
}

/// Throws unless `condition` holds.
func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(Violation) {
    if !condition { throw Violation(description: description()) }
}
