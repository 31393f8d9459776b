// Products whose factors change at different rates: what is multiplied when, and that the values stay.
import ExpressionGraph
import Tensors
import Testing

@Suite struct RegroupingTests {
    private func matrix(_ graph: inout Graph, _ name: String, _ rows: Int, _ columns: Int, _ role: SymbolRole) -> NodeID
    {
        graph.addInput(name, shape: Shape(sizes: [rows, columns]), role: role)
    }

    private func products(_ plan: ProgramPlan) -> [[Int]] {
        plan.graph.reachable(from: plan.outputs).compactMap { id in
            if case .matmul = plan.graph.operation(id) { plan.graph.shape(id).sizes { _ in 0 } } else { nil }
        }
    }

    /// Runs with and without regrouping, holds both against the reference, and returns the regrouped plan.
    private func compare(
        _ graph: Graph, _ outputs: [NodeID], _ slots: [InputSlot], _ inputs: [NodeID], seed: Int = 1,
        tolerance: Double = 1e-12
    ) -> ProgramPlan {
        var random = SplitMix(seed)
        var values: [NodeID: ReferenceArray] = [:]
        for input in inputs { values[input] = random.array(graph.shape(input).sizes { _ in 0 }) }
        var reference = ReferenceEvaluator(graph, inputs: values)
        let expected = reference.evaluate(outputs)
        let plans = [true, false].map { regroups in
            ProgramPlan(
                graph, outputs: outputs, slots: slots, options: CompilationOptions(regroupsProducts: regroups))
        }
        for plan in plans {
            #expect(plan.violations() == [] && GraphVerifier(plan.graph).violations() == [])
            let program = Program(plan)
            for (input, value) in values { program.set(input, to: value) }
            program.run()
            for (index, result) in program.results.enumerated() {
                #expect(distance(result, expected[index].values) <= tolerance)
            }
        }
        return plans[0]
    }

    /// a·(v·b) with a and b slow: one product less in every run.
    @Test func slowFactorsAreMultipliedOnce() {
        var graph = Graph()
        let x = ["a", "b", "v"].map { graph.addInput($0, shape: [.size(20)], role: .value) }
        let sines = x.map { graph.unary(.sin, $0) }
        let product = graph.multiply(sines[0], graph.multiply(sines[2], sines[1]))
        let slots: [InputSlot] = [.steady("ab", [x[0], x[1]]), .everyRun("v", [x[2]])]
        let plan = compare(graph, [product], slots, x)
        let top = plan.graph[plan.outputs[0]].operands
        #expect(Set(top.map { plan.graph.operation($0) }) == [.binary(.multiply), .unary(.sin)])
        let slow = plan.graph[top.first { plan.graph.operation($0) == .binary(.multiply) }!].operands
        #expect(Set(slow) == [sines[0], sines[1]])
    }

    /// Factors that someone else reads, and numbers, stay where they are.
    @Test func nothingChangesWhereNothingIsGained() {
        var graph = Graph()
        let x = ["a", "b", "v"].map { graph.addInput($0, shape: [.size(20)], role: .value) }
        let s = graph.addInput("s", shape: .scalar, role: .value)
        let shared = graph.multiply(x[2], x[1])
        let outputs = [
            graph.multiply(x[0], shared), shared,
            graph.multiply(graph.broadcast(s, to: [.size(20)]), graph.multiply(x[0], x[2])),
        ]
        let slots: [InputSlot] = [.steady("ab", [x[0], x[1], s]), .everyRun("v", [x[2]])]
        let plan = compare(graph, outputs, slots, x + [s])
        #expect(plan.outputs == outputs && plan.graph.nodes.count == graph.nodes.count)
    }

    @Test func longProductsAreRegroupedInLinearTime() {
        var graph = Graph()
        let x = (0..<2000).map { graph.addInput("x\($0)", shape: [.size(2)], role: .value) }
        let product = x.dropFirst().reduce(x[0]) { graph.multiply($0, $1) }
        let isSlow = { (index: Int) in index % 2 == 0 }
        let slots: [InputSlot] = [
            .steady("even", x.indices.filter(isSlow).map { x[$0] }),
            .everyRun("odd", x.indices.filter { !isSlow($0) }.map { x[$0] }),
        ]
        let program = Program(graph, outputs: [product], slots: slots)
        for (index, node) in x.enumerated() {
            program.write([index % 3 == 0 ? 0.5 : 1, index % 3 == 1 ? 2 : 1], to: node)
        }
        program.run()
        #expect(program.plan.violations() == [])
        #expect(
            program.results == [
                [
                    Double(sign: .plus, exponent: -667, significand: 1),
                    Double(sign: .plus, exponent: 667, significand: 1),
                ]
            ])
    }

    /// The Hessian of ridge regression, 2 XᵀX/n + 2 diag(λ), as products: XᵀX is made once.
    @Test func theGramMatrixIsMadeOnceWhereItPays() {
        var graph = Graph()
        let data = matrix(&graph, "X", 120, 40, .data)
        let labels = matrix(&graph, "y", 120, 1, .data)
        let penalty = matrix(&graph, "lambda", 40, 1, .value)
        let w = matrix(&graph, "w", 40, 1, .value)
        let v = matrix(&graph, "v", 40, 1, .value)
        let residual = graph.subtract(graph.matmul(data, w), labels)
        let objective = graph.add(
            graph.scale(1.0 / 120, graph.dot(residual, residual)), graph.dot(penalty, graph.unary(.square, w)))
        let gradient = graph.gradient(of: objective, at: [w])
        let product = graph.linearize(gradient, along: [w: v])
        let slots: [InputSlot] = [.steady("lambda", [penalty]), .steady("w", [w]), .everyRun("v", [v])]
        let plan = compare(graph, product, slots, [data, labels, penalty, w, v])
        #expect(products(plan) == [[40, 40], [40, 1]])
        let program = Program(plan)
        #expect(program.instructionCounts.first == 1)
        // The residual of a gradient is never expanded.
        let gradientPlan = compare(
            graph, gradient, [.steady("lambda", [penalty]), .everyRun("w", [w])], [data, labels, penalty, w])
        #expect(products(gradientPlan) == [[120, 1], [40, 1]])
    }

    /// In float32 the Gram matrix is made in doubles: what it gives is as near as the bound on Xᵀ(X v), with the errors of
    /// inner products of 120 and 40 terms, even where X v nearly vanishes.
    @Test func theGramMatrixOfFloatsIsAsExactAsItsFactors() {
        var graph = Graph()
        let data = matrix(&graph, "X", 120, 40, .data)
        let v = matrix(&graph, "v", 40, 1, .value)
        let product = graph.matmul(data, graph.matmul(data, v), transposeA: true)
        var random = SplitMix(5)
        var x = random.array([120, 40])
        // The last column is nearly the first, and v looks at their difference.
        for row in 0..<120 { x.values[row * 40 + 39] = x.values[row * 40] * (1 + 1e-4) }
        x.values = x.values.map(Precision.float32.rounded)
        var direction = ReferenceArray([40, 1], [Double](repeating: 0, count: 40))
        (direction.values[0], direction.values[39]) = (1, -1)
        var reference = ReferenceEvaluator(graph, inputs: [data: x, v: direction])
        let exact = reference.evaluate([product])[0].values
        let plan = ProgramPlan(graph, outputs: [product], slots: [.everyRun("v", [v])], precision: .float32)
        #expect(products(plan) == [[40, 40], [40, 1]])
        #expect(plan.violations() == [])
        let program = Program(plan)
        program.set(data, to: x)
        program.set(v, to: direction)
        program.run()
        for (column, value) in program.results[0].enumerated() {
            // |X|ᵀ|X||v|, of which each way may lose (120 + 40) ε.
            let size = (0..<120).reduce(0.0) { sum, row in
                let (first, last) = (x.values[row * 40].magnitude, x.values[row * 40 + 39].magnitude)
                return sum + x.values[row * 40 + column].magnitude * (first + last)
            }
            #expect(abs(value - exact[column]) <= 2 * Precision.float32.epsilon * size)
        }
        // The copies of floats in doubles, and the sums, are part of the price.
        let without = ProgramPlan(
            graph, outputs: [product], slots: [.everyRun("v", [v])], precision: .float32,
            options: CompilationOptions(regroupsProducts: false))
        #expect(plan.memoryBytes >= without.memoryBytes + 8 * (40 * 40 + 2 * 40 * 120) - 4 * 120)
    }

    /// Both orders of the product and all transpositions: A(Bx), (xB)A, (Bx)ᵀA and so on.
    @Test(arguments: 0..<16) func chainsFromBothSides(_ flags: Int) {
        func flag(_ bit: Int) -> Bool { flags >> bit & 1 == 1 }
        var graph = Graph()
        let a = flag(0) ? matrix(&graph, "A", 6, 90, .data) : matrix(&graph, "A", 90, 6, .data)
        let b = flag(1) ? matrix(&graph, "B", 90, 6, .data) : matrix(&graph, "B", 6, 90, .data)
        let x = flag(2) ? matrix(&graph, "x", 2, 6, .value) : matrix(&graph, "x", 6, 2, .value)
        // From the left: Bᵏ (A x), else (xᵀ B) A; the inner product transposed or not.
        let output: NodeID
        if flag(3) {
            let inner = graph.matmul(a, x, transposeA: flag(0), transposeB: flag(2))
            output = graph.matmul(b, inner, transposeA: flag(1))
        } else {
            let inner = graph.matmul(x, b, transposeA: !flag(2), transposeB: flag(1))
            output = graph.matmul(inner, a, transposeB: flag(0))
        }
        let plan = compare(graph, [output], [.everyRun("x", [x])], [a, b, x])
        #expect(products(plan) == [[6, 6], flag(3) ? [6, 2] : [2, 6]])
    }

    /// Wide matrices, matrices that change, and products that somebody else reads are left alone.
    @Test func theGramMatrixIsNotMadeWhereItDoesNotPay() {
        var graph = Graph()
        let wide = matrix(&graph, "X", 20, 40, .data)
        let tall = matrix(&graph, "Y", 40, 20, .data)
        let moving = matrix(&graph, "Z", 40, 20, .value)
        let v = [matrix(&graph, "v", 40, 1, .value), matrix(&graph, "u", 20, 1, .value)]
        let shared = graph.matmul(tall, v[1])
        let outputs = [
            graph.matmul(wide, graph.matmul(wide, v[0]), transposeA: true),
            graph.matmul(moving, graph.matmul(moving, v[1]), transposeA: true),
            graph.matmul(tall, shared, transposeA: true), shared,
        ]
        let slots: [InputSlot] = [.steady("Z", [moving]), .everyRun("v", v)]
        let plan = compare(graph, outputs, slots, [wide, tall, moving] + v)
        #expect(plan.outputs == outputs)
    }

    @Test(arguments: [
        (2000, 500, true), (50_000, 22, true), (500, 500, true), (400, 500, false), (20_000, 2_000, false),
    ])
    func whatPays(_ rows: Int, _ columns: Int, _ pays: Bool) {
        #expect(ProductCost(rows: columns, inner: rows, columns: columns, vectors: 1).pays == pays)
    }
}
