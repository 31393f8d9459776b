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
