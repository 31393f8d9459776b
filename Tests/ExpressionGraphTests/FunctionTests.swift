// Nodes that carry functions: values and derivatives of random graphs with best responses, linear systems, loops and
// calls, against the reference evaluator, central differences and each other's transposes.
import ExpressionGraph
import Tensors
import Testing

/// A random closed function (captures…, unknown) → vector, whose derivative in the unknown is `pull` I and less.
private struct RandomFunctions {
    var random: SplitMix
    let dimension: Int

    /// A smooth vector function of vectors, bounded by a few units.
    mutating func mix(_ graph: inout Graph, _ inputs: [NodeID]) -> NodeID {
        var sum = graph.constant(0, shape: Shape(sizes: [dimension]))
        for input in inputs {
            let entries = random.array([dimension, dimension], in: -0.5...0.5).values
            let rows = entries.map { graph.constant($0, shape: [.size(1)]) }
            let matrix = graph.reshape(graph.concatenate(rows, axis: 0), to: Shape(sizes: [dimension, dimension]))
            let column = graph.reshape(input, to: Shape(sizes: [dimension, 1]))
            let product = graph.reshape(graph.matmul(matrix, column), to: Shape(sizes: [dimension]))
            sum = graph.add(sum, product)
        }
        let function: UnaryFunction = [.tanh, .sin, .sigmoid, .softplus].randomElement(using: &random) ?? .tanh
        return graph.unary(function, sum)
    }

    private mutating func inputs(_ count: Int, _ graph: inout Graph) -> [NodeID] {
        (0..<count).map { graph.addInput("p\($0)", shape: Shape(sizes: [dimension]), role: .value) }
    }

    /// ½‖z‖² · pull + Σ mix² / 8: strongly convex in z.
    mutating func minimum(captures: Int) -> Equilibrium {
        var graph = Graph()
        let all = inputs(captures + 1, &graph)
        let z = all[captures]
        let term = mix(&graph, all)
        let square = graph.dot(z, z)
        let target = mix(&graph, Array(all.dropLast()))
        let coupling = graph.dot(z, target)
        let objective = graph.add(
            graph.add(graph.scale(0.75, square), coupling), graph.scale(0.125, graph.dot(term, term)))
        return Equilibrium(minimising: GraphFunction(objective, of: all, in: graph))
    }

    /// A contraction.
    mutating func fixedPoint(captures: Int) -> Equilibrium {
        var graph = Graph()
        let all = inputs(captures + 1, &graph)
        let map = graph.scale(0.4, mix(&graph, all))
        return Equilibrium(fixedPointOf: GraphFunction(map, of: all, in: graph))
    }

    /// One step of a loop: (captures…, x, carry) → carry.
    mutating func loop(captures: Int, count: Int) -> Loop {
        var graph = Graph()
        let all = inputs(captures + 2, &graph)
        let step = mix(&graph, all)
        let carry = graph.add(graph.scale(0.5, all[captures + 1]), graph.scale(0.3, step))
        return Loop(
            body: GraphFunction(carry, of: all, in: graph), count: count, isReversed: Bool.random(using: &random))
    }

    /// (captures…, argument) → a function that solves inside, so that it stays a call.
    mutating func nested(captures: Int) -> GraphFunction {
        let inner = Bool.random(using: &random) ? minimum(captures: captures + 1) : fixedPoint(captures: captures + 1)
        var graph = Graph()
        let all = inputs(captures + 1, &graph)
        let zero = graph.constant(0, shape: Shape(sizes: [dimension]))
        let z = graph.solution(inner, captures: all, start: zero)
        let output = mix(&graph, [z, all[0]])
        return GraphFunction(output, of: all, in: graph)
    }
}

@Suite struct FunctionTests {
    private struct Case {
        var graph = Graph()
        var inputs: [NodeID] = []
        var values: [NodeID: ReferenceArray] = [:]
        var output: NodeID
    }

    /// A chain of function nodes over two vectors.
    private func makeCase(_ seed: Int) -> Case {
        var functions = RandomFunctions(random: SplitMix(seed), dimension: 1 + seed % 3)
        let d = functions.dimension
        var graph = Graph()
        var result = Case(output: NodeID(index: 0))
        let a = graph.addInput("a", shape: Shape(sizes: [d]), role: .value)
        let b = graph.addInput("b", shape: Shape(sizes: [d]), role: .value)
        let rows = graph.addInput("rows", shape: Shape(sizes: [4, d]), role: .value)
        result.inputs = [a, b, rows]
        for (input, sizes) in zip(result.inputs, [[d], [d], [4, d]]) {
            result.values[input] = functions.random.array(sizes, in: -1...1)
        }
        let zero = graph.constant(0, shape: Shape(sizes: [d]))
        let z = graph.solution(functions.minimum(captures: 2), captures: [a, b], start: zero)
        let w = graph.solution(functions.fixedPoint(captures: 2), captures: [z, b], start: a)
        let loop = functions.loop(captures: 1, count: 4)
        let final = graph.loop(loop, .final(0..<d), captures: [w], rows: rows, start: z)
        let stack = graph.loop(loop, .stacked(0..<1), captures: [w], rows: rows, start: z)
        let call = graph.apply(functions.nested(captures: 1), [final, a])
        let (system, kept) = functions.minimum(captures: 1).jacobian
        let solved = graph.linearSolve(system, parameters: kept.map { [w, call][$0] }, rhs: final)
        let total = graph.add(graph.dot(solved, call), graph.sum(stack))
        result.output = graph.add(total, graph.dot(w, w))
        result.graph = graph
        return result
    }

    @Test(arguments: 0..<3) func valuesAgreeWithTheReference(seed: Int) {
        let random = makeCase(seed)
        check(random.graph, [random.output], random.values, tolerance: 1e-9, comment: "seed \(seed)")
    }

    @Test(arguments: 0..<4) func derivativesAgree(seed: Int) throws {
        var random = makeCase(seed)
        let tangents = random.inputs.map { random.graph.addInput("t", shape: random.graph.shape($0), role: .value) }
        var stream = SplitMix(seed + 1000)
        for (input, tangent) in zip(random.inputs, tangents) {
            random.values[tangent] = stream.array(try #require(random.values[input]).sizes, in: -1...1)
        }
        let along = Dictionary(uniqueKeysWithValues: zip(random.inputs, tangents))
        let forward = random.graph.linearize([random.output], along: along)[0]
        let gradient = random.graph.gradient(of: random.output, at: random.inputs)
        let second = random.graph.linearize(gradient, along: along)
        #expect(GraphVerifier(random.graph).violations() == [])
        func evaluate(_ factor: Double, _ outputs: [NodeID]) -> [[Double]] {
            var inputs = random.values
            for (input, tangent) in zip(random.inputs, tangents) {
                let direction = random.values[tangent]!  // set above
                inputs[input] = random.values[input]!.zip(direction) { $0 + factor * $1 }
            }
            return values(random.graph, outputs, inputs)
        }
        func difference(_ outputs: [NodeID]) -> [[Double]] {
            let h = 1e-3
            let near = zip(evaluate(h, outputs), evaluate(-h, outputs)).map { zip($0, $1).map { $0 - $1 } }
            let far = zip(evaluate(2 * h, outputs), evaluate(-2 * h, outputs)).map { zip($0, $1).map { $0 - $1 } }
            return zip(near, far).map { zip($0, $1).map { (8 * $0 - $1) / (12 * h) } }
        }
        let exact = evaluate(0, [forward] + gradient + second)
        let slope = difference([random.output])[0][0]
        #expect(abs(exact[0][0] - slope) <= 1e-7 * max(1, abs(slope)), "\(exact[0][0]) and \(slope)")
        let paired = zip(exact[1...3], tangents).reduce(0) { $0 + dot($1.0, random.values[$1.1]!.values) }
        #expect(abs(exact[0][0] - paired) <= 1e-9 * max(1, abs(paired)), "\(exact[0][0]) and \(paired)")
        for (product, quotient) in zip(exact[4...], difference(gradient)) {
            #expect(distance(product, quotient) <= 1e-6, "\(product) and \(quotient)")
        }
    }

    @Test func equalFunctionsAreOneNode() {
        var graph = Graph()
        let a = graph.addInput("a", shape: [.size(2)], role: .value)
        let zero = graph.constant(0, shape: [.size(2)])
        func solve() -> NodeID {
            var functions = RandomFunctions(random: SplitMix(7), dimension: 2)
            return graph.solution(functions.minimum(captures: 1), captures: [a], start: zero)
        }
        #expect(solve() == solve())
    }

    @Test func verifierSeesWrongArguments() {
        var functions = RandomFunctions(random: SplitMix(3), dimension: 2)
        var graph = Graph()
        let a = graph.addInput("a", shape: [.size(3)], role: .value)
        let loop = functions.loop(captures: 0, count: 2)
        let nodes =
            graph.nodes + [
                Node(operation: .function(.call(loop.body)), operands: [a, a], shape: [.size(2)]),
                Node(operation: .function(.call(loop.body)), operands: [a], shape: [.size(2)]),
                Node(operation: .function(.loop(loop, .final(0..<5))), operands: [a, a], shape: [.size(5)]),
            ]
        let violations = GraphVerifier(nodes: nodes, symbols: graph.symbols, axes: []).violations()
        #expect(
            violations == [
                .operandShapes(NodeID(index: 1)), .operandCount(NodeID(index: 2), expected: 2, actual: 1),
                .function(NodeID(index: 3)),
            ])
    }
}
