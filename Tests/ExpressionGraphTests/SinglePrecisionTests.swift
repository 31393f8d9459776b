// Programs in float32 compute what the reference computes in double, to their own rounding.
import ExpressionGraph
import Tensors
import Testing

@Suite struct SinglePrecisionTests {
    /// As many units of rounding as programs in float64 are allowed.
    static let tolerance = 1e-12 / Double.ulpOfOne * Precision.float32.epsilon

    private static func rounded(_ array: ReferenceArray) -> ReferenceArray {
        var result = array
        result.values = array.values.map(Precision.float32.rounded)
        return result
    }

    @Test(arguments: RandomGraphTests.cases)
    func randomProgramsAgreeWithReference(_ seed: Int, _ size: Int, _ rows: Int) {
        let random = RandomGraph(seed: seed, size: size, rows: rows)
        let inputs = random.values.mapValues(Self.rounded)
        var evaluator = ReferenceEvaluator(random.graph, inputs: inputs)
        let all = evaluator.evaluate(random.graph.reachable(from: random.outputs))
        let scale = all.reduce(1) { largest, array in array.values.reduce(largest) { max($0, $1.magnitude) } }
        let expected = evaluator.evaluate(random.outputs)
        for options in allOptions {
            let program = Program(random.graph, outputs: random.outputs, precision: .float32, options: options)
            #expect(program.plan.violations() == [], "seed \(seed) \(options)")
            for (input, value) in inputs { program.set(input, to: value) }
            program.run()
            for (index, values) in program.results.enumerated() {
                // A NaN on either side is not close.
                let isClose = zip(values, expected[index].values).allSatisfy {
                    ($0 - $1).magnitude <= Self.tolerance * scale
                }
                #expect(isClose, "seed \(seed) \(options) output \(index)")
            }
        }
    }

    // MARK: - Thousands of small graphs

    /// Graphs of ``SmallGraphTests``, in other numbers: as many in each chunk.
    private static func smallGraphs(_ chunk: Int) -> [(seed: Int, graph: RandomGraph)] {
        (chunk * SmallGraphTests.chunkSize..<(chunk + 1) * SmallGraphTests.chunkSize).map { index in
            let seed = 50_000 + index
            return (
                seed, RandomGraph(seed: seed, size: 10 + index % 9, rows: [1, 2, 3, 5, 0][index % 5])
            )
        }
    }

    /// The largest magnitude of any node on the way to some, 1 at the least: what rounding is relative to.
    private static func scale(
        _ evaluator: inout ReferenceEvaluator, _ graph: Graph, _ outputs: [NodeID]
    ) -> Double {
        evaluator.evaluate(graph.reachable(from: outputs)).reduce(1) { largest, array in
            array.values.reduce(largest) { max($0, $1.magnitude) }
        }
    }

    private static func expectClose(
        _ graph: Graph, _ outputs: [NodeID], _ inputs: [NodeID: ReferenceArray], _ comment: String
    ) {
        var evaluator = ReferenceEvaluator(graph, inputs: inputs)
        let scale = scale(&evaluator, graph, outputs)
        let expected = evaluator.evaluate(outputs)
        let program = Program(graph, outputs: outputs, precision: .float32)
        #expect(program.plan.violations() == [], "\(comment)")
        for (input, value) in inputs { program.set(input, to: value) }
        program.run()
        for (index, values) in program.results.enumerated() {
            #expect(values.count == expected[index].values.count, "\(comment) output \(index)")
            // A NaN on either side is not close.
            let isClose = zip(values, expected[index].values).allSatisfy {
                ($0 - $1).magnitude <= tolerance * scale
            }
            #expect(isClose, "\(comment) output \(index)")
        }
    }

    @Test(arguments: SmallGraphTests.chunks) func smallProgramsAgreeWithTheReference(_ chunk: Int) {
        for (seed, random) in Self.smallGraphs(chunk) {
            Self.expectClose(
                random.graph, random.outputs, random.values.mapValues(Self.rounded), "seed \(seed)")
        }
    }

    /// Gradients and Hessian products are programs too; the reference evaluates their graphs in double.
    @Test(arguments: SmallGraphTests.chunks) func derivativesOfSmallProgramsAgreeWithTheReference(
        _ chunk: Int
    ) {
        for (seed, random) in Self.smallGraphs(chunk) where seed % 8 == 0 {
            var graph = random.graph
            var inputs = random.values
            var numbers = SplitMix(seed)
            var tangents: [NodeID: NodeID] = [:]
            for leaf in random.leaves {
                let tangent = graph.addInput("t", shape: graph.shape(leaf), role: .value)
                inputs[tangent] = numbers.array(random.values[leaf]!.sizes, in: -1...1)  // every leaf has a value
                tangents[leaf] = tangent
            }
            let gradient = graph.gradient(of: random.outputs[0], at: random.leaves)
            let product = graph.linearize(gradient, along: tangents)
            #expect(GraphVerifier(graph).violations() == [], "seed \(seed)")
            Self.expectClose(graph, gradient + product, inputs.mapValues(Self.rounded), "seed \(seed)")
        }
    }

    @Test func inputsConstantsAndOutputsAreRounded() {
        var graph = Graph()
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let sum = graph.add(x, graph.constant(0.1, shape: .scalar))
        let program = Program(graph, outputs: [sum], precision: .float32)
        program.write(0.7, to: x)
        program.run()
        #expect(program.scalar(0) == Double(Float(0.7) + Float(0.1)))
        #expect(program.result(0) == [program.scalar(0)])
    }

    @Test func batchesAreViewsOfRowsOfFloats() {
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: 7)
        let data = graph.addInput("data", shape: Shape([.axis(axis), .size(3)]), role: .data)
        let doubled = graph.add(data, data)
        let program = Program(graph, outputs: [doubled], batchRows: [axis: 2], precision: .float32)
        program.bind(data, to: AlignedBuffer((0..<21).map(Double.init), precision: .float32))
        for start in [0, 5, 3] {
            program.selectRows(of: axis, start: start, count: 2)
            program.run()
            #expect(program.result(0) == (3 * start..<3 * start + 6).map { Double(2 * $0) })
        }
    }

    @Test func takesHalfTheMemory() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape([.size(1_000_000)]), role: .value)
        let y = graph.unary(.exp, x)
        let double = ProgramPlan(graph, outputs: [y]).memoryBytes
        let single = ProgramPlan(graph, outputs: [y], precision: .float32).memoryBytes
        #expect(Double(single) < 0.51 * Double(double))
    }
}
