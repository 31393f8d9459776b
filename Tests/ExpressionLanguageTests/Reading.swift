// What the suites share: reading a formula and stating its faults briefly.
import ExpressionLanguage

/// A formula's tree, or nil, and what was reported.
struct Reading {
    let tree: SyntaxTree?
    let diagnostics: Diagnostics

    init(_ text: String, pointer: String = "/problem/levels/0/minimize") {
        var diagnostics = Diagnostics()
        tree = Parser.parse(text, pointer: pointer, into: &diagnostics)
        self.diagnostics = diagnostics
    }

    /// Each fault as `line:column code`.
    var faults: [String] {
        diagnostics.kept.map { "\($0.line ?? 0):\($0.column ?? 0) \($0.code.rawValue)" }
    }

    /// Message and hint of the first fault, joined.
    var sentence: String {
        guard let first = diagnostics.kept.first else { return "" }
        return first.message + (first.hint.map { "; \($0)" } ?? "")
    }
}
