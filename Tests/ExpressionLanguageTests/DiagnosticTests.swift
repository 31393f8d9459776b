// How faults read: header, quoted line, caret, cuts, odd characters; and how many are kept.
import ExpressionLanguage
import Testing

@Suite struct DiagnosticTests {
    private func fault(_ text: String, _ span: Span, severity: Diagnostic.Severity = .error) -> Diagnostic {
        Diagnostic(
            pointer: "/f", source: SourceText(text), span: span, code: .unknownName, message: "no 'x'", hint: "write y",
            severity: severity)
    }

    @Test func rendersDocumentFaultsWithoutAPlace() {
        let fault = Diagnostic(pointer: "/problem", code: .missingField, message: "'levels' is missing")
        #expect(fault.rendered == "/problem  missing-field\n  'levels' is missing")
        #expect(fault.line == nil && fault.column == nil && fault.excerpt == nil)
    }

    @Test func rendersHintsAndWarnings() {
        #expect(
            fault("a + x", Span(4, 5), severity: .warning).rendered == """
                /f  1:5  warning: unknown-name
                    a + x
                        ^
                  no 'x'
                  hint: write y
                """)
    }

    @Test func countsCharactersNotBytes() {
        let text = "λ + e\u{301} +\r\n👩‍👩‍👧 + x"
        let offset = text.utf8.count - 1
        #expect(
            fault(text, Span(offset, offset + 1)).rendered == """
                /f  2:5  unknown-name
                    👩‍👩‍👧 + x
                        ^
                  no 'x'
                  hint: write y
                """)
    }

    @Test func replacesWhatWouldMoveTheCaret() throws {
        let excerpt = try #require(fault("\t\u{7}\u{202E}\u{2028}x", Span(8, 9)).excerpt)
        #expect(excerpt.text == " \u{FFFD}\u{FFFD} x")
        #expect(excerpt.caretLine == "    ^")
        #expect(try #require(fault("\t\u{301}x", Span(3, 4)).excerpt).text == " \u{FFFD}x")
        let stacked = "x" + String(repeating: "\u{301}", count: 9)
        #expect(try #require(fault(stacked, Span(0, 1)).excerpt).text == "\u{FFFD}")
    }

    @Test func marksNoFurtherThanTheLine() throws {
        let excerpt = try #require(fault("f(\na)", Span(0, 5)).excerpt)
        #expect(excerpt.text == "f(")
        #expect(excerpt.caretLine == "^~")
        let end = try #require(fault("f(", Span(2, 2)).excerpt)
        #expect(end.caretLine == "  ^")
    }

    @Test func quotesALineAtTheLimitWhole() throws {
        let line = String(repeating: "a", count: Excerpt.limit)
        #expect(try #require(fault(line, Span(60, 62)).excerpt).text == line)
    }

    @Test(arguments: [0, 1, 39, 40, 41, 60, 79, 80, 81, 100, 119, 120, 121]) func cutsLinesPastTheLimit(_ start: Int)
        throws
    {
        let line = String(repeating: "abcdefghi ", count: 13).prefix(Excerpt.limit + 1)
        let excerpt = try #require(fault(String(line), Span(start, start + 3)).excerpt)
        #expect(excerpt.text.count == Excerpt.limit)
        #expect(excerpt.text.hasPrefix("…") || excerpt.text.hasSuffix("…"))
        let marked = excerpt.text.dropFirst(excerpt.caret.lowerBound).prefix(excerpt.caret.count)
        #expect(marked == line.dropFirst(start).prefix(3))
    }

    @Test func keepsAHundredAndCountsTheRest() {
        var diagnostics = Diagnostics()
        #expect(diagnostics.isEmpty && !diagnostics.hasErrors)
        for index in 0..<Diagnostics.limit {
            diagnostics.report(
                .warning, Diagnostic(pointer: "/\(index)", code: .badlyScaled, message: "", severity: .warning))
        }
        #expect(diagnostics.kept.count == Diagnostics.limit && diagnostics.omittedCount == 0)
        #expect(!diagnostics.hasErrors)
        diagnostics.report(.error, Diagnostic(pointer: "/last", code: .dataError, message: ""))
        #expect(diagnostics.kept.count == Diagnostics.limit && diagnostics.omittedCount == 1)
        #expect(diagnostics.hasErrors)
        #expect(diagnostics.rendered.hasSuffix("\n\nand 1 more"))
    }

    @Test(arguments: DiagnosticCode.allCases) func namesCodesInKebabCase(_ code: DiagnosticCode) {
        #expect(code.rawValue.allSatisfy { ("a"..."z").contains($0) || $0 == "-" })
    }
}
