// Malformed formulas: which faults, where, and in which words.
import ExpressionLanguage
import Testing

@Suite struct ParserFaultTests {
    static let malformed: [(String, [String])] = [
        ("", ["1:1 syntax-error"]),
        (" \n ", ["1:1 syntax-error"]),
        ("+", ["1:2 syntax-error"]),
        ("*", ["1:1 syntax-error", "1:2 syntax-error"]),
        ("a +", ["1:4 syntax-error"]),
        ("a +\n", ["1:4 syntax-error"]),
        ("* a", ["1:1 syntax-error"]),
        ("a * * b", ["1:5 syntax-error"]),
        ("a ^", ["1:4 syntax-error"]),
        ("2x", ["1:2 syntax-error"]),
        ("2(x)", ["1:2 syntax-error"]),
        ("a b c d", ["1:3 syntax-error"]),
        ("(a)(b)", ["1:4 syntax-error"]),
        ("2 .5", ["1:3 syntax-error"]),
        ("1..2", ["1:3 syntax-error"]),
        ("(a + b", ["1:1 syntax-error"]),
        ("((a + b)", ["1:1 syntax-error"]),
        ("f(g(x)", ["1:2 syntax-error"]),
        ("f(g(x", ["1:4 syntax-error", "1:2 syntax-error"]),
        ("(1 +", ["1:5 syntax-error", "1:1 syntax-error"]),
        ("f(", ["1:2 syntax-error"]),
        ("w[", ["1:2 syntax-error"]),
        ("a)", ["1:2 syntax-error"]),
        ("a) + b]", ["1:2 syntax-error", "1:7 syntax-error"]),
        (")", ["1:1 syntax-error"]),
        ("(a]", ["1:3 syntax-error"]),
        ("f(a[1)", ["1:4 syntax-error"]),
        ("w[]", ["1:2 syntax-error"]),
        ("w[,0]", ["1:3 syntax-error"]),
        ("f(,a)", ["1:3 syntax-error"]),
        ("f(a,,b)", ["1:5 syntax-error"]),
        ("f(* , /, b)", ["1:3 syntax-error", "1:5 syntax-error", "1:7 syntax-error", "1:8 syntax-error"]),
        ("f(a b, c d)", ["1:5 syntax-error", "1:10 syntax-error"]),
        ("a, b", ["1:2 syntax-error"]),
        ("a = b", ["1:3 syntax-error"]),
        ("f(2 = 3)", ["1:5 syntax-error"]),
        ("f(a=)", ["1:5 syntax-error"]),
        ("f(a=1, b)", ["1:8 syntax-error"]),
        ("f(a=1, a=2)", ["1:8 syntax-error"]),
        ("a:b", ["1:2 syntax-error"]),
        ("(a:b)", ["1:3 syntax-error"]),
        ("w[1:2:3:4]", ["1:8 syntax-error"]),
        ("x.", ["1:2 syntax-error"]),
        ("x.2", ["1:2 syntax-error"]),
        ("x.sum()", ["1:3 syntax-error"]),
        ("np.sum(x)", ["1:4 syntax-error"]),
        ("x'", ["1:2 syntax-error"]),
        ("f('mean')", ["1:3 syntax-error"]),
        ("f(\"a, b)", ["1:3 syntax-error", "1:2 syntax-error"]),
        ("a && b", ["1:3 syntax-error"]),
        ("a % b // c", ["1:3 syntax-error", "1:7 syntax-error"]),
        ("!a", ["1:1 syntax-error"]),
        ("a ! b", ["1:3 syntax-error"]),
        ("%", ["1:1 syntax-error"]),
        ("a < b < c < d", ["1:7 syntax-error"]),
        ("a == b == c + (2 3)", ["1:8 syntax-error", "1:18 syntax-error"]),
        ("lambda x: x + 1", ["1:1 syntax-error"]),
        ("import os; os", ["1:10 syntax-error", "1:1 syntax-error"]),
        ("a and b", ["1:3 syntax-error"]),
        ("not a", ["1:1 syntax-error"]),
        ("x if c else y", ["1:3 syntax-error"]),
        ("[x for x in y]", ["1:4 syntax-error"]),
        ("{a}", ["1:1 syntax-error", "1:3 syntax-error"]),
        ("a # rest b\n+", ["1:3 syntax-error", "2:2 syntax-error"]),
        ("1e999", ["1:1 not-finite"]),
        ("a +\n  1e999 * b", ["2:3 not-finite"]),
        ("é + $ + λ$", ["1:5 syntax-error", "1:10 syntax-error"]),
        ("a − b", ["1:3 syntax-error"]),
        ("a\u{200B}", ["1:2 syntax-error"]),
    ]

    @Test(arguments: malformed) func reportsMalformedFormulas(_ text: String, _ faults: [String]) {
        let reading = Reading(text)
        #expect(reading.tree == nil)
        #expect(reading.faults == faults)
    }

    static let sentences: [(String, String)] = [
        ("", "the formula is empty"),
        ("2x", "an operator must stand between '2' and 'x'; write 2 * x"),
        ("2(x)", "an operator must stand between '2' and '('; write '*' to multiply"),
        ("a +", "an operand must follow '+', but the formula ends"),
        ("(a +)", "an operand must follow '+', but ')' came"),
        ("* a", "an operand must stand before '*'"),
        (", a", "a formula starts with an operand, but ',' came"),
        ("(a", "'(' is never closed"),
        ("a]", "']' closes nothing"),
        ("(a]", "']' cannot close '('"),
        ("w[]", "an index must stand between '[' and ']'; write w[0], or w[:] for all"),
        ("a = b", "'=' only gives an argument by name; write the right side alone, or '==' to compare"),
        ("a, b", "',' stands only between arguments, items and indices"),
        ("a:b", "':' stands only in an index, as in w[1:3]"),
        ("f(a=1, b)", "arguments without a name stand before those with one"),
        ("f(a=1, a=2)", "the argument 'a' is given twice"),
        ("x'", "the sign ''' does not transpose; write x.T"),
        ("'x'", "a formula has no text in quotes; write names bare"),
        ("x.sum()", "functions are not called with '.'; write sum(x)"),
        ("(a + b).sum(axis=0)", "functions are not called with '.'; write sum((a + b), axis=0)"),
        ("np.exp(x)", "functions are not called with '.'; write exp(x)"),
        ("a && b", "there is no sign '&&' for 'and'; multiply comparisons: (a < b) * (b < c)"),
        ("a % b", "there is no sign '%' for remainders"),
        ("a // b", "there is no sign '//' for whole division; '/' divides"),
        ("!a", "there is no sign '!' for 'not'; write 1 - p"),
        ("a < b < c", "comparisons cannot be chained; write (a < b) * (b < c)"),
        ("lambda x: x", "a formula has no 'lambda' as Python has; name the expression under 'definitions'"),
        ("import os", "a formula has no 'import' as Python has; all functions are there already"),
        ("w + ...", "'...' stands only in an index, as in x[..., 0]"),
        ("sum w", "sum is a function and takes its arguments in parentheses; write sum(w)"),
        ("x.", "a name must follow '.', as in x.T"),
        ("1e999", "the number '1e999' is beyond the greatest float64, 1.797e308"),
        ("a\u{200B}", "the character U+200B has no meaning in a formula; delete it; it cannot be seen"),
        ("$", "there is no sign '$' here; write the name alone"),
    ]

    @Test(arguments: sentences) func saysWhatWasWanted(_ text: String, _ sentence: String) {
        #expect(Reading(text).sentence == sentence)
    }

    @Test func underlinesTheOperandsOfAMissingOperator() {
        #expect(
            Reading("1 +\n\tcosts 2x", pointer: "/p").diagnostics.rendered == """
                /p  2:8  syntax-error
                     costs 2x
                     ^~~~~~~
                  an operator must stand between 'costs' and '2'
                  hint: write costs * 2
                """)
    }

    @Test func keepsAHundredFaultsOfAFlood() {
        let flood = Reading(String(repeating: "$", count: 150))
        #expect(flood.diagnostics.kept.count == 100)
        #expect(flood.diagnostics.omittedCount == 50)
        #expect(flood.diagnostics.errorCount == 150)
    }
}
