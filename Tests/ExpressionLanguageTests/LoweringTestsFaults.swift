// Faults: each with its place, its code and a sentence that says what was wanted and what came.
import ExpressionGraph
import ExpressionLanguage
import Testing

@Suite struct LoweringFaultTests {
    @Test func rendersAsThePageShows() {
        let lowered = standard()
        #expect(lowered.lower("mean((X @ u - y)^2)") == nil)
        #expect(
            lowered.lowering.diagnostics.rendered == """
                /problem/levels/1/minimize  1:9  shape-mismatch
                    mean((X @ u - y)^2)
                          ^~~~~
                  X is [train, 3] and u is [4]: the inner dimensions 3 and 4 differ
                """)
    }

    @Test(arguments: [
        ("w + u", "1:3 shape-mismatch", "w is [3] and u is [4]: the shapes do not broadcast"),
        (
            "y + Xv @ w", "1:3 shape-mismatch",
            "y is [train] and Xv @ w is [validation]: they run over different samples, so one must be reduced first"
        ),
        ("y + w", "1:3 shape-mismatch", "y is [train] and w is [3]: the shapes do not broadcast"),
        ("s @ w", "1:3 shape-mismatch", "s is a number: a matrix product takes vectors and matrices"),
        ("where(w, u, s)", "1:1 shape-mismatch", "w is [3] and u is [4]: the shapes do not broadcast"),
        ("where(w, s, u)", "1:1 shape-mismatch", "w is [3] and u is [4]: the shapes do not broadcast"),
        ("reshape(A, [4])", "1:1 shape-mismatch", "A is [2, 3], which cannot become [4]"),
        ("reshape(A, [4, -1])", "1:1 shape-mismatch", "A is [2, 3], which cannot become [4, -1]"),
        ("reshape(X, [3, -1])", "1:1 shape-mismatch", "X is [train, 3], which cannot become [3, -1]"),
        ("reshape(A, [-1, -1])", "1:12 wrong-argument", "a shape holds sizes and at most one −1, came -1"),
        ("reshape(A, [s])", "1:13 wrong-argument", "a shape must be a number written in the formula"),
        ("trace(w)", "1:1 shape-mismatch", "w is [3]: trace wants a matrix"),
        ("diag(s)", "1:1 shape-mismatch", "s is a number: diag wants a matrix"),
        ("huber(w, 0)", "1:10 wrong-argument", "huber wants a delta above 0, came 0"),
        ("concatenate([A, w])", "1:17 shape-mismatch", "A is [2, 3] and w is [3]: all but dimension 0 must agree"),
        ("concatenate([y, a])", "1:14 shape-mismatch", "y is [train]: a sample axis cannot be joined"),
        ("concatenate([s, s])", "1:14 shape-mismatch", "concatenate wants arrays, came a number"),
        ("concatenate(w)", "1:13 wrong-argument", "concatenate wants a list of arrays: concatenate([a, b])"),
        ("stack([w, u])", "1:11 shape-mismatch", "w is [3] and u is [4]: stack wants equal shapes"),
        ("softmax(s)", "1:9 shape-mismatch", "softmax wants an array, came a number"),
        ("max(w[:0])", "1:1 shape-mismatch", "max of no elements is not defined"),
        ("sum(w, axis=1)", "1:13 index-out-of-range", "there is no axis 1 in an array of 1 dimension"),
        ("sum(A, axis=-3)", "1:13 index-out-of-range", "there is no axis -3 in an array of 2 dimensions"),
        ("sum(A, axis=[0, -2])", "1:13 wrong-argument", "axis -2 is named twice"),
        ("sum(A, axis=0.5)", "1:13 wrong-argument", "axis must be an integer, came 0.5"),
        ("sum(A, axis=s)", "1:13 wrong-argument", "axis must be a number written in the formula"),
        ("sum(A, keepdims=2)", "1:17 wrong-argument", "keepdims is true or false, came 2"),
        ("cumsum(X)", "1:8 wrong-argument", "X is [train, 3]: cumsum needs axis= here"),
        ("transpose(A, [0, 0])", "1:14 wrong-argument", "axes must name each of the 2 dimensions once"),
        ("w[3]", "1:3 index-out-of-range", "there is no index 3 in a dimension of size 3"),
        ("w[-4]", "1:3 index-out-of-range", "there is no index -4 in a dimension of size 3"),
        ("w[0, 0]", "1:1 index-out-of-range", "w is [3], a vector, which takes one subscript, but 2 subscripts came"),
        ("w[::0]", "1:5 wrong-argument", "a slice's step cannot be 0"),
        ("w[s]", "1:3 wrong-argument", "an index must be a number written in the formula"),
        (
            "w[u]", "1:3 wrong-argument",
            "indices must be integers from 0 to 2; labels and indices cannot depend on variables"
        ),
        (
            "A[[0, 1], [0, 1, 2]]", "1:1 shape-mismatch",
            "the indices are [2] and [3]: the shapes do not broadcast"
        ),
        (
            "A[[[0, 1], [0]]]", "1:3 shape-mismatch",
            "the rows of a list of indices have one shape, came [2] and [1]"
        ),
        (
            "w[[[0, 1], 2]]", "1:3 shape-mismatch",
            "the rows of a list of indices have one shape, came numbers beside lists"
        ),
        ("w[[[0, 1], [0, 3]]]", "1:12 index-out-of-range", "there is no index 3 in a dimension of size 3"),
        ("A[0, [3]]", "1:6 index-out-of-range", "there is no index 3 in a dimension of size 3"),
        ("X[k > 1]", "1:5 unsupported", "k > 1 is [train]: truth values do not pick elements"),
        ("A @ u", "1:3 shape-mismatch", "A is [2, 3] and u is [4]: the inner dimensions 3 and 4 differ"),
        (
            "reshape(A, [2, 1, 3]) @ reshape(u, [4, 1, 1])", "1:23 shape-mismatch",
            "reshape(A, [2, 1, 3]) is [2, 1, 3] and reshape(u, [4, 1, 1]) is [4, 1, 1]: the inner dimensions 3 and 1 differ"
        ),
        (
            "reshape(A, [2, 3, 1]) @ reshape(u, [4, 1, 1])", "1:23 shape-mismatch",
            "reshape(A, [2, 3, 1]) is [2, 3, 1] and reshape(u, [4, 1, 1]) is [4, 1, 1]: the leading dimensions do not broadcast"
        ),
        ("logdet(A)", "1:1 shape-mismatch", "A is [2, 3]: logdet wants a square matrix, or a stack of them"),
        ("inverse(w)", "1:1 shape-mismatch", "w is [3]: inverse wants a square matrix, or a stack of them"),
        ("solve(s, w)", "1:1 shape-mismatch", "s is a number: solve wants a square matrix, or a stack of them"),
        ("solve(A @ A.T, w)", "1:1 shape-mismatch", "A @ A.T is [2, 2] and w is [3]: solve wants 2 rows on the right"),
        (
            "cholesky_solve(X.T @ X, s)", "1:1 shape-mismatch",
            "X.T @ X is [3, 3] and s is a number: cholesky_solve wants 3 rows on the right"
        ),
        (
            "reshape(w, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3])", "1:1 shape-overflow",
            "the result has 17 dimensions; at most 16 are allowed"
        ),
        (
            "dot(A, reshape(A, [1, 3, 2]))", "1:1 unsupported",
            "reshape(A, [1, 3, 2]) is [1, 3, 2]: dot with a stack of matrices on the right is not computed"
        ),
        ("exp()", "1:1 wrong-argument-count", "exp takes (x), came 0 arguments"),
        ("exp(w, u)", "1:1 wrong-argument-count", "exp takes (x), came 2 arguments"),
        (
            "sum(w, axes=0)", "1:13 wrong-argument",
            "sum has no parameter called 'axes'; it takes (x, axis=, keepdims=)"
        ),
        ("sum(w, 0, axis=0)", "1:16 wrong-argument", "axis is given twice"),
        ("foo(w)", "1:1 unknown-function", "there is no function called 'foo'"),
        ("w(1)", "1:1 unknown-function", "w is not a function"),
        ("W + 1", "1:1 unknown-name", "no data, variable or definition is called 'W'"),
        ("exp + 1", "1:1 unknown-name", "exp is a function and needs arguments: exp(…)"),
        ("w.t", "1:3 unknown-name", "arrays have no attribute 't', only T"),
        ("[1, 2] + w", "1:8 shape-mismatch", "[1, 2] is [2] and w is [3]: the shapes do not broadcast"),
        ("w + [s, w]", "1:9 shape-mismatch", "s is a number and w is [3]: a list has entries of equal shapes"),
        ("w + []", "1:5 wrong-argument", "wanted a number or an array, came an empty list"),
        ("A[..., 0, ...]", "1:1 wrong-argument", "an index takes '...' once"),
        (
            "A[..., 0, 0, 0]", "1:1 index-out-of-range",
            "A is [2, 3], which takes up to 2 subscripts, one for each dimension, but 3 subscripts came"
        ),
        ("0 / 0", "1:3 constant-not-finite", "this constant is nan, not a finite number"),
        ("1e308 * 10", "1:7 constant-not-finite", "this constant is inf, not a finite number"),
        ("w + 1 / 0", "1:7 constant-not-finite", "this constant is inf, not a finite number"),
        ("exp(1000)", "1:1 constant-not-finite", "this constant is inf, not a finite number"),
        ("w * log(0)", "1:5 constant-not-finite", "this constant is -inf, not a finite number"),
        ("10 ^ 400", "1:4 constant-not-finite", "this constant is inf, not a finite number"),
        (
            "big @ big.T", "1:5 shape-overflow",
            "the result would be [50000, 50000], which holds 2500000000 numbers; at most 2147483647 are allowed"
        ),
        (
            "reshape(big[:, 0], [50000, 1]) + reshape(big[:, 1], [1, 50000])", "1:32 shape-overflow",
            "the result would be [50000, 50000], which holds 2500000000 numbers; at most 2147483647 are allowed"
        ),
        (
            "where(big[:, :1] > 0, s, reshape(big[:, 1], [50000]))", "1:1 shape-overflow",
            "the result would be [50000, 50000], which holds 2500000000 numbers; at most 2147483647 are allowed"
        ),
        (
            "concatenate([big, big])", "1:1 shape-overflow",
            "the result is [100000, 40000], which holds 4000000000 numbers; at most 2147483647 are allowed"
        ),
        (
            "cross_entropy(X, w)", "1:1 shape-mismatch",
            "cross_entropy wants logits [.., classes] and labels [..]; X is [train, 3] and w is [3]"
        ),
        (
            "cross_entropy(X, a)", "1:18 wrong-argument",
            "cross_entropy wants classes 0 to 2; labels and indices cannot depend on variables"
        ),
        ("one_hot(k, 0)", "1:12 wrong-argument", "one_hot wants a positive number of classes, came 0"),
        ("w + None", "1:5 wrong-argument", "wanted a number or an array, came None"),
        ("None", "1:1 wrong-argument", "wanted a number or an array, came None"),
        ("A[None, [0]]", "1:1 unsupported", "None beside an array of indices is not computed"),
        ("softmax(A, axis=(0, 2))", "1:17 index-out-of-range", "there is no axis 2 in an array of 2 dimensions"),
    ])
    func reportsOneFault(_ formula: String, _ place: String, _ sentence: String) {
        let lowered = standard()
        #expect(lowered.lower(formula) == nil)
        #expect(lowered.faults == [place], "\(formula): \(lowered.lowering.diagnostics.rendered)")
        #expect(lowered.lowering.diagnostics.kept.first?.message == sentence)
    }

    @Test func reportsAllIndependentFaults() {
        let lowered = standard()
        #expect(lowered.lower("sum(w + u) + foo(w) * exp(W) + X @ u") == nil)
        #expect(
            lowered.faults == [
                "1:7 shape-mismatch", "1:14 unknown-function", "1:27 unknown-name", "1:34 shape-mismatch",
            ])
    }

    @Test(arguments: [("w[100]", "w"), ("sigmod(w)", "sigmoid"), ("lamda * 2", "lambda")])
    func suggestsNearNames(_ formula: String, _ name: String) {
        let lowered = Lowered([.init("w", [3], isVariable: true), .init("lambda", [], isVariable: true)])
        #expect(lowered.lower(formula) == nil)
        if let hint = lowered.lowering.diagnostics.kept.first?.hint { #expect(hint == "did you mean '\(name)'?") }
    }
}

@Suite struct LoweringDefinitionTests {
    @Test func definitionsAreLoweredOnceAndShared() throws {
        let lowered = standard(["margin": "X @ w", "loss": "mean((margin - y)^2)"])
        let whole = try #require(lowered.lower("loss + 0.5 * sum(w^2)"))
        let written = try #require(lowered.lower("mean((X @ w - y)^2) + 0.5 * sum(w^2)"))
        #expect(whole == written)
    }

    @Test func faultsOfADefinitionAreReportedOnceWhereTheyAre() {
        let lowered = standard(["bad": "w + u", "unused": "foo(1)", "worse": "bad * 2"])
        #expect(lowered.lower("worse + bad") == nil)
        lowered.lowerDefinitions(["bad", "unused", "worse"])
        #expect(
            lowered.lowering.diagnostics.kept.map(\.pointer) == [
                "/problem/definitions/bad", "/problem/definitions/unused",
            ])
        #expect(lowered.faults == ["1:3 shape-mismatch", "1:1 unknown-function"])
    }

    @Test func cyclesAreReportedOnce() {
        let lowered = standard(["p": "q + 1", "q": "exp(r)", "r": "2 * p", "own": "own + 1"])
        #expect(lowered.lower("p + q") == nil)
        #expect(
            lowered.lowering.diagnostics.kept.map(\.message) == [
                "the definition of p needs itself: p → q → r → p"
            ])
        #expect(lowered.lowering.diagnostics.kept.first?.pointer == "/problem/definitions/r")
        #expect(lowered.faults == ["1:5 cyclic-definition"])
        lowered.lowerDefinitions(["own", "p", "q", "r"])
        #expect(
            lowered.lowering.diagnostics.kept.map(\.message).last == "the definition of own needs itself: own → own")
        #expect(lowered.lowering.diagnostics.errorCount == 2)
    }

    @Test func chainsOfTenThousandNeedNoRecursion() throws {
        var definitions = ["d0": "w"]
        for index in 1..<10_000 { definitions["d\(index)"] = "sin(d\(index - 1))" }
        let lowered = standard(definitions)
        let expression = try #require(lowered.lower("sum(d9999)"))
        #expect(lowered.graph.reachable(from: [expression.node]).count > 10_000)
        let reversed = standard(definitions)
        reversed.lowerDefinitions((0..<10_000).reversed().map { "d\($0)" })
        #expect(reversed.faults == [])
    }

    @Test func operationsAreLimited() {
        // Every definition doubles the number of distinct nodes of the one before: 2¹⁷ > 100,000.
        var definitions = ["d0": "prod(w)"]
        for index in 1...120 {
            let terms = (0..<900).map { "sin(s + \(index * 1000 + $0))" }.joined(separator: " + ")
            definitions["d\(index)"] = "d\(index - 1) + \(terms)"
        }
        let lowered = standard(definitions)
        #expect(lowered.lower("d120") == nil)
        #expect(lowered.lowering.diagnostics.kept.first?.code == .limitExceeded)
        #expect(lowered.graph.nodes.count <= Lowering.nodeLimit + 10)
        #expect(lowered.lowering.diagnostics.errorCount == 1)
    }
}
