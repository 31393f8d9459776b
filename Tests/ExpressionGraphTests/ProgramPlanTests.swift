// Programs are priced without being allocated, whatever their size.
import ExpressionGraph
import Tensors
import Testing

@Suite struct ProgramPlanTests {
    /// Bytes of a program beside its arrays' own: scratch, constants, alignment.
    private static let overhead = 1 << 20

    /// a bᵀ with a of `rows` and b of `columns` entries.
    private func outerProduct(_ rows: Dimension, _ columns: Dimension) -> ProgramPlan {
        var graph = Graph()
        let a = graph.addInput("a", shape: [rows, .size(1)], role: .value)
        let b = graph.addInput("b", shape: [.size(1), columns], role: .value)
        let product = graph.matmul(a, b)
        return ProgramPlan(graph, outputs: [product])
    }

    @Test(arguments: [1, 1_000, 1_000_000]) func arraysCostEightBytesAnEntry(_ columns: Int) {
        let bytes = outerProduct(.size(1_000), .size(columns)).memoryBytes
        #expect(bytes >= 8_000 * columns && bytes <= 8_000 * columns + 16 * columns + Self.overhead)
    }

    /// 2³¹ entries and more, which nobody allocates to find that out.
    @Test func arraysBeyondMemoryArePriced() {
        let bytes = outerProduct(.size(1 << 30), .size(1 << 10)).memoryBytes
        #expect(bytes >= 1 << 43 && bytes < (1 << 43) + (1 << 36))
    }

    /// Sizes whose product, or whose sum, is no integer.
    @Test(arguments: [1 << 31, 1 << 40, Int.max]) func sizesBeyondIntegersAreSomeLargeNumber(_ size: Int) {
        #expect(outerProduct(.size(size), .size(size)).memoryBytes >= 1 << 61)
    }

    @Test func sumsBeyondIntegersAreSomeLargeNumber() {
        var graph = Graph()
        let inputs = (0..<40).map { graph.addInput("x\($0)", shape: [.size(1 << 58)], role: .value) }
        let outputs = inputs.map { graph.unary(.sin, $0) }
        #expect(ProgramPlan(graph, outputs: outputs).memoryBytes >= 1 << 61)
    }

    @Test func aProgramTakesWhatItsPlanSays() {
        let plan = outerProduct(.size(30), .size(50))
        #expect(Program(plan).plan.memoryBytes == plan.memoryBytes)
        #expect(plan.memoryBytes == Program(plan.graph, outputs: plan.outputs).plan.memoryBytes)
    }

    /// A program that is run on batches costs what the largest batch does, however many rows there are.
    @Test func batchesCostTheirRows() {
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: 1 << 40)
        let x = graph.addInput("x", shape: [.axis(axis), .size(100)], role: .data)
        let outputs = [graph.unary(.sin, x)]
        let whole = ProgramPlan(graph, outputs: outputs).memoryBytes
        let batch = ProgramPlan(graph, outputs: outputs, batchRows: [axis: 64]).memoryBytes
        #expect(whole >= 800 << 40)
        #expect(batch >= 64 * 800 && batch <= 64 * 800 + Self.overhead)
    }

    /// The number of elements, also where dimensions are missing, empty, impossible or too many.
    @Test(arguments: [
        ([], 1), ([3, 4], 12), ([0, 5], 0), ([Int.max, Int.max, 0], 0), ([1 << 40, 1 << 40], nil), ([-1, 0], nil),
    ])
    func shapesCountTheirElements(_ sizes: [Int], _ count: Int?) {
        #expect(Shape(sizes: sizes).elementCount { _ in 0 } == count)
        #expect(Shapes.elementCount(sizes) == count)
    }
}
