// Limits of length and nesting, each at the limit and one past it, and chains that have none.
import ExpressionLanguage
import Testing

@Suite struct ParserLimitTests {
    /// Formulas nested `depth` deep, in every way there is.
    static let nestings: [@Sendable (Int) -> String] = [
        { String(repeating: "(", count: $0) + "x" + String(repeating: ")", count: $0) },
        { String(repeating: "[", count: $0) + "x" + String(repeating: "]", count: $0) },
        { String(repeating: "f(", count: $0) + "x" + String(repeating: ")", count: $0) },
        { String(repeating: "f(a=1+1*", count: $0) + "x" + String(repeating: ")", count: $0) },
        { String(repeating: "w[", count: $0) + "x" + String(repeating: "]", count: $0) },
        { String(repeating: "w[:", count: $0) + "x" + String(repeating: "]", count: $0) },
        { String(repeating: "-", count: $0) + "x" },
        { String(repeating: "x^", count: $0) + "x" },
        {
            String(repeating: "-(", count: $0 / 2) + String(repeating: "-", count: $0 % 2) + "x"
                + String(repeating: ")", count: $0 / 2)
        },
    ]

    @Test(arguments: nestings.indices) func boundsNesting(_ way: Int) {
        let atLimit = Reading(Self.nestings[way](Parser.nestingLimit))
        #expect(atLimit.diagnostics.isEmpty)
        #expect(atLimit.tree != nil)
        let beyond = Reading(Self.nestings[way](Parser.nestingLimit + 1))
        #expect(beyond.tree == nil)
        #expect(beyond.diagnostics.kept.map(\.code) == [.nestingTooDeep])
        #expect(Reading(Self.nestings[way](5_000)).diagnostics.kept.map(\.code) == [.nestingTooDeep])
    }

    @Test(arguments: ["(", "[", "-", "f(", "w[", "x^", "x^-", "(-", "%(", "f(%", "a.b("])
    func survivesOpenNesting(_ piece: String) {
        let reading = Reading(String(repeating: piece, count: Lexer.limit / piece.utf8.count))
        #expect(reading.tree == nil)
        let isTooDeep = reading.diagnostics.kept.contains { $0.code == .nestingTooDeep }
        #expect(isTooDeep || reading.diagnostics.omittedCount > 0)
    }

    @Test(arguments: ["+x", "*x", "@x", ".T", "[0]", "/x-x"]) func readsLongChains(_ link: String) throws {
        let count = (Lexer.limit - 1) / link.utf8.count
        let tree = try #require(Reading("x" + String(repeating: link, count: count)).tree)
        #expect(tree.nodes.count <= tree.source.bytes.count)
        #expect(tree.debugDescription.hasSuffix(")"))
    }

    @Test(arguments: ["$", "x ", ")", ",", "a.b()", "<x", "=", "f(a]", "λ$", "."]) func survivesFloods(_ piece: String)
    {
        let reading = Reading(String(repeating: piece, count: Lexer.limit / piece.utf8.count))
        #expect(reading.tree == nil)
        #expect(reading.diagnostics.hasErrors)
        #expect(reading.diagnostics.kept.count <= Diagnostics.limit)
    }

    @Test func boundsLength() {
        #expect(Reading(String(repeating: "x", count: Lexer.limit)).tree != nil)
        let beyond = Reading(String(repeating: "x", count: Lexer.limit + 1))
        #expect(beyond.tree == nil)
        #expect(beyond.faults == ["0:0 limit-exceeded"])
        #expect(beyond.sentence == "a formula has at most 65536 bytes, this one has 65537")
        let huge = Reading(String(repeating: "λ", count: 1 << 20))
        #expect(huge.sentence == "a formula has at most 65536 bytes, this one has 2097152")
    }
}
