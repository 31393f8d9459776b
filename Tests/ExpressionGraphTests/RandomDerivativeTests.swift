// Derivatives of random compositions: forward against reverse, against differences, and the symmetry of Hessians.
import ExpressionGraph
import Testing

@Suite struct RandomDerivativeTests {
    @Test(arguments: 1000..<1060) func forwardReverseAndDifferencesAgree(_ seed: Int) {
        let random = RandomGraph(seed: seed, size: 30, rows: 1 + seed % 7)
        var graph = random.graph
        var directions: [[NodeID: NodeID]] = [[:], [:]]
        var inputs = random.values
        var numbers = SplitMix(seed)
        let leaves = random.leaves
        for (index, _) in directions.enumerated() {
            for leaf in leaves {
                let tangent = graph.addInput("t", shape: graph.shape(leaf), role: .value)
                directions[index][leaf] = tangent
                inputs[tangent] = numbers.array(random.values[leaf]!.sizes, in: -1...1)
            }
        }
        let scalar = random.outputs[0]
        let gradient = graph.gradient(of: scalar, at: leaves)
        let forward = graph.linearize([scalar], along: directions[0])
        let first = graph.linearize(gradient, along: directions[0])
        let second = graph.linearize(gradient, along: directions[1])
        #expect(GraphVerifier(graph).violations() == [])
        let outputs = forward + gradient + first + second
        let program = Program(graph, outputs: outputs)
        #expect(program.plan.violations() == [])
        for (input, value) in inputs { program.set(input, to: value) }
        program.run()
        let results = program.results
        let count = leaves.count
        func vector(_ index: Int) -> [Double] { leaves.flatMap { inputs[directions[index][$0]!]!.values } }
        let slope = results[0][0]
        let g = results[1..<(1 + count)].flatMap { $0 }
        expectClose(slope, dot(g, vector(0)), scale: size(g, vector(0)), 1e-11, "seed \(seed): forward and reverse")
        let hv = results[(1 + count)..<(1 + 2 * count)].flatMap { $0 }
        let hw = results[(1 + 2 * count)...].flatMap { $0 }
        expectClose(
            dot(hv, vector(1)), dot(hw, vector(0)), scale: size(hv, vector(1)), 1e-9, "seed \(seed): symmetry")

        func value(_ step: Double) -> Double {
            var moved = inputs
            for leaf in leaves {
                moved[leaf] = inputs[leaf]!.zip(inputs[directions[0][leaf]!]!) { $0 + step * $1 }
            }
            var evaluator = ReferenceEvaluator(graph, inputs: moved)
            return evaluator.evaluate([scalar])[0].values[0]
        }
        let h = 1e-6
        let difference = (value(h) - value(-h)) / (2 * h)
        expectClose(slope, difference, scale: size(g, vector(0)), 1e-5, "seed \(seed): differences")
    }

    /// The magnitude of the terms of a dot product, below which differences are rounding.
    private func size(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(1e-3) { $0 + abs($1.0 * $1.1) }
    }

    private func expectClose(_ a: Double, _ b: Double, scale: Double, _ tolerance: Double, _ comment: String) {
        #expect(abs(a - b) <= tolerance * scale, "\(comment): \(a) \(b)")
    }
}
