// Every operation's value and derivatives: against the reference, central differences and the dot-product test.
import ExpressionGraph
import Testing

/// One operation applied to inputs of given sizes, with a range in which it is smooth.
struct OperationCase: CustomTestStringConvertible, Sendable {
    let name: String
    let inputs: [[Int]]
    var range: ClosedRange<Double> = -2...2
    /// Inputs from this one on hold integers below this number, and are not differentiated.
    var indices: (from: Int, below: Int)?
    /// Piecewise constant or linear: no second derivatives, and values apart from each other.
    var isSpread = false
    let build: @Sendable (inout Graph, [NodeID]) -> NodeID

    var testDescription: String { "\(name) \(inputs)" }
}

@Suite struct OperationTests {
    @Test(arguments: OperationCases.all) func valuesAgreeWithReference(_ example: OperationCase) {
        let built = Built(example)
        check(built.graph, [built.output], built.values)
    }

    @Test(arguments: OperationCases.all) func firstDerivativesAgreeWithDifferences(_ example: OperationCase) {
        var built = Built(example)
        let leaves = built.leaves
        guard !leaves.isEmpty else { return }
        var random = SplitMix(7)
        let tangents = leaves.map { built.graph.addInput("t", shape: built.graph.shape($0), role: .value) }
        let forward = built.graph.linearize(
            [built.output], along: Dictionary(uniqueKeysWithValues: zip(leaves, tangents)))
        let cotangent = built.graph.addInput("u", shape: built.graph.shape(built.output), role: .value)
        let reverse = built.graph.transpose([built.output: cotangent], at: leaves)
        var values = built.values
        for tangent in tangents { values[tangent] = random.array(built.sizes(tangent), in: -1...1) }
        values[cotangent] = random.array(built.sizes(cotangent), in: -1...1)
        let results = check(built.graph, forward + reverse, values)
        expectDifferences(built, values, leaves, tangents, results[0].values)
        let left = dot(values[cotangent]!.values, results[0].values)
        let right = zip(tangents, results.dropFirst()).reduce(0) { $0 + dot(values[$1.0]!.values, $1.1.values) }
        let scale = zip(values[cotangent]!.values, results[0].values).reduce(1e-300) { $0 + abs($1.0 * $1.1) }
        #expect(abs(left - right) <= 1e-12 * scale)
    }

    private func expectDifferences(
        _ built: Built, _ values: [NodeID: ReferenceArray], _ leaves: [NodeID], _ tangents: [NodeID],
        _ derivative: [Double]
    ) {
        func moved(_ step: Double) -> [Double] {
            var inputs = values
            for (leaf, tangent) in zip(leaves, tangents) {
                inputs[leaf] = values[leaf]!.zip(values[tangent]!) { $0 + step * $1 }
            }
            var evaluator = ReferenceEvaluator(built.graph, inputs: inputs)
            return evaluator.evaluate([built.output])[0].values
        }
        // Fourth order: error h⁴ from truncation, ε/h from rounding.
        let h = 1e-3
        let (a, b, c, d) = (moved(2 * h), moved(h), moved(-h), moved(-2 * h))
        let differences = a.indices.map { (-a[$0] + 8 * b[$0] - 8 * c[$0] + d[$0]) / (12 * h) }
        #expect(
            distance(derivative, differences) <= 1e-6 || zip(derivative, differences).allSatisfy { abs($0 - $1) < 1e-9 }
        )
    }

    @Test(arguments: OperationCases.all.filter { !$0.isSpread })
    func hessianProductsAreSymmetricAndAgreeWithDifferences(_ example: OperationCase) {
        var built = Built(example)
        let leaves = built.leaves
        guard !leaves.isEmpty else { return }
        var random = SplitMix(9)
        // A nonlinear scalar of the output, so that linear operations have curvature too.
        let weight = built.graph.addInput("w", shape: built.graph.shape(built.output), role: .value)
        let bent = built.graph.multiply(weight, built.graph.unary(.sin, built.output))
        let scalar = built.graph.sum(bent)
        let gradient = built.graph.gradient(of: scalar, at: leaves)
        var values = built.values
        values[weight] = random.array(built.sizes(weight), in: -1...1)
        var products: [[NodeID]] = []
        var directions: [[NodeID]] = []
        for _ in 0..<2 {
            let v = leaves.map { built.graph.addInput("v", shape: built.graph.shape($0), role: .value) }
            for node in v { values[node] = random.array(built.sizes(node), in: -1...1) }
            products.append(built.graph.linearize(gradient, along: Dictionary(uniqueKeysWithValues: zip(leaves, v))))
            directions.append(v)
        }
        let results = check(built.graph, products[0] + products[1], values, tolerance: 1e-11)
        let first = results.prefix(leaves.count).flatMap(\.values)
        let second = results.suffix(leaves.count).flatMap(\.values)
        let (v, w) = (directions[0].flatMap { values[$0]!.values }, directions[1].flatMap { values[$0]!.values })
        let scale = zip(first, w).reduce(1e-9) { $0 + abs($1.0 * $1.1) }
        #expect(abs(dot(first, w) - dot(second, v)) <= 1e-11 * scale)
        func moved(_ step: Double) -> [Double] {
            var inputs = values
            for (leaf, d) in zip(leaves, directions[0]) {
                inputs[leaf] = values[leaf]!.zip(values[d]!) { $0 + step * $1 }
            }
            var evaluator = ReferenceEvaluator(built.graph, inputs: inputs)
            return evaluator.evaluate(gradient).flatMap(\.values)
        }
        let h = 1e-3
        let (a, b, c, d) = (moved(2 * h), moved(h), moved(-h), moved(-2 * h))
        let differences = a.indices.map { (-a[$0] + 8 * b[$0] - 8 * c[$0] + d[$0]) / (12 * h) }
        #expect(distance(first, differences) <= 1e-6 || zip(first, differences).allSatisfy { abs($0 - $1) < 1e-8 })
    }
}

/// A case made into a graph with values for its inputs.
struct Built {
    var graph = Graph()
    let output: NodeID
    let leaves: [NodeID]
    let values: [NodeID: ReferenceArray]

    init(_ example: OperationCase) {
        var random = SplitMix(example.name.utf8.reduce(17) { $0 &* 31 &+ Int($1) })
        var graph = Graph()
        var nodes: [NodeID] = []
        var values: [NodeID: ReferenceArray] = [:]
        for (index, sizes) in example.inputs.enumerated() {
            let node = graph.addInput("x\(index)", shape: Shape(sizes: sizes), role: .value)
            nodes.append(node)
            if let indices = example.indices, index >= indices.from {
                values[node] = ReferenceArray(sizes) { _ in Double(Int.random(in: 0..<indices.below, using: &random)) }
            } else if example.isSpread {
                // Distinct multiples of 0.1, none of them 0: no kink within reach of a difference step.
                let count = sizes.reduce(1, *)
                let order = (0..<count).shuffled(using: &random)
                values[node] = ReferenceArray(
                    sizes, order.map { (Double($0 - count / 2) + 0.5 + 0.25 * Double(index)) * 0.1 })
            } else {
                values[node] = random.array(sizes, in: example.range)
            }
        }
        output = example.build(&graph, nodes)
        leaves = Array(nodes.prefix(example.indices?.from ?? nodes.count))
        self.graph = graph
        self.values = values
    }

    func sizes(_ id: NodeID) -> [Int] { graph.shape(id).sizes { graph.axes[$0.index].rows } }
}
