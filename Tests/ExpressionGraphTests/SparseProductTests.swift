// Products with sparse data against the same products with dense data: values, batches, derivatives to third order.
import ExpressionGraph
import Tensors
import Testing

@Suite struct SparseProductTests {
    /// f = Σ sin(products with X) over weights that make all of them matter, with X sparse or dense.
    struct Model {
        var graph = Graph()
        let axis: AxisID
        let x: NodeID
        let w: NodeID
        let matrix: NodeID
        let rowWeights: NodeID
        let values: [NodeID: ReferenceArray]
        var value: NodeID

        init(rows: Int, columns: Int, n: Int, isSparse: Bool) {
            var random = SplitMix(rows * 100 + columns * 10 + n)
            axis = graph.addAxis(name: "train", rows: rows)
            x = graph.addInput(
                "X", shape: [.axis(axis), .size(columns)], role: .data,
                storage: isSparse ? .sparse(entries: rows) : .dense)
            w = graph.addInput("w", shape: [.size(columns), .size(1)], role: .value)
            matrix = graph.addInput("W", shape: [.size(columns), .size(n)], role: .value)
            rowWeights = graph.addInput("r", shape: [.size(n), .axis(axis)], role: .value)
            values = [
                x: random.array([rows, columns]).map { $0.magnitude < 1.2 ? 0 : $0 }, w: random.array([columns, 1]),
                matrix: random.array([columns, n]), rowWeights: random.array([n, rows]),
            ]
            let margin = graph.matmul(x, w)  // X w
            let scores = graph.matmul(x, matrix)  // X W
            let transposed = graph.transpose(x, [1, 0])
            let parts = [
                margin, scores, graph.matmul(transposed, graph.unary(.tanh, margin)),  // Xᵀ φ(X w)
                graph.matmul(rowWeights, x),  // R X
                graph.matmul(w, x, transposeA: true, transposeB: true),  // wᵀ Xᵀ
                graph.matmul(matrix, transposed, transposeA: true),  // Wᵀ Xᵀ
                graph.matmul(x, graph.unary(.square, scores), transposeA: true),  // Xᵀ (X W)²
                graph.matmul(x, rowWeights, transposeA: true, transposeB: true),  // Xᵀ Rᵀ
            ]
            value = graph.constant(0)
            for part in parts { value = graph.add(value, graph.sum(graph.unary(.sin, graph.scale(0.3, part)))) }
        }

        /// f, its gradient, H v and the derivative of vᵀ H v along v.
        mutating func derivatives(_ directions: [NodeID: ReferenceArray]) -> (nodes: [NodeID], [NodeID: ReferenceArray])
        {
            let leaves = [w, matrix, rowWeights]
            var inputs = values
            var tangents: [NodeID: NodeID] = [:]
            for leaf in leaves {
                let tangent = graph.addInput("t", shape: graph.shape(leaf), role: .value)
                tangents[leaf] = tangent
                inputs[tangent] = directions[leaf]
            }
            let gradient = graph.gradient(of: value, at: leaves)
            let product = graph.linearize(gradient, along: tangents)
            let third = graph.linearize(product, along: tangents)
            return ([value] + gradient + product + third, inputs)
        }

        func directions() -> [NodeID: ReferenceArray] {
            var random = SplitMix(5)
            return Dictionary(
                uniqueKeysWithValues: [w, matrix, rowWeights].map { ($0, random.array(values[$0]!.sizes, in: -1...1)) })
        }
    }

    static let sizes = [(1, 1, 1), (7, 5, 3), (12, 30, 20), (40, 9, 1), (3, 4, 35)]

    @Test(arguments: sizes) func agreesWithDenseDataToThirdOrder(_ rows: Int, _ columns: Int, _ n: Int) {
        var sparse = Model(rows: rows, columns: columns, n: n, isSparse: true)
        var dense = Model(rows: rows, columns: columns, n: n, isSparse: false)
        let directions = sparse.directions()
        let (outputs, inputs) = sparse.derivatives(directions)
        let (denseOutputs, denseInputs) = dense.derivatives(directions)
        #expect(sparse.graph.nodes.contains { if case .sparseProduct = $0.operation { true } else { false } })
        let results = check(sparse.graph, outputs, inputs, tolerance: 1e-11)
        var evaluator = ReferenceEvaluator(dense.graph, inputs: denseInputs)
        for (index, expected) in evaluator.evaluate(denseOutputs).enumerated() {
            #expect(distance(results[index].values, expected.values) <= 1e-11, "output \(index)")
        }
    }

    @Test func gradientAgreesWithDifferences() {
        var model = Model(rows: 7, columns: 5, n: 3, isSparse: true)
        let directions = model.directions()
        let (outputs, inputs) = model.derivatives(directions)
        var evaluator = ReferenceEvaluator(model.graph, inputs: inputs)
        let gradient = evaluator.evaluate(Array(outputs[1...3]))
        let slope = zip([model.w, model.matrix, model.rowWeights], gradient).reduce(0) {
            $0 + dot(directions[$1.0]!.values, $1.1.values)
        }
        func moved(_ step: Double) -> Double {
            var point = inputs
            for (leaf, direction) in directions { point[leaf] = inputs[leaf]!.zip(direction) { $0 + step * $1 } }
            var evaluator = ReferenceEvaluator(model.graph, inputs: point)
            return evaluator.evaluate([model.value])[0].values[0]
        }
        #expect(abs((moved(1e-6) - moved(-1e-6)) / 2e-6 - slope) <= 1e-6 * max(abs(slope), 1))
    }

    @Test(arguments: [1, 4, 7]) func batchesAreRows(_ batch: Int) {
        let rows = 12
        let model = Model(rows: rows, columns: 5, n: 3, isSparse: true)
        var graph = model.graph
        let gradient = graph.gradient(of: model.value, at: [model.w, model.matrix])
        let program = Program(graph, outputs: [model.value] + gradient, batchRows: [model.axis: batch])
        #expect(program.plan.violations() == [])
        for (input, value) in model.values where input != model.rowWeights { program.set(input, to: value) }
        for start in stride(from: 0, to: rows, by: batch) {
            let count = min(batch, rows - start)
            program.selectRows(of: model.axis, start: start, count: count)
            program.prefetchRows(of: model.axis, start: start, count: count)
            var values = model.values
            values[model.x] = ReferenceArray(
                [count, 5], Array(model.values[model.x]!.values[start * 5..<(start + count) * 5]))
            values[model.rowWeights] = ReferenceArray([3, count]) {
                model.values[model.rowWeights]![[$0[0], start + $0[1]]]
            }
            program.set(model.rowWeights, to: values[model.rowWeights]!)
            program.run()
            var evaluator = ReferenceEvaluator(graph, inputs: values, rows: [count])
            for (index, expected) in evaluator.evaluate([model.value] + gradient).enumerated() {
                #expect(distance(program.results[index], expected.values) <= 1e-12, "rows \(start), output \(index)")
            }
        }
    }

    /// A sum by rows over a batch of all rows is bit for bit the one over all of them.
    @Test func aBatchOfAllRowsIsAllRows() {
        let model = Model(rows: 12, columns: 5, n: 3, isSparse: true)
        var graph = model.graph
        let gradient = graph.gradient(of: model.value, at: [model.w, model.matrix])
        let whole = Program(graph, outputs: gradient)
        let batched = Program(graph, outputs: gradient, batchRows: [model.axis: 12])
        batched.selectRows(of: model.axis, start: 0, count: 12)
        for program in [whole, batched] { for (input, value) in model.values { program.set(input, to: value) } }
        whole.run()
        batched.run()
        #expect(whole.results == batched.results)
    }

    @Test func constantFactorsLeaveTheProduct() {
        var graph = Graph()
        let x = graph.addInput("X", shape: Shape(sizes: [3, 4]), role: .data, storage: .sparse(entries: 2))
        let w = graph.addInput("w", shape: Shape(sizes: [4, 2]), role: .value)
        let plain = graph.matmul(x, w)
        let scaled = graph.matmul(x, graph.scale(-3, w))
        #expect(scaled == graph.scale(-3, plain))
        #expect(graph.transpose(graph.transpose(x, [1, 0]), [1, 0]) == x)
        let nothing = graph.matmul(x, graph.constant(0, shape: Shape(sizes: [4, 2])))
        #expect(graph.isZero(nothing))
    }

    @Test func theVerifierKeepsSparseArraysInProducts() {
        let matrix = Shape(sizes: [2, 3])
        let symbols = [
            Symbol(name: "S", role: .data, shape: matrix, storage: .sparse(entries: 1)),
            Symbol(name: "D", role: .data, shape: matrix),
        ]
        let inputs = symbols.indices.map {
            Node(operation: .input(SymbolID(index: $0)), operands: [], shape: symbols[$0].shape)
        }
        func violations(_ operation: Operation, _ operands: [Int], _ shape: Shape) -> [GraphViolation] {
            let node = Node(operation: operation, operands: operands.map(NodeID.init(index:)), shape: shape)
            return GraphVerifier(nodes: inputs + [node], symbols: symbols, axes: []).violations()
        }
        let id = NodeID(index: 2)
        #expect(violations(.sparseProduct(transposed: true), [0, 1], Shape(sizes: [3, 3])) == [])
        #expect(violations(.transpose([1, 0]), [0], Shape(sizes: [3, 2])) == [])
        #expect(violations(.sparseProduct(transposed: true), [1, 1], Shape(sizes: [3, 3])) == [.sparse(id)])
        #expect(violations(.sparseProduct(transposed: true), [0, 0], Shape(sizes: [3, 3])) == [.sparse(id)])
        #expect(violations(.unary(.exp), [0], matrix) == [.sparse(id)])
        #expect(
            violations(.matmul(transposeA: true, transposeB: false), [0, 1], Shape(sizes: [3, 3])) == [.sparse(id)])
        #expect(violations(.sparseProduct(transposed: false), [0, 1], Shape(sizes: [2, 3])) == [.operandShapes(id)])
        let value = Symbol(name: "S", role: .value, shape: matrix, storage: .sparse(entries: 1))
        #expect(
            GraphVerifier(nodes: [inputs[0]], symbols: [value], axes: []).violations()
                == [.sparse(NodeID(index: 0))])
    }
}
