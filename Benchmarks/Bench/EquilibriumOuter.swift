// One outer iteration of W5: T steps of the equilibrium from 0, K steps of its adjoint from 0, the gradients of all
// parameters. The recurrences are those of the peers, so that iterates can be compared digit by digit.
import ExpressionGraph
import Tensors

/// z = tanh(z A + X B + c), trained for the mean cross-entropy of z V + d by momentum, on all samples.
final class EquilibriumOuter {
    private static let names = ["A", "B", "c", "V", "d"]
    private static let (innerSteps, adjointSteps) = (20, 20)
    private static let (upperStep, momentum) = (0.5, 0.9)

    private let start: [[Double]]
    private var parameters: [[Double]]
    private var velocity: [[Double]]
    /// The nodes of `names`.
    private let inputs: [NodeID]
    private let (z, v, b): (NodeID, NodeID, NodeID)
    /// X B + c, which the iterations share.
    private let u: NodeID
    private let shift: Program
    private let count: Int
    private let forward: Program
    /// The loss, its gradient in z, and those in V and d.
    private let loss: Program
    private let adjoint: Program
    /// What v gives A, B and c.
    private let pullback: Program

    init(_ folder: DataFolder) throws {
        start = try Self.names.map { try folder.values("w5_\($0)0") }
        (parameters, velocity) = (start, start.map { $0.map { _ in 0 } })
        let images = try folder.array("w5_Xtr")
        let labels = try folder.array("w5_ytr")
        let shapes = try Self.names.map { Shape(sizes: try folder.array("w5_\($0)0").shape) }
        let (rows, hidden) = (images.shape[0], try folder.array("w5_c0").shape[0])
        count = rows * hidden
        let precision = folder.precision
        var graph = Graph()
        let axis = graph.addAxis(name: "samples", rows: rows)
        let x = graph.addInput("X", shape: [.axis(axis), .size(images.shape[1])], role: .data)
        let y = graph.addInput("y", shape: [.axis(axis)], role: .data)
        inputs = zip(Self.names, shapes).map { graph.addInput($0, shape: $1, role: .value) }
        let state = Shape([.axis(axis), .size(hidden)])
        z = graph.addInput("z", shape: state, role: .value)
        v = graph.addInput("v", shape: state, role: .value)
        b = graph.addInput("b", shape: state, role: .value)
        func affine(_ u: NodeID, _ matrix: NodeID, _ shift: NodeID) -> NodeID {
            let product = graph.matmul(u, matrix)
            let row = graph.reshape(shift, to: Shape([.size(1)] + graph.shape(shift).dimensions))
            return graph.add(product, graph.broadcast(row, to: graph.shape(product)))
        }
        u = graph.addInput("u", shape: state, role: .value)
        let shifted = affine(x, inputs[1], inputs[2])
        let map = graph.unary(.tanh, graph.add(graph.matmul(z, inputs[0]), u))
        let logits = affine(z, inputs[3], inputs[4])
        let picked = graph.multiply(graph.oneHot(y, classes: 10), graph.logSoftmax(logits, axis: 1))
        let mean = graph.scale(-1 / Double(rows), graph.sum(picked))
        let outer = graph.gradient(of: mean, at: [z, inputs[3], inputs[4]])
        let pulled = graph.transpose([map: v], at: [z, inputs[0], u])
        let moved = graph.add(pulled[0], b)
        let below = graph.transpose([shifted: pulled[2]], at: [inputs[1], inputs[2]])
        let steady = InputSlot.steady("parameters", inputs)
        shift = Program(graph, outputs: [shifted], precision: precision)
        forward = Program(
            graph, outputs: [map], slots: [steady, .steady("u", [u]), .everyRun("z", [z])], precision: precision)
        loss = Program(graph, outputs: [mean] + outer, precision: precision)
        adjoint = Program(
            graph, outputs: [moved], slots: [steady, .steady("z", [z, u, b]), .everyRun("v", [v])], precision: precision
        )
        pullback = Program(graph, outputs: [pulled[1]] + below, precision: precision)
        for program in [shift, forward, loss, adjoint, pullback] {
            program.bind(x, to: images.storage.converted(to: precision))
            program.bind(y, to: labels.storage.converted(to: precision))
        }
    }

    private func reset() { (parameters, velocity) = (start, start.map { $0.map { _ in 0 } }) }

    /// The loss and the gradients in all parameters, which stay.
    private func run() -> (loss: Double, gradients: [[Double]]) {
        for program in [shift, forward, loss, adjoint, pullback] {
            for (input, value) in zip(inputs, parameters) { program.write(value, to: input) }
        }
        shift.run()
        let fixed = shift.result(0)
        for program in [forward, adjoint, pullback] { program.write(fixed, to: u) }
        let zeros = [Double](repeating: 0, count: count)
        repeated(forward, z, zeros, Self.innerSteps)
        let point = forward.result(0)
        loss.write(point, to: z)
        loss.run()
        adjoint.write(point, to: z)
        adjoint.write(loss.result(1), to: b)
        repeated(adjoint, v, zeros, Self.adjointSteps)
        pullback.write(point, to: z)
        pullback.write(adjoint.result(0), to: v)
        pullback.run()
        return (loss.scalar(0), (0..<3).map { pullback.result($0) } + (2..<4).map { loss.result($0) })
    }

    private func repeated(_ program: Program, _ node: NodeID, _ first: [Double], _ steps: Int) {
        program.write(first, to: node)
        let cell = program.cell(node)
        for step in 0..<steps {
            if step > 0, let cell { program.exchange(0, with: cell) }
            program.run()
        }
    }

    private func move(along gradients: [[Double]]) {
        for index in parameters.indices {
            VectorMath.scale(Self.momentum, &velocity[index])
            VectorMath.add(1, gradients[index], to: &velocity[index])
            VectorMath.add(-Self.upperStep, velocity[index], to: &parameters[index])
        }
    }

    func iterations() -> Measurement {
        Measurement(
            reset: reset, run: { for _ in 0..<$0 { _ = self.run() } },
            results: {
                self.reset()
                var losses: [Double] = []
                for _ in 0..<5 {
                    let (loss, gradients) = self.run()
                    losses.append(loss)
                    self.move(along: gradients)
                }
                return Dictionary(uniqueKeysWithValues: zip(["values"] + Self.names, [losses] + self.parameters))
            })
    }
}
