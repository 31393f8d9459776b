// What stands in brackets: calls with their arguments, indices, lists, parentheses; and attributes.

extension Parser {
    /// Reads `(…)` behind a callee.
    mutating func parseCall(of name: String, at callee: Span) -> Int {
        let (arguments, span) = parseArguments()
        return append(.call(name, arguments), callee.union(span), focus: callee)
    }

    private mutating func parseArguments() -> (arguments: [Argument], span: Span) {
        var arguments: [Argument] = []
        var labels: Set<String> = []
        let (span, _) = parseBracketed { parser in
            let argument = parser.parseArgument()
            if let label = argument.label {
                if !labels.insert(label).inserted {
                    parser.report(argument.span, "the argument \(Printable.quote(label)) is given twice")
                }
            } else if !labels.isEmpty {
                parser.report(argument.span, "arguments without a name stand before those with one")
            }
            arguments.append(argument)
        }
        return (arguments, span)
    }

    private mutating func parseArgument() -> Argument {
        guard case .name(let label) = current.kind, nextSymbol == .assign else {
            let value = parseExpression()
            return Argument(label: nil, value: value, span: span(of: value))
        }
        let start = advance().span
        advance()
        let value = parseExpression()
        return Argument(label: label, value: value, span: start.union(span(of: value)))
    }

    /// Reads `(a)`, which is `a`, or `(a, b)`, `(a,)` and `()`, which are lists.
    mutating func parseParenthesized() -> Int {
        var items: [Int] = []
        let (span, commaCount) = parseBracketed { items.append($0.parseExpression()) }
        guard items.count == 1, commaCount == 0 else { return append(.list(items), span) }
        widen(items[0], to: span)
        return items[0]
    }

    /// Reads `[a, b]` where an operand stands.
    mutating func parseList() -> Int {
        var items: [Int] = []
        let (span, _) = parseBracketed { items.append($0.parseExpression()) }
        return append(.list(items), span)
    }

    /// Reads `[…]` behind `base`.
    mutating func parseIndex(of base: Int) -> Int {
        var subscripts: [Subscript] = []
        let (span, _) = parseBracketed { subscripts.append($0.parseSubscript()) }
        if subscripts.isEmpty {
            report(span, "an index must stand between '[' and ']'", hint: "write w[0], or w[:] for all")
        }
        // As in NumPy, x[(0, 1)] is x[0, 1].
        if subscripts.count == 1, case .element(let node) = subscripts[0].kind, let items = unpackTuple(node) {
            subscripts = items.map { Subscript(kind: .element($0), span: self.span(of: $0)) }
        }
        return append(.index(base, subscripts), self.span(of: base).union(span))
    }

    private mutating func parseSubscript() -> Subscript {
        let first = current.span
        if let span = parseEllipsis() { return Subscript(kind: .ellipsis, span: span) }
        let start = currentSymbol == .colon ? nil : parseExpression()
        guard currentSymbol == .colon else {
            // Only a colon leaves `start` out, and here is none.
            let value = start ?? placeholder()
            return Subscript(kind: .element(value), span: span(of: value))
        }
        var end = advance().span
        let stop = parseBound(&end)
        var step: Int?
        if currentSymbol == .colon {
            end = advance().span
            step = parseBound(&end)
        }
        let whole = (start.map(span(of:)) ?? first).union(end)
        return Subscript(kind: .slice(start: start, stop: stop, step: step), span: whole)
    }

    /// Reads `...` where it stands.
    private mutating func parseEllipsis() -> Span? {
        guard currentSymbol == .dot, nextSymbol == .dot, symbol(ahead: 2) == .dot else { return nil }
        let start = advance().span
        advance()
        return start.union(advance().span)
    }

    /// Reads a slice's bound where there is one, and then moves `end` to its text.
    private mutating func parseBound(_ end: inout Span) -> Int? {
        if isAtClose || currentSymbol == .colon || currentSymbol == .comma { return nil }
        let bound = parseExpression()
        end = span(of: bound)
        return bound
    }

    /// Reads `.name` behind `base`.
    mutating func parseAttribute(of base: Int) -> Int {
        let dot = advance().span
        guard case .name(let name) = current.kind else {
            report(dot, "a name must follow '.', as in x.T")
            return base
        }
        let token = advance()
        let attribute = append(.attribute(base, name), span(of: base).union(token.span), focus: token.span)
        guard currentSymbol == .openParenthesis else { return attribute }
        let given = parseArguments().span
        reportMethodCall(of: name, on: base, attribute: attribute, given: given)
        return attribute
    }

    /// Reads the opening bracket at the cursor, elements between commas, and the closing bracket.
    ///
    /// - Parameter element: reads one element; called with the cursor before it.
    /// - Returns: the text from bracket to bracket, and the number of commas.
    private mutating func parseBracketed(_ element: (inout Parser) -> Void) -> (span: Span, commaCount: Int) {
        let opener = advance()
        var commaCount = 0
        var end = opener.span
        _ = nested(at: opener) { parser in
            // The cursor stood on a bracket, as every caller sees to.
            if case .symbol(let symbol) = opener.kind { parser.open.append(symbol) }
            while !parser.isAtClose {
                element(&parser)
                if parser.isAtClose { break }
                if parser.currentSymbol != .comma { parser.skipToComma() }
                if parser.currentSymbol == .comma {
                    parser.advance()
                    commaCount += 1
                }
            }
            end = parser.close(opener)
            return 0
        }
        return (opener.span.union(end), commaCount)
    }

    /// Reports the token at the cursor and steps over everything up to the next comma or close of this bracket.
    @inline(never)  // Small frames for the recursion that calls it.
    private mutating func skipToComma() {
        reportUnexpected()
        var depth = 0
        while current.kind != .end {
            switch currentSymbol {
            case .openParenthesis, .openBracket: depth += 1
            case .closeParenthesis, .closeBracket: depth -= 1
            case .comma where depth == 0: return
            default: break
            }
            if depth < 0 { return }
            advance()
        }
    }

    /// Steps over the bracket that closes `opener`, or reports that it is missing.
    @inline(never)  // Small frames for the recursion that calls it.
    private mutating func close(_ opener: Token) -> Span {
        let symbol = open.removeLast()
        if currentSymbol?.opener == symbol { return advance().span }
        if let other = currentSymbol?.opener, !open.contains(other) {
            let wrong = current.span
            report(wrong, "'\(source[wrong])' cannot close '\(symbol.rawValue)'")
            return advance().span
        }
        reportUnclosed(opener.span)
        return opener.span
    }
}
