// Trees of well-formed formulas: precedence, association, calls, indices, lists, spans.
import ExpressionLanguage
import Testing

@Suite struct ParserTests {
    static let trees: [(String, String)] = [
        ("1", "1.0"),
        ("x", "x"),
        ("λ_1", "λ_1"),
        ("a + b - c", "(- (+ a b) c)"),
        ("a - (b - c)", "(- a (- b c))"),
        ("a + b * c", "(+ a (* b c))"),
        ("a * b + c", "(+ (* a b) c)"),
        ("a * b / c @ d", "(@ (/ (* a b) c) d)"),
        ("a / b * c", "(* (/ a b) c)"),
        ("-x^2", "(- (^ x 2.0))"),
        ("(-x)^2", "(^ (- x) 2.0)"),
        ("2^-1", "(^ 2.0 (- 1.0))"),
        ("2^3^2", "(^ 2.0 (^ 3.0 2.0))"),
        ("2**3^2", "(^ 2.0 (^ 3.0 2.0))"),
        ("2^-3^2", "(^ 2.0 (- (^ 3.0 2.0)))"),
        ("-a * b", "(* (- a) b)"),
        ("a * -b", "(* a (- b))"),
        ("a - -b", "(- a (- b))"),
        ("+-+x", "(+ (- (+ x)))"),
        ("-x.T^2", "(- (^ (.T x) 2.0))"),
        ("a + b < c * d", "(< (+ a b) (* c d))"),
        ("a == b", "(== a b)"),
        ("a != -b", "(!= a (- b))"),
        ("a <= b", "(<= a b)"),
        ("a >= b", "(>= a b)"),
        ("a > b", "(> a b)"),
        ("(a < b) < c", "(< (< a b) c)"),
        ("(a < b) * (b < c)", "(* (< a b) (< b c))"),
        ("f()", "(f)"),
        ("f(x)", "(f x)"),
        ("f(x,)", "(f x)"),
        ("sum(x, axis=0)", "(sum x axis=0.0)"),
        ("sum(x, axis=-1, keepdims=1,)", "(sum x axis=(- 1.0) keepdims=1.0)"),
        ("exp(-x)^2", "(^ (exp (- x)) 2.0)"),
        ("x.T @ y", "(@ (.T x) y)"),
        ("(X @ w).T.T", "(.T (.T (@ X w)))"),
        ("w[0]", "(index w 0.0)"),
        ("w[-1]", "(index w (- 1.0))"),
        ("W[:, 1:3]", "(index W : 1.0:3.0)"),
        ("W[::2, 1:]", "(index W ::2.0 1.0:)"),
        ("W[::]", "(index W :)"),
        ("W[:n]", "(index W :n)"),
        ("W[a+1:b:-1,]", "(index W (+ a 1.0):b:(- 1.0))"),
        ("W[0][1]", "(index (index W 0.0) 1.0)"),
        ("f(x)[0].T^2", "(^ (.T (index (f x) 0.0)) 2.0)"),
        ("reshape(x, [3, 4])", "(reshape x [3.0 4.0])"),
        ("reshape(x, (3, 4))", "(reshape x [3.0 4.0])"),
        ("reshape(x, (3,))", "(reshape x [3.0])"),
        ("reshape(x, ())", "(reshape x [])"),
        ("concatenate([a, b], axis=0)", "(concatenate [a b] axis=0.0)"),
        ("stack((a,b))", "(stack [a b])"),
        ("[[1, 2], [3, 4],]", "[[1.0 2.0] [3.0 4.0]]"),
        ("((((a))))", "a"),
        ("0.5 * sum(exp(lambda) * w^2)", "(* 0.5 (sum (* (exp lambda) (^ w 2.0))))"),
        ("mean(\n  (X @ w - y)^2\r\n)", "(mean (^ (- (@ X w) y) 2.0))"),
        ("a\u{A0}+\tb", "(+ a b)"),
        ("f(lambda=1)", "(f lambda=1.0)"),
        ("if + in", "(+ if in)"),
    ]

    @Test(arguments: trees) func readsWellFormedFormulas(_ text: String, _ tree: String) {
        let reading = Reading(text)
        #expect(reading.tree?.debugDescription == tree)
        #expect(reading.diagnostics.isEmpty)
    }

    @Test func givesEveryNodeItsTextAndItsOperator() throws {
        let tree = try #require(Reading("mean((X @ w - y)^2, axis=0)").tree)
        let texts = tree.nodes.map { "\(tree.source[$0.span]) | \(tree.source[$0.focus])" }
        #expect(
            texts == [
                "X | X", "w | w", "X @ w | @", "y | y", "(X @ w - y) | -", "2 | 2", "(X @ w - y)^2 | ^", "0 | 0",
                "mean((X @ w - y)^2, axis=0) | mean",
            ])
    }

    @Test func givesArgumentsAndSubscriptsTheirText() throws {
        let call = try #require(Reading("f(x, axis = 0)").tree)
        guard case .call("f", let arguments) = call.nodes[call.root].kind else {
            Issue.record("not a call")
            return
        }
        #expect(arguments.map { call.source[$0.span] } == ["x", "axis = 0"])
        let index = try #require(Reading("W[ : , 1:3, ::2, -1]").tree)
        guard case .index(_, let subscripts) = index.nodes[index.root].kind else {
            Issue.record("not an index")
            return
        }
        #expect(subscripts.map { index.source[$0.span] } == [":", "1:3", "::2", "-1"])
    }

    @Test func givesAttributesIndicesAndSignsTheirText() throws {
        let tree = try #require(Reading("-x.T[0]").tree)
        let texts = tree.nodes.map { "\(tree.source[$0.span]) | \(tree.source[$0.focus])" }
        #expect(texts == ["x | x", "x.T | T", "0 | 0", "x.T[0] | x.T[0]", "-x.T[0] | -"])
    }

    @Test func pointsLaterFaultsAtTheOperator() throws {
        let tree = try #require(Reading("mean((X @ w - y)^2)", pointer: "/problem/levels/1/minimize").tree)
        let product = try #require(tree.nodes.firstIndex { tree.source[$0.focus] == "@" })
        let fault = tree.diagnostic(
            at: product, code: .shapeMismatch,
            message: "X is [train, 3] and w is [4]: the inner dimensions 3 and 4 differ")
        #expect(
            fault.rendered == """
                /problem/levels/1/minimize  1:9  shape-mismatch
                    mean((X @ w - y)^2)
                          ^~~~~
                  X is [train, 3] and w is [4]: the inner dimensions 3 and 4 differ
                """)
    }
}
