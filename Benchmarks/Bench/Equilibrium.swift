// W5: the equilibrium z = tanh(z A + X B + c). Its inner step, and the step of its adjoint, which is linear.
import ExpressionGraph
import Tensors

/// z ← tanh(z A + U) and v ← (v ∘ tanh′) Aᵀ + b, compiled, for all 2000 samples at once.
final class Equilibrium {
    private let forward: Program
    private let adjoint: Program
    private let (z, v): (NodeID, NodeID)
    private let count: Int

    init(_ folder: DataFolder) throws {
        let images = try folder.array("w5_Xtr")
        let first = try folder.array("w5_B0")
        let (rows, hidden) = (images.shape[0], first.shape[1])
        count = rows * hidden
        let precision = folder.precision
        var graph = Graph()
        let axis = graph.addAxis(name: "samples", rows: rows)
        func input(_ name: String, _ shape: Shape, _ role: SymbolRole) -> NodeID {
            graph.addInput(name, shape: shape, role: role)
        }
        let x = input("X", [.axis(axis), .size(images.shape[1])], .data)
        let b = input("B", Shape(sizes: first.shape), .value)
        let a = input("A", Shape(sizes: [hidden, hidden]), .value)
        let c = input("c", Shape(sizes: [hidden]), .value)
        z = input("z", [.axis(axis), .size(hidden)], .value)
        v = input("v", graph.shape(z), .value)
        let rhs = input("b", graph.shape(z), .value)
        let fixed = graph.add(
            graph.matmul(x, b), graph.broadcast(graph.reshape(c, to: Shape(sizes: [1, hidden])), to: graph.shape(z)))
        let map = graph.unary(.tanh, graph.add(graph.matmul(z, a), fixed))
        let pulled = graph.transpose([map: v], at: [z])[0]
        let moved = graph.add(pulled, rhs)
        forward = Program(
            graph, outputs: [map], slots: [.steady("parameters", [a, b, c]), .everyRun("z", [z])], precision: precision)
        adjoint = Program(
            graph, outputs: [moved],
            slots: [.steady("parameters", [a, b, c]), .steady("z", [z, rhs]), .everyRun("v", [v])], precision: precision
        )
        for program in [forward, adjoint] {
            program.bind(x, to: images.storage.converted(to: precision))
            for (node, name) in [(a, "w5_A0"), (b, "w5_B0"), (c, "w5_c0")] {
                program.write(try folder.values(name), to: node)
            }
        }
        adjoint.write([Double](repeating: 0.01, count: count), to: rhs)
        adjoint.write([Double](repeating: 0.1, count: count), to: z)
    }

    private func reset() {
        forward.write([Double](repeating: 0, count: count), to: z)
        adjoint.write([Double](repeating: 0, count: count), to: v)
    }

    private func advance(_ program: Program, _ cell: InputCell, _ count: Int) {
        for _ in 0..<count {
            program.run()
            program.exchange(0, with: cell)
        }
    }

    private func measurement(_ program: Program, _ node: NodeID, _ name: String) -> Measurement {
        guard let cell = program.cell(node) else { preconditionFailure("a step that does not read its unknown") }
        return Measurement(
            reset: reset, run: { self.advance(program, cell, $0) },
            results: {
                self.reset()
                self.advance(program, cell, 10)
                return [name: program.values(of: cell)]
            })
    }

    func steps() -> Measurement { measurement(forward, z, "z") }
    func products() -> Measurement { measurement(adjoint, v, "v") }
}
