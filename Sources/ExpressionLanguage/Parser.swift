// Tokens to a syntax tree: precedence climbing over NumPy's grammar.
//
//     expression = factor { binary-operator factor }      by precedence, left-associative; one comparison at most
//     factor     = sign factor | postfix [ ("^" | "**") factor ]
//     postfix    = primary { "[" subscripts "]" | "." name }
//     primary    = number | name | name "(" arguments ")" | "(" expression ")" | "[" items "]" | "(" items ")"

/// Reads one formula. After a fault reading goes on, so that one pass reports all independent faults.
///
/// Recursion is bounded by ``nestingLimit``, at which it takes less than 1 MiB of stack (3 MiB without optimisation);
/// chains of left-associative operators and postfixes are loops.
package struct Parser {
    /// The greatest number of brackets, signs and powers open around one operand.
    package static let nestingLimit = 200

    let source: SourceText
    private let pointer: String
    private let tokens: [Token]
    private var position = 0
    private var nesting = 0
    /// The brackets around the cursor, outermost first.
    var open: [Symbol] = []
    private var nodes: [SyntaxNode] = []
    private var diagnostics: Diagnostics
    /// The cursor of the last fault: a second one at the same token is a consequence of the first.
    private var lastFaultPosition = -1
    /// Whether reading was given up; the cursor then stands at the end, and what is missing there is no news.
    private(set) var isAbandoned = false

    /// Reads the formula `text`; linear in its length.
    ///
    /// - Parameters:
    ///   - pointer: JSON pointer of the formula, for faults.
    ///   - diagnostics: receives `limit-exceeded`, `syntax-error`, `not-finite` and `nesting-too-deep`.
    /// - Returns: the tree, or nil when any fault was reported.
    package static func parse(
        _ text: String, pointer: String, into diagnostics: inout Diagnostics
    ) -> SyntaxTree? {
        let errorsBefore = diagnostics.errorCount
        guard let lexed = Lexer.tokenize(text, pointer: pointer, into: &diagnostics) else { return nil }
        if lexed.isLaTeX { return nil }
        let isLexicallySound = diagnostics.errorCount == errorsBefore
        var parser = Parser(lexed, pointer: pointer, diagnostics: diagnostics)
        parser.parseFormula(isLexicallySound: isLexicallySound)
        diagnostics = parser.diagnostics
        guard diagnostics.errorCount == errorsBefore else { return nil }
        return SyntaxTree(nodes: parser.nodes, source: parser.source, pointer: pointer)
    }

    private init(_ lexed: LexedFormula, pointer: String, diagnostics: Diagnostics) {
        source = lexed.source
        tokens = lexed.tokens
        self.pointer = pointer
        self.diagnostics = diagnostics
    }

    private mutating func parseFormula(isLexicallySound: Bool) {
        if tokens.count == 1 {
            if isLexicallySound { report(current.span, "the formula is empty") }
            return
        }
        _ = parseExpression()
        while current.kind != .end {
            reportUnexpected()
            advance()
            if current.kind != .end { _ = parseExpression() }
        }
    }

    /// Reads operands joined by operators that bind at least as tightly as `floor`.
    ///
    /// - Returns: the node; after a fault some node, for the arena is then thrown away.
    mutating func parseExpression(atLeast floor: Precedence = .comparison) -> Int {
        var left = parseFactor()
        var comparisonCount = 0
        while true {
            if let operation = currentSymbol?.binaryOperator, operation.precedence >= floor {
                comparisonCount += operation.precedence == .comparison ? 1 : 0
                if comparisonCount == 2 { reportChainedComparison() }
                left = parseRight(of: left, operation)
            } else if !skipStrayWords(after: left) {
                return left
            }
        }
    }

    private mutating func parseRight(of left: Int, _ operation: BinaryOperator) -> Int {
        let focus = advance().span
        let right =
            switch operation.precedence {
            case .comparison: parseExpression(atLeast: .sum)
            case .sum: parseExpression(atLeast: .product)
            case .product, .power: parseFactor()
            }
        return append(.binary(operation, left, right), span(of: left).union(span(of: right)), focus: focus)
    }

    /// Reads a signed operand or a power. A sign binds looser than the power behind it: `-x^2` is `-(x^2)`.
    mutating func parseFactor() -> Int {
        guard let sign = currentSymbol?.unaryOperator else { return parsePower() }
        let token = advance()
        let operand = nested(at: token) { $0.parseFactor() }
        return append(.unary(sign, operand), token.span.union(span(of: operand)), focus: token.span)
    }

    private mutating func parsePower() -> Int {
        let base = parsePostfix()
        guard currentSymbol?.binaryOperator == .power else { return base }
        let token = advance()
        let exponent = nested(at: token) { $0.parseFactor() }
        return append(
            .binary(.power, base, exponent), span(of: base).union(span(of: exponent)), focus: token.span)
    }

    private mutating func parsePostfix() -> Int {
        var base = parsePrimary()
        while true {
            if currentSymbol == .openBracket {
                base = parseIndex(of: base)
            } else if currentSymbol == .dot {
                base = parseAttribute(of: base)
            } else {
                return base
            }
        }
    }

    private mutating func parsePrimary() -> Int {
        switch current.kind {
        case .number(let value):
            return append(.number(value), advance().span)
        case .name(let name):
            let token = advance()
            return currentSymbol == .openParenthesis
                ? parseCall(of: name, at: token.span) : append(.name(name), token.span)
        case .symbol(.openParenthesis):
            return parseParenthesized()
        case .symbol(.openBracket):
            return parseList()
        case .invalid:
            skipInvalid()
            return startsOperand ? parseFactor() : placeholder()
        case .symbol, .end:
            reportMissingOperand()
            return placeholder()
        }
    }
}

// The cursor and the arena.
extension Parser {
    /// The token at the cursor.
    var current: Token { tokens[position] }

    /// The token before the cursor, nil at the start.
    var previous: Token? { position > 0 ? tokens[position - 1] : nil }

    /// The token right behind the cursor, nil at the end.
    var next: Token? { position + 1 < tokens.count ? tokens[position + 1] : nil }

    /// The symbol at the cursor, nil for other tokens.
    var currentSymbol: Symbol? {
        guard case .symbol(let symbol) = current.kind else { return nil }
        return symbol
    }

    /// The symbol right behind the cursor, nil for other tokens.
    var nextSymbol: Symbol? { symbol(ahead: 1) }

    /// The symbol that many tokens behind the cursor, nil for other tokens.
    func symbol(ahead distance: Int) -> Symbol? {
        guard position + distance < tokens.count, case .symbol(let symbol) = tokens[position + distance].kind else {
            return nil
        }
        return symbol
    }

    /// Whether an unsigned operand starts at the cursor.
    var startsOperand: Bool {
        switch current.kind {
        case .number, .name: true
        case .symbol(let symbol): symbol == .openParenthesis || symbol == .openBracket
        case .invalid, .end: false
        }
    }

    /// Whether a closing bracket or the end stands at the cursor.
    var isAtClose: Bool { current.kind == .end || currentSymbol?.opener != nil }

    /// Steps over the token at the cursor and returns it; the end is never stepped over.
    @discardableResult
    mutating func advance() -> Token {
        let token = current
        if token.kind != .end { position += 1 }
        return token
    }

    /// Steps over characters that the lexer has reported; what is missing behind them is a consequence.
    mutating func skipInvalid() {
        while current.kind == .invalid { advance() }
        lastFaultPosition = position
    }

    /// Lets the next fault be reported even at the token of the last one: it is about another place.
    mutating func forgetLastFault() { lastFaultPosition = -1 }

    /// Runs `body` one level deeper, or gives up with `nesting-too-deep` at `token`.
    mutating func nested(at token: Token, _ body: (inout Parser) -> Int) -> Int {
        guard nesting < Self.nestingLimit else {
            let message = "brackets, signs and powers may be nested \(Self.nestingLimit) deep, and these are deeper"
            report(token.span, message, code: .nestingTooDeep, hint: "name parts of it under 'definitions'")
            abandon()
            return placeholder()
        }
        nesting += 1
        defer { nesting -= 1 }
        return body(&self)
    }

    /// Gives up reading: the cursor goes to the end, and nothing more is reported.
    mutating func abandon() {
        isAbandoned = true
        position = tokens.count - 1
    }

    /// Adds a node whose children are in the arena already.
    mutating func append(_ kind: SyntaxNode.Kind, _ span: Span, focus: Span? = nil) -> Int {
        nodes.append(SyntaxNode(kind: kind, span: span, focus: focus ?? span))
        return nodes.count - 1
    }

    /// Takes a list in parentheses that was read last, and has entries, out of the arena; nil for all other nodes.
    mutating func unpackTuple(_ node: Int) -> [Int]? {
        guard node == nodes.count - 1, case .list(let items) = nodes[node].kind, !items.isEmpty,
            source[nodes[node].span].hasPrefix("(")
        else { return nil }
        nodes.removeLast()
        return items
    }

    /// Stands for an operand that could not be read; its fault is reported, so no tree will hold it.
    mutating func placeholder() -> Int {
        append(.name(""), Span(current.span.start, current.span.start))
    }

    /// The text of a node.
    func span(of node: Int) -> Span { nodes[node].span }

    /// Lets a node's text include the parentheses around it.
    mutating func widen(_ node: Int, to span: Span) { nodes[node].span = span }

    /// Reports a fault, unless one was reported at this very token or reading was given up.
    ///
    /// - Parameters:
    ///   - span: what to mark.
    ///   - focus: whose line and column to name; nil means `span`.
    mutating func report(
        _ span: Span, focus: Span? = nil, _ message: String, code: DiagnosticCode = .syntaxError, hint: String? = nil
    ) {
        guard !isAbandoned, lastFaultPosition != position else { return }
        lastFaultPosition = position
        let (source, pointer) = (source, pointer)
        diagnostics.report(
            .error,
            Diagnostic(
                pointer: pointer, source: source, span: span, focus: focus, code: code, message: message,
                hint: hint))
    }
}
