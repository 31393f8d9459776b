// What is said about formulas that do not follow the grammar, and how reading goes on behind the fault.

extension Parser {
    /// Steps over what stands where an operator should: characters without meaning, a second operand, a closing bracket
    /// that closes nothing.
    ///
    /// - Returns: whether anything was there.
    mutating func skipStrayWords(after left: Int) -> Bool {
        if current.kind == .invalid {
            skipInvalid()
        } else if startsOperand {
            reportMissingOperator(after: left)
        } else if open.isEmpty, currentSymbol?.opener != nil {
            report(current.span, "'\(source[current.span])' closes nothing")
            advance()
        } else {
            return false
        }
        while startsOperand { _ = parseFactor() }
        return true
    }

    // Kept out of line: its text would widen the frames of the recursion that calls it.
    @inline(never)
    private mutating func reportMissingOperator(after left: Int) {
        if let (token, foreign) = foreignWord {
            report(token.span, foreign.message, hint: foreign.hint)
            if source[token.span] == "lambda" { abandon() }
            return
        }
        let (before, after) = (previous?.span ?? current.span, current.span)
        if let previous, case .name(let name) = previous.kind, Function(rawValue: name) != nil {
            return report(
                span(of: left).union(after), focus: after,
                "\(name) is a function and takes its arguments in parentheses", hint: "write \(name)(\(short(after)))")
        }
        report(
            span(of: left).union(after), focus: after,
            "an operator must stand between \(Printable.quote(source[before])) and \(Printable.quote(source[after]))",
            hint: multiplicationHint)
    }

    /// The word of Python at the cursor or, failing that, before it.
    private var foreignWord: (Token, ForeignNotation)? {
        for token in [current, previous].compactMap(\.self) {
            if case .name(let name) = token.kind, let foreign = ForeignNotation.word(name) { return (token, foreign) }
        }
        return nil
    }

    private var multiplicationHint: String {
        guard let previous else { return "write '*' to multiply" }
        switch (previous.kind, current.kind) {
        case (.number, .name), (.name, .name), (.number, .number), (.name, .number):
            return "write \(short(previous.span)) * \(short(current.span))"
        default:
            return "write '*' to multiply"
        }
    }

    /// The text under `span` when it is short enough for a hint, else `…`.
    private func short(_ span: Span) -> String {
        span.count <= Printable.quotationLimit ? Printable.text(source[span]) : "…"
    }

    /// Reports that the token at the cursor cannot start an operand; the cursor stays.
    mutating func reportMissingOperand() {
        if currentSymbol == .dot, nextSymbol == .dot { return reportEllipsis() }
        let span = current.span
        if let symbol = currentSymbol, symbol.binaryOperator != nil {
            return report(span, "an operand must stand before '\(symbol.rawValue)'")
        }
        let came = current.kind == .end ? "the formula ends" : "\(Printable.quote(source[span])) came"
        guard let previous else { return report(span, "a formula starts with an operand, but \(came)") }
        report(span, "an operand must follow \(Printable.quote(source[previous.span])), but \(came)")
    }

    private mutating func reportEllipsis() {
        let start = current.span
        var end = start
        report(start, "'...' stands only in an index, as in x[..., 0]")
        while currentSymbol == .dot { end = advance().span }
        if end != start { skipInvalid() }
    }

    /// Reports a comma, a colon or `=` where an expression has ended; the cursor stays.
    mutating func reportUnexpected() {
        let span = current.span
        switch currentSymbol {
        case .comma:
            let isDecimal = [previous, next].allSatisfy { token in
                if case .number = token?.kind { true } else { false }
            }
            report(
                span, "',' stands only between arguments, items and indices",
                hint: isDecimal ? "a number has a decimal point, as in 0.5" : nil)
        case .assign:
            report(
                span, "'=' only gives an argument by name",
                hint: open.isEmpty ? "write the right side alone, or '==' to compare" : "write '==' to compare")
        case .colon: report(span, "':' stands only in an index, as in w[1:3]")
        default: report(span, "\(Printable.quote(source[span])) cannot stand here")
        }
    }

    /// Reports the second comparison of a chain at the cursor.
    mutating func reportChainedComparison() {
        report(current.span, "comparisons cannot be chained", hint: "write (a < b) * (b < c)")
    }

    /// Reports `base.name(…)`; the cursor stands behind it.
    ///
    /// - Parameter given: the arguments with their parentheses.
    mutating func reportMethodCall(of name: String, on base: Int, attribute: Int, given: Span) {
        let end = span(of: attribute).end
        let callee = Span(end - name.utf8.count, end)
        let receiver = source[span(of: base)]
        let root = receiver.prefix { $0 != "." }
        let isModule = ForeignNotation.modules.contains(String(root))
        if name == "T" || name == "t" {
            report(span(of: attribute).union(given), focus: callee, "a transpose has no arguments", hint: "write x.T")
            return
        }
        var words = source[given].dropFirst().dropLast().trimmingBlanks
        if !isModule { words = words.isEmpty ? receiver : "\(receiver), \(words)" }
        let hint: String?
        if Function(rawValue: name) != nil {
            let call = "\(name)(\(words))"
            hint = "write \(call.count <= Printable.quotationLimit ? Printable.text(call) : "\(name)(…)")"
        } else {
            hint = Function.hint(for: name) ?? "there is no function called \(Printable.quote(name))"
        }
        report(
            span(of: attribute).union(given), focus: callee, "functions are not called with '.'", hint: hint)
    }

    /// Reports an opening bracket that nothing closes, wherever the cursor stands.
    mutating func reportUnclosed(_ opener: Span) {
        forgetLastFault()
        report(opener, "'\(source[opener])' is never closed")
    }
}

extension Substring {
    /// Without blanks at either end.
    fileprivate var trimmingBlanks: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
