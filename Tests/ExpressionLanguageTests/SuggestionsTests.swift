// The nearest known name: what is near, what is not, ties, limits.
import ExpressionLanguage
import Testing

@Suite struct SuggestionsTests {
    static let functions = [
        "exp", "log", "log1p", "sqrt", "softmax", "log_softmax", "minimum", "maximum", "logistic_loss",
    ]

    static let near: [(String, String?)] = [
        ("epx", "exp"), ("exo", "exp"), ("ex", "exp"), ("lgo", "log"), ("EXP", "exp"), ("soft_max", "softmax"),
        ("maximun", "maximum"), ("mximmu", "maximum"), ("logisticloss", "logistic_loss"), ("loss", nil), ("x", nil),
        ("", nil), ("expp1", "exp"), ("expxyz", nil), ("sqtr", "sqrt"),
    ]

    @Test(arguments: near) func findsTheNearestName(_ name: String, _ suggestion: String?) {
        #expect(Suggestions.nearest(to: name, among: Self.functions) == suggestion)
    }

    @Test func settlesTiesByTheAlphabet() {
        #expect(Suggestions.nearest(to: "ab", among: ["ac", "aa"]) == "aa")
        #expect(Suggestions.nearest(to: "ab", among: ["aa", "ac"]) == "aa")
        #expect(Suggestions.nearest(to: "W", among: ["w", "x"]) == "w")
    }

    @Test func comparesNamesUpToTheLimit() {
        let longest = String(repeating: "λ", count: Suggestions.lengthLimit)
        #expect(Suggestions.nearest(to: longest.dropLast() + "x", among: [longest]) == longest)
        #expect(Suggestions.nearest(to: longest + "λ", among: [longest]) == nil)
        #expect(Suggestions.nearest(to: longest, among: [longest + "λ"]) == nil)
    }
}
