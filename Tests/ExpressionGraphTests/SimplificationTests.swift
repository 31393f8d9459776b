// What constructors simplify, and that no node is made where none is needed.
import ExpressionGraph
import Testing

@Suite struct SimplificationTests {
    var graph = Graph()
    let x: NodeID
    let y: NodeID
    let s: NodeID

    init() {
        x = graph.addInput("x", shape: [.size(3)], role: .value)
        y = graph.addInput("y", shape: [.size(3)], role: .value)
        s = graph.addInput("s", shape: .scalar, role: .value)
    }

    private func constant(_ value: Double, in graph: inout Graph) -> NodeID {
        graph.constant(value, shape: [.size(3)])
    }

    @Test func identitiesMakeNoNode() {
        var g = graph
        let one = constant(1, in: &g)
        let zero = constant(0, in: &g)
        let count = g.nodes.count
        #expect(g.multiply(x, one) == x)
        #expect(g.multiply(one, x) == x)
        #expect(g.add(x, zero) == x)
        #expect(g.add(zero, x) == x)
        #expect(g.divide(x, one) == x)
        #expect(g.binary(.power, x, one) == x)
        #expect(g.multiply(x, zero) == zero)
        #expect(g.subtract(x, zero) == x)
        #expect(g.reshape(x, to: [.size(3)]) == x)
        #expect(g.transpose(x, [0]) == x)
        #expect(g.broadcast(x, to: [.size(3)]) == x)
        #expect(g.slice(x, [.all(.size(3))]) == x)
        #expect(g.binary(.minimum, x, x) == x)
        #expect(g.nodes.count == count + 1, "only −0 is new")
    }

    @Test func equalNodesExistOnce() {
        var g = graph
        #expect(g.add(x, y) == g.add(y, x))
        #expect(g.multiply(x, y) == g.multiply(y, x))
        #expect(g.unary(.exp, x) == g.unary(.exp, x))
        #expect(g.binary(.less, x, y) != g.binary(.less, y, x))
    }

    @Test func negationsAndScalesCancel() {
        var g = graph
        let minus = g.negate(x)
        #expect(g.negate(minus) == x)
        #expect(g.unary(.square, minus) == g.unary(.square, x))
        #expect(g.unary(.absolute, minus) == g.unary(.absolute, x))
        let scaled = g.scale(3, x)
        #expect(g.scale(2, scaled) == g.scale(6, x))
        #expect(g.scale(-1, x) == minus)
        #expect(g.add(x, x) == g.scale(2, x))
        #expect(g.multiply(x, x) == g.unary(.square, x))
        #expect(g.multiply(scaled, y) == g.scale(3, g.multiply(x, y)))
        #expect(g.multiply(minus, y) == g.negate(g.multiply(x, y)))
    }

    @Test func stableFormsAreFound() {
        var g = graph
        let one = constant(1, in: &g)
        let soft = g.unary(.softplus, x)
        let exponential = g.unary(.exp, x)
        #expect(g.unary(.log, g.add(one, exponential)) == soft)
        #expect(g.unary(.log, g.add(exponential, one)) == soft)
        #expect(g.unary(.log1p, exponential) == soft)
        let probabilities = g.softmax(x, axis: 0)
        #expect(g.unary(.log, probabilities) == g.logSoftmax(x, axis: 0))
        let sigmoid = g.unary(.sigmoid, x)
        #expect(g.unary(.log, sigmoid) == g.negate(g.unary(.softplus, g.negate(x))))
    }

    @Test func scalesLeaveProductsAndSums() {
        var g = graph
        let a = g.addInput("A", shape: Shape(sizes: [4, 3]), role: .value)
        let column = g.reshape(x, to: Shape(sizes: [3, 1]))
        let product = g.matmul(a, column)
        #expect(g.matmul(a, g.scale(2, column)) == g.scale(2, product))
        #expect(g.matmul(g.negate(a), column) == g.negate(product))
        #expect(g.sum(g.scale(2, x)) == g.scale(2, g.sum(x)))
        let transposed = g.transpose(a, [1, 0])
        let square = g.matmul(transposed, a)
        #expect(g.operation(square) == .matmul(transposeA: true, transposeB: false))
        #expect(g.transpose(transposed, [1, 0]) == a)
    }

    @Test func elementwiseFunctionsRunBeforeRepetition() {
        var g = graph
        let repeated = g.broadcast(s, to: [.size(3)])
        #expect(g.unary(.exp, repeated) == g.broadcast(g.unary(.exp, s), to: [.size(3)]))
        #expect(g.add(repeated, constant(2, in: &g)) == g.broadcast(g.offset(2, s), to: [.size(3)]))
        #expect(g.multiply(constant(2, in: &g), repeated) == g.broadcast(g.scale(2, s), to: [.size(3)]))
        let reshaped = g.reshape(repeated, to: Shape(sizes: [3, 1]))
        #expect(reshaped == g.broadcast(s, to: Shape(sizes: [3, 1])))
    }

    @Test func repetitionOfViewsOfANumberStaysShallow() {
        var g = graph
        var node = s
        for _ in 0..<1000 {
            node = g.broadcast(node, to: [.size(1)])
            node = g.reshape(node, to: .scalar)
        }
        #expect(node == s)
    }

    @Test(arguments: [
        (UnaryFunction.exp, 1.0, 2.718281828459045), (.log, 0, -.infinity), (.exp, 1000, .infinity),
        (.squareRoot, 4, 2), (.reciprocal, 0, .infinity), (.tanh, 0, 0), (.sign, -3, -1), (.relu, -1, 0),
    ])
    func constantsFold(_ function: UnaryFunction, _ argument: Double, _ value: Double) {
        var g = graph
        let folded = g.unary(function, constant(argument, in: &g))
        #expect(g.constantValue(folded) == value)
    }

    @Test(arguments: [
        (BinaryFunction.add, 5.0), (.multiply, 6), (.divide, 2.0 / 3), (.power, 8), (.minimum, 2), (.maximum, 3),
        (.less, 1), (.lessEqual, 1), (.equal, 0),
    ])
    func pairsOfConstantsFold(_ function: BinaryFunction, _ value: Double) {
        var g = graph
        let folded = g.binary(function, constant(2, in: &g), constant(3, in: &g))
        #expect(g.constantValue(folded) == value)
    }

    @Test func foldedConstantsHaveTheBitsOfTheKernels() {
        for function in UnaryFunction.allCases {
            var g = Graph()
            let input = g.addInput("x", shape: [], role: .value)
            let folded = g.unary(function, g.constant(0.7))
            let output = g.unary(function, input)
            let computed = values(g, [output], [input: ReferenceArray([], [0.7])])[0][0]
            #expect(g.constantValue(folded)?.bitPattern == computed.bitPattern, "\(function)")
        }
    }
}
