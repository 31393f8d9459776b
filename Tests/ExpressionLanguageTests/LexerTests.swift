// Tokens: number literals and their range, names of all scripts, symbols by longest match, places.
import ExpressionLanguage
import Testing

@Suite struct LexerTests {
    private func kinds(_ text: String) -> [Token.Kind] {
        var diagnostics = Diagnostics()
        let kinds = Lexer.tokenize(text, pointer: "", into: &diagnostics)?.tokens.map(\.kind) ?? []
        return diagnostics.isEmpty ? kinds : [.invalid]
    }

    static let numbers: [(String, Double)] = [
        ("0", 0), ("1", 1), ("1.", 1), (".5", 0.5), ("0.1", 0.1), ("1e-3", 0.001), ("1E+3", 1000), ("1.e2", 100),
        ("1_000", 1000), ("1_0.2_5e1_0", 10.25e10), ("007", 7), ("5e-324", .leastNonzeroMagnitude), ("1e-400", 0),
        ("1.7976931348623157e308", .greatestFiniteMagnitude), ("9007199254740993", 9_007_199_254_740_992),
    ]

    @Test(arguments: numbers) func readsNumbers(_ text: String, _ value: Double) {
        #expect(kinds(text) == [.number(value), .end])
    }

    @Test(arguments: ["1e309", "1.8e308", "1" + String(repeating: "0", count: 400), "1e99999999999999999999"])
    func refusesNumbersBeyondFloat64(_ text: String) {
        #expect(Reading(text).faults == ["1:1 not-finite"])
    }

    @Test(arguments: ["x", "_", "_1", "lambda", "λ", "naïve", "e\u{301}", "变量", "x1", "ℓ"])
    func readsNames(_ text: String) {
        #expect(kinds(text) == [.name(text), .end])
        #expect(Lexer.isName(text))
    }

    @Test(arguments: ["", "1", "1x", "x y", "x-y", "x.T", "²", " x", "x\n", "\u{301}", "x\u{200B}"])
    func tellsNamesFromOtherText(_ text: String) {
        #expect(!Lexer.isName(text))
    }

    @Test(arguments: Symbol.allCases) func readsSymbols(_ symbol: Symbol) {
        #expect(kinds(symbol.rawValue) == [.symbol(symbol), .end])
    }

    @Test func takesTheLongestSymbol() {
        #expect(kinds("***<===") == [.symbol(.doubleStar), .symbol(.star), .symbol(.lessEqual), .symbol(.equal), .end])
        #expect(kinds("2exp") == [.number(2), .name("exp"), .end])
        #expect(kinds("2e") == [.number(2), .name("e"), .end])
        #expect(kinds("1__0") == [.number(1), .name("__0"), .end])
    }

    @Test func countsPlacesInBytes() throws {
        var diagnostics = Diagnostics()
        let lexed = try #require(Lexer.tokenize(" λ\n+ 1.5 ", pointer: "", into: &diagnostics))
        #expect(lexed.tokens.map(\.span) == [Span(1, 3), Span(4, 5), Span(6, 9), Span(9, 9)])
    }

    @Test func goesOnBehindUnknownCharacters() throws {
        var diagnostics = Diagnostics()
        let lexed = try #require(Lexer.tokenize("a $ 1e999 \"b\" c", pointer: "/f", into: &diagnostics))
        #expect(lexed.tokens.map(\.kind) == [.name("a"), .invalid, .invalid, .invalid, .name("c"), .end])
        #expect(diagnostics.kept.map(\.column) == [3, 5, 11])
    }
}
