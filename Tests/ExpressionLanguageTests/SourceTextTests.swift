// Lines and columns: ASCII and not, all line ends, offsets inside and beyond.
import ExpressionLanguage
import Testing

@Suite struct SourceTextTests {
    static let places: [(String, Int, Int, Int)] = [
        ("", 0, 1, 1), ("", 9, 1, 1), ("ab", 0, 1, 1), ("ab", 1, 1, 2), ("ab", 2, 1, 3), ("ab", 99, 1, 3),
        ("ab", -1, 1, 1), ("a\nb", 1, 1, 2), ("a\nb", 2, 2, 1), ("a\r\nb", 1, 1, 2), ("a\r\nb", 2, 1, 2),
        ("a\r\nb", 3, 2, 1), ("a\n", 2, 2, 1), ("λx", 0, 1, 1), ("λx", 1, 1, 1), ("λx", 2, 1, 2), ("λx", 3, 1, 3),
        ("λ\r\nλx", 6, 2, 2), ("λ\r\n", 3, 1, 2), ("λ\r\n", 4, 2, 1), ("e\u{301}x", 3, 1, 2),
    ]

    @Test(arguments: places) func findsPlaces(_ text: String, _ offset: Int, _ line: Int, _ column: Int) {
        let location = SourceText(text).location(ofByte: offset)
        #expect(location.line == line)
        #expect(location.column == column)
    }

    @Test func cutsSpansToTheText() {
        let source = SourceText("λx")
        #expect(source[Span(0, 2)] == "λ")
        #expect(source[Span(2, 99)] == "x")
        #expect(source[Span(50, 99)] == "")
        #expect(source.lineCount == 1)
        #expect(SourceText("a\n\nb\n").lineCount == 4)
    }

    @Test func joinsSpans() {
        #expect(Span(3, 5).union(Span(1, 2)) == Span(1, 5))
        #expect(Span(4, 2) == Span(4, 4))
        #expect(Span(4, 2).count == 0)
    }
}
