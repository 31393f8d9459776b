// What is joined and cut again, bracketed in another way, or applied to what a function knows already makes no node.
import ExpressionGraph
import Testing

@Suite struct JoiningTests {
    private var graph = Graph()
    private let a: NodeID
    private let b: NodeID
    private let whole: NodeID

    init() {
        a = graph.addInput("a", shape: Shape(sizes: [2]), role: .value)
        b = graph.addInput("b", shape: Shape(sizes: [3]), role: .value)
        whole = graph.addInput("whole", shape: Shape(sizes: [5]), role: .value)
    }

    // MARK: - Cutting and joining

    @Test func whatWasJoinedIsCutWithoutATrace() {
        var g = graph
        let joined = g.flatten([a, b])
        #expect(g.cut(joined, into: [Shape(sizes: [2]), Shape(sizes: [3])]) == [a, b])
        #expect(g.slice(joined, [SliceRange(3..<5)]) == g.slice(b, [SliceRange(1..<3)]))
        let middle = g.slice(joined, [SliceRange(1..<3)])
        #expect(middle == g.concatenate([g.slice(a, [SliceRange(1..<2)]), g.slice(b, [SliceRange(0..<1)])], axis: 0))
    }

    @Test func whatWasCutIsJoinedWithoutATrace() {
        var g = graph
        let parts = g.cut(whole, into: [Shape(sizes: [2]), Shape(sizes: [3])])
        #expect(g.flatten(parts) == whole)
        #expect(g.flatten([g.flatten([a, b]), a]) == g.flatten([a, b, a]))
    }

    @Test func slicesOfSlicesAndPadsAreOne() {
        var g = graph
        let range = [SliceRange(1..<4)]
        let inner = g.slice(whole, range)
        #expect(g.slice(inner, [SliceRange(1..<2)]) == g.slice(whole, [SliceRange(2..<3)]))
        let five = Shape(sizes: [5])
        let padded = g.pad(b, range, to: five)
        #expect(g.slice(padded, range) == b)
        let beside = g.slice(padded, [SliceRange(0..<1)])
        #expect(g.isZero(beside))
        #expect(
            g.slice(padded, [SliceRange(0..<3)])
                == g.pad(g.slice(b, [SliceRange(0..<2)]), [SliceRange(1..<3)], to: Shape(sizes: [3])))
    }

    /// The cotangents of the parts of a vector, added up, are joined.
    @Test func padsThatMeetAreAJoin() {
        var g = graph
        let five = Shape(sizes: [5])
        let first = g.pad(a, [SliceRange(0..<2)], to: five)
        let second = g.pad(b, [SliceRange(2..<5)], to: five)
        #expect(g.add(first, second) == g.flatten([a, b]))
        let zeros = g.constant(0, shape: Shape(sizes: [3]))
        #expect(g.flatten([a, zeros]) == first)
        let twice = g.add(g.flatten([a, b]), second)
        #expect(twice == g.flatten([a, g.scale(2, b)]))
    }

    @Test func valuesAreThoseOfTheUnsimplifiedForm() throws {
        var g = graph
        var random = SplitMix(3)
        let square = g.unary(.square, whole)
        let outputs = [
            g.slice(g.flatten([a, b, square]), [SliceRange(1..<8)]),
            g.slice(g.pad(square, [SliceRange(2..<7)], to: Shape(sizes: [9])), [SliceRange(0..<4)]),
            g.add(
                g.pad(a, [SliceRange(1..<3)], to: Shape(sizes: [5])),
                g.pad(b, [SliceRange(2..<5)], to: Shape(sizes: [5]))),
        ]
        let inputs = [a: random.array([2]), b: random.array([3]), whole: random.array([5])]
        let (x, y, w) = (inputs[a]!.values, inputs[b]!.values, inputs[whole]!.values.map { $0 * $0 })
        let found = values(g, outputs, inputs)
        #expect(found[0] == Array((x + y + w)[1..<8]))
        #expect(found[1] == [0, 0, w[0], w[1]])
        #expect(found[2] == [0, x[0], x[1] + y[0], y[1], y[2]])
    }

    // MARK: - Brackets

    @Test func bracketsMakeNoDifference() {
        var g = graph
        let (x, y, z) = (g.unary(.exp, whole), g.unary(.sin, whole), g.unary(.cos, whole))
        let product = g.multiply(g.multiply(x, y), z)
        #expect(g.multiply(x, g.multiply(z, y)) == product && g.multiply(y, g.multiply(x, z)) == product)
        let sum = g.add(g.add(x, y), z)
        #expect(g.add(x, g.add(z, y)) == sum)
        #expect(g.add(sum, x) == g.add(g.add(g.scale(2, x), y), z))
    }

    /// In formulas as written x − x is NaN where x is not finite; in derivatives it is nothing.
    @Test func termsCancelInDerivativesOnly() {
        var g = graph
        let asWritten = g.subtract(whole, whole)
        #expect(!g.isZero(asWritten))
        g.cancelsTerms = true
        let y = g.unary(.exp, whole)
        let difference = g.subtract(whole, g.unary(.exp, y))
        let cancelled = g.add(g.unary(.exp, y), difference)
        #expect(cancelled == whole)
        #expect(g.subtract(g.add(whole, y), whole) == y)
    }

    // MARK: - Functions

    /// (p, q, v) → what solves z + p∘q∘v = 0 twice over: not plain, so that it stays a call.
    private func nested() -> GraphFunction {
        var inner = Graph()
        let names = ["p", "q", "v", "z"]
        let inputs = names.map { inner.addInput($0, shape: Shape(sizes: [2]), role: .value) }
        let product = inner.multiply(inner.multiply(inputs[0], inputs[1]), inputs[2])
        let map = inner.add(inner.scale(0.5, inner.unary(.tanh, inputs[3])), product)
        let equilibrium = Equilibrium(fixedPointOf: GraphFunction(map, of: inputs, in: inner))
        var body = Graph()
        let outer = names.dropLast().map { body.addInput($0, shape: Shape(sizes: [2]), role: .value) }
        let start = body.constant(0, shape: Shape(sizes: [2]))
        let solution = body.solution(equilibrium, captures: outer, start: start)
        return GraphFunction(body.unary(.exp, solution), of: outer, in: body)
    }

    @Test func callsTakeWhatTheyNeedOnce() {
        var g = graph
        let f = nested()
        let zero = g.constant(0, shape: Shape(sizes: [2]))
        let same = g.apply(f, [a, a, zero])
        #expect(g[same].operands == [a])
        #expect(g.apply(f, [a, a, zero]) == same)
        let all = g.unary(.sin, a)
        let distinct = g.apply(f, [a, all, zero])
        #expect(g[distinct].operands == [a, all])
    }

    @Test func namesTellNoFunctionsApart() {
        func square(_ name: String) -> GraphFunction {
            var g = Graph()
            let x = g.addInput(name, shape: .scalar, role: .value)
            return GraphFunction(g.unary(.square, x), of: [x], in: g)
        }
        #expect(square("x") == square("y"))
        #expect(square("x").hashValue == square("y").hashValue)
    }

    /// A multiple of the identity is divided by, not solved with.
    @Test(arguments: [1.0, -1, 4]) func multiplesOfTheIdentityAreNoSystems(_ factor: Double) {
        var body = Graph()
        let v = body.addInput("v", shape: Shape(sizes: [2]), role: .value)
        let product = GraphFunction(body.scale(factor, v), of: [v], in: body)
        var g = graph
        let solved = g.linearSolve(LinearSystem(product: product, isSymmetric: true), parameters: [], rhs: a)
        #expect(solved == g.scale(1 / factor, a))
    }
}
