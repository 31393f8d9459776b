// Text to tokens. Names follow Unicode's identifiers (UAX 31: XID, and '_' as a start), as Python's do.

/// A formula cut into tokens.
package struct LexedFormula: Sendable, Equatable {
    /// The text the tokens point into.
    package let source: SourceText
    /// The tokens in order; the last one, and only that, is `.end`.
    package let tokens: [Token]
    /// Whether it has commands of LaTeX: what follows from their reading is then no news.
    let isLaTeX: Bool
}

/// Cuts one formula into tokens. Characters without meaning are reported, each, and lexing goes on behind them.
package struct Lexer {
    /// The greatest length of a formula in UTF-8 bytes.
    package static let limit = 65_536

    let source: SourceText
    private let pointer: String
    var position = 0
    private var tokens: [Token] = []
    /// Commands of LaTeX that were met: braces then group, and are no fault of their own.
    private var commands: Set<String> = []
    private var diagnostics: Diagnostics

    /// Cuts `text` into tokens, in time linear in its length.
    ///
    /// - Parameters:
    ///   - pointer: JSON pointer of the formula, for faults.
    ///   - diagnostics: receives `limit-exceeded`, `syntax-error` and `not-finite`.
    /// - Returns: the tokens, also of a formula with faults; nil, after looking at nothing but its length, for a
    ///   formula longer than ``limit``.
    package static func tokenize(
        _ text: String, pointer: String, into diagnostics: inout Diagnostics
    ) -> LexedFormula? {
        let size = text.utf8.count
        guard size <= limit else {
            let message = "a formula has at most \(limit) bytes, this one has \(size)"
            diagnostics.report(.error, Diagnostic(pointer: pointer, code: .limitExceeded, message: message))
            return nil
        }
        var lexer = Lexer(source: SourceText(text), pointer: pointer, diagnostics: diagnostics)
        lexer.scan()
        diagnostics = lexer.diagnostics
        return LexedFormula(source: lexer.source, tokens: lexer.tokens, isLaTeX: !lexer.commands.isEmpty)
    }

    /// Whether `text` as a whole is one name.
    package static func isName(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, startsName(first) else { return false }
        return text.unicodeScalars.allSatisfy(continuesName)
    }

    private init(source: SourceText, pointer: String, diagnostics: Diagnostics) {
        self.source = source
        self.pointer = pointer
        self.diagnostics = diagnostics
    }

    private mutating func scan() {
        while position < source.bytes.count { scanToken() }
        let end = tokens.last?.span.end ?? 0
        append(.end, Span(end, end))
    }

    private mutating func scanToken() {
        if startsNumber { return scanNumber() }
        let (scalar, length) = scalar(at: position)
        if scalar.properties.isWhitespace {
            position += length
        } else if Self.startsName(scalar) {
            scanName()
        } else if !scanSymbol(ofLength: 2), !scanSymbol(ofLength: 1) {
            scanForeign(scalar, length: length)
        }
    }

    private mutating func scanName() {
        let start = position
        while position < source.bytes.count {
            let (scalar, length) = scalar(at: position)
            guard Self.continuesName(scalar) else { break }
            position += length
        }
        let span = Span(start, position)
        append(.name(source[span]), span)
    }

    /// Takes the symbol of `length` ASCII characters here; a foreign sign of two characters, such as `//`, goes before
    /// the symbols of one.
    private mutating func scanSymbol(ofLength length: Int) -> Bool {
        let span = Span(position, min(position + length, source.bytes.count))
        let text = source[span]
        if let symbol = Symbol(rawValue: text) {
            position = span.end
            append(.symbol(symbol), span)
            return true
        }
        guard length == 2, let foreign = ForeignNotation.sign(text) else { return false }
        refuse(span, foreign)
        return true
    }

    private mutating func scanForeign(_ scalar: Unicode.Scalar, length: Int) {
        let span = Span(position, position + length)
        switch scalar {
        case "\\": scanBackslash(span)
        case "{" where !commands.isEmpty, "}" where !commands.isEmpty:
            position = span.end
            append(.invalid, span)
        case "'" where followsOperand: refuse(span, .prime)
        case "'", "\"": refuse(Span(position, endOfQuotation), .quotation)
        case "#": refuse(Span(position, endOfLine), ForeignNotation.sign("#") ?? .quotation)
        default:
            let text = String(scalar)
            let unknown = ForeignNotation(
                message: "the character \(Printable.name(scalar)) has no meaning in a formula",
                hint: scalar.properties.generalCategory == .format ? "delete it; it cannot be seen" : nil)
            refuse(span, ForeignNotation.sign(text) ?? unknown)
        }
    }

    /// A command of LaTeX, or a backslash alone.
    private mutating func scanBackslash(_ span: Span) {
        var end = span.end
        while end < source.bytes.count, Self.isLetter(source.bytes[end]) { end += 1 }
        if end == span.end, end < source.bytes.count, Self.delimiters.contains(source.bytes[end]) { end += 1 }
        guard end > span.end else { return refuse(span, ForeignNotation.sign("\\") ?? .quotation) }
        let command = Span(span.start, end)
        if commands.insert(source[command]).inserted { return refuse(command, .latex(source[command])) }
        position = end
        append(.invalid, command)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static let delimiters = Array("|,;:!{}".utf8)

    /// Whether an operand ends right here, without a blank between.
    private var followsOperand: Bool {
        guard let last = tokens.last, last.span.end == position else { return false }
        switch last.kind {
        case .number, .name: return true
        case .symbol(let symbol): return symbol.opener != nil
        case .invalid, .end: return false
        }
    }

    private var endOfLine: Int { source.lineSpan(source.lineIndex(ofByte: position)).end }

    /// The byte after the closing quotation mark, or the end of the line when there is none.
    private var endOfQuotation: Int {
        let quote = source.bytes[position]
        let rest = position + 1..<max(position + 1, endOfLine)
        guard let closing = source.bytes[rest].firstIndex(of: quote) else { return rest.upperBound }
        return closing + 1
    }

    private mutating func refuse(_ span: Span, _ foreign: ForeignNotation) {
        refuse(span, .syntaxError, foreign.message, hint: foreign.hint)
    }

    /// Reports a fault under `span` and puts an invalid token in its place.
    mutating func refuse(_ span: Span, _ code: DiagnosticCode, _ message: String, hint: String? = nil) {
        let (source, pointer) = (source, pointer)
        diagnostics.report(
            .error,
            Diagnostic(pointer: pointer, source: source, span: span, code: code, message: message, hint: hint))
        position = span.end
        append(.invalid, span)
    }

    mutating func append(_ kind: Token.Kind, _ span: Span) {
        tokens.append(Token(kind: kind, span: span))
    }

    /// The scalar at a byte offset that starts one, and its length in bytes.
    private func scalar(at offset: Int) -> (Unicode.Scalar, length: Int) {
        let lead = source.bytes[offset]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        return (source[Span(offset, offset + length)].unicodeScalars.first ?? "\u{FFFD}", length)
    }

    private static func startsName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isXIDStart
    }

    private static func continuesName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isXIDContinue
    }
}
