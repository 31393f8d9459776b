// One fault of a problem document, and how it reads in a terminal (the problem language's "Errors").

/// A fault or a warning: where, what kind, what was wanted and what came.
package struct Diagnostic: Sendable, Equatable {
    /// Whether the document can still be admitted.
    package enum Severity: String, Sendable, CaseIterable {
        case error
        case warning
    }

    /// Where in a formula, and the formula's line quoted.
    package struct Position: Sendable, Equatable {
        /// 1-based line of the formula.
        package let line: Int
        /// 1-based column in characters.
        package let column: Int
        /// The quoted line with its caret.
        package let excerpt: Excerpt
    }

    /// JSON pointer (RFC 6901) into the document; empty for the whole document.
    package let pointer: String
    /// The place in the formula; nil for faults of the document that no formula position narrows.
    package let position: Position?
    /// The kind of fault.
    package let code: DiagnosticCode
    /// One sentence, without a full stop: what was wanted and what came.
    package let message: String
    /// What to write instead, where that is known.
    package let hint: String?
    /// Error or warning.
    package let severity: Severity

    /// A fault of the document at `pointer`, without a formula position.
    package init(
        pointer: String, code: DiagnosticCode, message: String, hint: String? = nil, severity: Severity = .error
    ) {
        self.pointer = pointer
        position = nil
        self.code = code
        self.message = message
        self.hint = hint
        self.severity = severity
    }

    /// A fault inside the formula at `pointer`.
    ///
    /// - Parameters:
    ///   - source: the formula.
    ///   - span: what the caret line marks.
    ///   - focus: whose start is reported as line and column, such as an operator inside `span`; nil means `span`.
    package init(
        pointer: String, source: SourceText, span: Span, focus: Span? = nil, code: DiagnosticCode, message: String,
        hint: String? = nil, severity: Severity = .error
    ) {
        let place = source.location(ofByte: (focus ?? span).start)
        self.pointer = pointer
        position = Position(line: place.line, column: place.column, excerpt: Excerpt(span, of: source))
        self.code = code
        self.message = message
        self.hint = hint
        self.severity = severity
    }

    /// The same fault with more to its sentence, such as the value that was found.
    package func appending(_ text: String) -> Diagnostic { Diagnostic(self, message: message + text) }

    /// The same fault at another place of the document, with `words` before its sentence.
    package func moved(to pointer: String, saying words: String = "") -> Diagnostic {
        Diagnostic(self, pointer: pointer, message: words + message)
    }

    private init(_ other: Diagnostic, pointer: String? = nil, message: String) {
        self.pointer = pointer ?? other.pointer
        position = other.position
        code = other.code
        self.message = message
        hint = other.hint
        severity = other.severity
    }

    /// 1-based line of the formula, nil without a formula position.
    package var line: Int? { position?.line }

    /// 1-based column in characters, nil without a formula position.
    package var column: Int? { position?.column }

    /// The quoted line with its caret, nil without a formula position.
    package var excerpt: Excerpt? { position?.excerpt }

    /// The fault as a terminal shows it: header, quoted line, caret line, message, hint; no line feed at the end.
    package var rendered: String {
        var lines = [header]
        if let excerpt {
            lines.append("    \(excerpt.text)")
            lines.append("    \(excerpt.caretLine)")
        }
        lines.append("  \(message)")
        if let hint { lines.append("  hint: \(hint)") }
        return lines.joined(separator: "\n")
    }

    private var header: String {
        var fields = [Printable.text(pointer)]
        if let position { fields.append("\(position.line):\(position.column)") }
        switch severity {
        case .error: fields.append(code.rawValue)
        case .warning: fields.append("warning: \(code.rawValue)")
        }
        return fields.joined(separator: "  ")
    }
}
