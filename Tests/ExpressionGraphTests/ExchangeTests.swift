// Outputs that change places with inputs: the same numbers as by copying, whatever the outputs are.
import Tensors
import Testing

@testable import ExpressionGraph

@Suite struct ExchangeTests {
    /// The inputs' numbers after some runs, each of which hands outputs on to inputs by `hand`.
    private func iterate(
        _ graph: Graph, outputs: [NodeID], inputs: [NodeID], slots: [InputSlot], options: CompilationOptions,
        data: [NodeID: AlignedBuffer], hand: (Program, Int, InputCell) -> Void
    ) -> [[Double]] {
        let program = Program(graph, outputs: outputs, slots: slots, options: options)
        for (node, buffer) in data { program.bind(node, to: buffer) }
        for (index, input) in inputs.enumerated() {
            let count = graph.shape(input).elementCount { graph.axes[$0.index].rows } ?? 0
            program.write((0..<count).map { 0.1 * Double($0 + 1) + Double(index) }, to: input)
        }
        let cells = inputs.map(program.cell)
        for _ in 0..<5 {
            program.run()
            for (output, cell) in cells.enumerated() { if let cell { hand(program, output, cell) } }
        }
        return cells.map { $0.map(program.values) ?? [] }
    }

    private func expectSameAsCopying(
        _ graph: Graph, outputs: [NodeID], inputs: [NodeID], slots: [InputSlot] = [],
        options: CompilationOptions = CompilationOptions(), data: [NodeID: AlignedBuffer] = [:]
    ) {
        let copied = iterate(
            graph, outputs: outputs, inputs: inputs, slots: slots, options: options, data: data
        ) { $0.carry($1, to: $2) }
        let exchanged = iterate(
            graph, outputs: outputs, inputs: inputs, slots: slots, options: options, data: data
        ) { $0.exchange($1, with: $2) }
        #expect(exchanged == copied)
        #expect(copied.allSatisfy { !$0.isEmpty })
    }

    @Test func stepsAreThoseOfCopies() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [9]), role: .value)
        let y = graph.addInput("y", shape: Shape(sizes: [9]), role: .value)
        let outputs = [graph.unary(.sin, graph.add(x, y)), graph.multiply(x, y)]
        for slots in [[], [InputSlot.everyRun("x", [x]), .everyRun("y", [y])]] {
            expectSameAsCopying(graph, outputs: outputs, inputs: [x, y], slots: slots)
        }
    }

    @Test func oneOutputForTwoInputs() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [4]), role: .value)
        let y = graph.addInput("y", shape: Shape(sizes: [4]), role: .value)
        let sum = graph.unary(.tanh, graph.add(x, y))
        expectSameAsCopying(graph, outputs: [sum, sum], inputs: [x, y])
    }

    @Test func inputsThatAreOutputs() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [3]), role: .value)
        let y = graph.addInput("y", shape: Shape(sizes: [3]), role: .value)
        let outputs = [y, graph.add(x, y)]
        expectSameAsCopying(graph, outputs: outputs, inputs: [x, y])
    }

    /// The first output is not computed again when its input alone changes.
    @Test func outputsOfOtherSlots() {
        var graph = Graph()
        let x = graph.addInput("x", shape: Shape(sizes: [3]), role: .value)
        let y = graph.addInput("y", shape: Shape(sizes: [3]), role: .value)
        let z = graph.addInput("z", shape: Shape(sizes: [3]), role: .value)
        let outputs = [graph.unary(.exp, z), graph.add(x, y)]
        expectSameAsCopying(
            graph, outputs: outputs, inputs: [x, y],
            slots: [.steady("z", [z]), .everyRun("x", [x]), .everyRun("y", [y])])
    }

    /// Sums over the blocks of a loop have room for a block's part behind them.
    @Test(arguments: [RowLoopChoice.never, .always(rows: 16)]) func sumsOverBlocks(_ choice: RowLoopChoice) {
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: 50)
        let a = graph.addInput("A", shape: [.axis(axis), .size(3)], role: .data)
        let x = graph.addInput("x", shape: Shape(sizes: [3, 1]), role: .value)
        let step = graph.matmul(a, graph.unary(.tanh, graph.matmul(a, x)), transposeA: true)
        let numbers = (0..<150).map { 0.1 * Double($0 % 7) - 0.2 }
        expectSameAsCopying(
            graph, outputs: [step], inputs: [x], options: CompilationOptions(rowLoops: choice),
            data: [a: AlignedBuffer(numbers)])
    }
}
