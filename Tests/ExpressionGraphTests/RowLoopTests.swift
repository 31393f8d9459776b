// Loops over blocks of rows: the same values as without them, for every number of rows, in less memory.
import ExpressionGraph
import Tensors
import Testing

@Suite struct RowLoopTests {
    /// Gradient and Hessian product of Σ softplus-like losses of X·W over an axis, with a weight for every row.
    private struct Model {
        var graph = Graph()
        let axis: AxisID
        let (data, labels, weights, point, tangent): (NodeID, NodeID, NodeID, NodeID, NodeID)
        let outputs: [NodeID]
        let rows: Int
        let features: Int
        let classes: Int

        init(rows: Int, features: Int, classes: Int) {
            self.rows = rows
            self.features = features
            self.classes = classes
            axis = graph.addAxis(name: "rows", rows: rows)
            data = graph.addInput("X", shape: [.axis(axis), .size(features)], role: .data)
            labels = graph.addInput("y", shape: [.axis(axis)], role: .data)
            weights = graph.addInput("weights", shape: [.axis(axis), .size(1)], role: .data)
            point = graph.addInput("W", shape: Shape(sizes: [features, classes]), role: .value)
            tangent = graph.addInput("V", shape: Shape(sizes: [features, classes]), role: .value)
            let logits = graph.matmul(data, point)
            let logs = graph.logSoftmax(logits, axis: 1)
            let chosen = graph.multiply(graph.oneHot(labels, classes: classes), logs)
            let weighted = graph.multiply(
                graph.broadcast(graph.unary(.sigmoid, weights), to: graph.shape(logits)), chosen)
            let loss = graph.add(graph.negate(graph.sum(weighted)), graph.dot(point, point))
            let gradient = graph.gradient(of: loss, at: [point])
            let product = graph.linearize(gradient, along: [point: tangent])
            outputs = [loss] + gradient + product
        }

        func program(_ choice: RowLoopChoice, batch: Int? = nil) -> Program {
            let program = Program(
                graph, outputs: outputs, slots: [.steady("point", [point]), .everyRun("tangent", [tangent])],
                batchRows: batch.map { [axis: $0] } ?? [:], options: CompilationOptions(rowLoops: choice))
            var stream = RandomStream(seed: 9, stream: "row loops")
            func normal(_ count: Int) -> [Double] { (0..<count).map { _ in stream.normal() } }
            program.bind(data, to: AlignedBuffer(normal(rows * features)))
            program.bind(labels, to: AlignedBuffer((0..<rows).map { _ in Double(stream.below(classes)) }))
            program.bind(weights, to: AlignedBuffer(normal(rows)))
            program.write(normal(features * classes), to: point)
            program.write(normal(features * classes), to: tangent)
            return program
        }

        func results(_ program: Program) -> [[Double]] {
            program.run()
            return outputs.indices.map { program.result($0) }
        }
    }

    private func expectEqual(_ found: [[Double]], _ expected: [[Double]], _ comment: Comment) {
        for (a, b) in zip(found, expected) {
            let scale = b.map(\.magnitude).max() ?? 0
            let difference = zip(a, b).map { ($0 - $1).magnitude }.max() ?? 0
            #expect(a.count == b.count && difference <= 1e-12 * scale, comment)
        }
    }

    @Test func readsDataOnceWhereItExceedsTheCache() {
        let model = Model(rows: 5000, features: 40, classes: 3)
        let looped = model.program(.whereItPays)
        let plain = model.program(.never)
        // One loop depends on the point, one on the tangent.
        #expect(looped.plan.rowLoopCount == 2 && plain.plan.rowLoopCount == 0)
        #expect(looped.plan.violations() == [])
        expectEqual(model.results(looped), model.results(plain), "5000 rows")
        #expect(Model(rows: 500, features: 40, classes: 3).program(.whereItPays).plan.rowLoopCount == 0)
    }

    @Test func keepsOneBlockOfWhatLiesBetween() {
        let model = Model(rows: 20_000, features: 8, classes: 6)
        let looped = model.program(.whereItPays).plan
        let plain = model.program(.never).plan
        // What the tangent needs keeps its rows.
        #expect(looped.rowLoopCount == 3 && looped.violations() == [])
        #expect(Double(looped.memoryBytes) < 0.8 * Double(plain.memoryBytes))
    }

    @Test(arguments: [1, 2, 7]) func agreesForEveryNumberOfRows(_ classes: Int) {
        let model = Model(rows: 100, features: 5, classes: classes)
        let looped = model.program(.always(rows: 16), batch: 100)
        let plain = model.program(.never, batch: 100)
        #expect(looped.plan.violations() == [])
        for (start, count) in [(0, 100), (3, 0), (0, 1), (84, 16), (17, 17), (50, 15), (4, 96), (99, 1), (0, 33)] {
            for program in [looped, plain] { program.selectRows(of: model.axis, start: start, count: count) }
            expectEqual(model.results(looped), model.results(plain), "\(count) rows from \(start)")
        }
    }

    @Test func recomputesOnlyTheTangentPart() {
        let model = Model(rows: 100, features: 5, classes: 3)
        let looped = model.program(.always(rows: 32))
        let plain = model.program(.never)
        _ = (model.results(looped), model.results(plain))
        for program in [looped, plain] {
            program.write([Double](repeating: 0.5, count: model.features * model.classes), to: model.tangent)
        }
        expectEqual(model.results(looped), model.results(plain), "another tangent")
    }

    @Test func givesTheSameBitsAgain() {
        let model = Model(rows: 3000, features: 60, classes: 4)
        let first = model.results(model.program(.whereItPays))
        let second = model.results(model.program(.whereItPays))
        #expect(zip(first.joined(), second.joined()).allSatisfy { $0.bitPattern == $1.bitPattern })
    }

    /// Xᵀ (w ∘ (X v)), the Hessian product of a sum of losses of X y, is one instruction of a loop.
    @Test(arguments: [1, 22, 32, 33], Precision.allCases)
    func weighsAGramMatrixInOnePass(_ features: Int, _ precision: Precision) {
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: 100)
        let x = graph.addInput("X", shape: [.axis(axis), .size(features)], role: .data)
        let w = graph.addInput("w", shape: [.axis(axis), .size(1)], role: .value)
        let v = graph.addInput("v", shape: Shape(sizes: [features, 1]), role: .value)
        let weighted = graph.multiply(w, graph.matmul(x, v))
        let product = graph.matmul(x, weighted, transposeA: true)
        var stream = RandomStream(seed: 4, stream: "gram")
        let numbers = (0..<(100 * features)).map { _ in stream.normal() }
        let (weights, tangent) = ((0..<100).map { _ in stream.normal() }, (0..<features).map { _ in stream.normal() })
        let results = [RowLoopChoice.always(rows: 16), .never].map { choice in
            let program = Program(
                graph, outputs: [product], slots: [.steady("w", [w]), .everyRun("v", [v])], batchRows: [axis: 100],
                precision: precision, options: CompilationOptions(rowLoops: choice))
            program.bind(x, to: AlignedBuffer(numbers, precision: precision))
            return [(0, 100), (3, 33), (5, 16), (90, 1), (0, 0)].flatMap { start, count in
                program.selectRows(of: axis, start: start, count: count)
                program.write(Array(weights[start..<(start + count)]), to: w)
                program.write(tangent, to: v)
                program.run()
                return program.result(0)
            }
        }
        let scale = results[1].map(\.magnitude).max() ?? 0
        let tolerance = precision == .float64 ? 1e-12 : 1e-4
        #expect(zip(results[0], results[1]).allSatisfy { abs($0 - $1) <= tolerance * scale })
    }
}
