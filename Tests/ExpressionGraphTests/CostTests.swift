// Operations and bytes of plans, counted by hand; and the text of plans.
import ExpressionGraph
import Tensors
import Testing

@Suite struct CostTests {
    private func cost(_ build: (inout Graph, _ a: NodeID, _ b: NodeID) -> NodeID) -> Cost {
        var graph = Graph()
        let a = graph.addInput("A", shape: Shape(sizes: [6, 5]), role: .value)
        let b = graph.addInput("B", shape: Shape(sizes: [6, 5]), role: .value)
        let output = build(&graph, a, b)
        return ProgramPlan(graph, outputs: [output]).cost
    }

    @Test func elementwisePassesCountEveryArrayOnce() {
        // A·B + A: one fused operation of two; A and B read, the result written.
        #expect(cost { $0.add($0.multiply($1, $2), $1) } == Cost(operations: 60, bytes: 3 * 30 * 8))
        // Σ sin(A)²: a sine and a fused product and sum; one number written.
        #expect(cost { g, a, _ in g.sum(g.unary(.square, g.unary(.sin, a))) } == Cost(operations: 90, bytes: 31 * 8))
        // 2 A: the constant is one number.
        #expect(cost { g, a, _ in g.scale(2, a) } == Cost(operations: 30, bytes: 61 * 8))
    }

    @Test func productsCountTwoForEachTerm() {
        #expect(
            cost { $0.matmul($1, $2, transposeB: true) } == Cost(operations: 2 * 6 * 6 * 5, bytes: (30 + 30 + 36) * 8))
        #expect(
            cost { $0.matmul($1, $2, transposeA: true) } == Cost(operations: 2 * 5 * 5 * 6, bytes: (30 + 30 + 25) * 8))
    }

    @Test func kernelsCountWhatTheyRead() {
        #expect(
            cost { g, a, _ in g.sumTo(a, Shape(sizes: [6, 1])) } == Cost(operations: 30, bytes: (30 + 6) * 8))
        #expect(cost { g, a, _ in g.extremum(.maximum, a, axis: 0) } == Cost(operations: 30, bytes: (30 + 5) * 8))
        #expect(cost { g, a, _ in g.logSumExp(a, axis: 1) } == Cost(operations: 4 * 30 + 2 * 6, bytes: (30 + 6) * 8))
        #expect(cost { g, a, _ in g.softmax(a, axis: 1) } == Cost(operations: 5 * 30, bytes: 60 * 8))
        #expect(cost { g, a, _ in g.transpose(a, [1, 0]) } == Cost(operations: 0, bytes: 60 * 8))
        let range = SliceRange(start: 1, step: 1, count: .size(2))
        #expect(cost { g, a, _ in g.slice(a, [range, .all(.size(5))]) } == Cost(operations: 0, bytes: 2 * 10 * 8))
    }

    /// A stack of three products; LU of three matrices of 5, and a triangular solve each way.
    @Test func stacksAndFactorsCountTheirMatrices() {
        var graph = Graph()
        let a = graph.addInput("A", shape: Shape(sizes: [3, 5, 5]), role: .value)
        let b = graph.addInput("B", shape: Shape(sizes: [3, 5, 2]), role: .value)
        let stack = graph.matmul(a, b)
        let product = ProgramPlan(graph, outputs: [stack]).cost
        #expect(product == Cost(operations: 3 * 2 * 5 * 5 * 2, bytes: (75 + 30 + 30) * 8))
        let solution = graph.solve(a, b)
        let plan = ProgramPlan(graph, outputs: [solution])
        #expect(plan.cost.operations == 3 * 250 / 3 + 3 * 2 * 5 * 5 * 2)
        #expect(graph.formula(solution, depth: 9) == "solve(lu(A), B)")
    }

    @Test func pairedProductsReadTheirMatrixOnce() {
        var graph = Graph()
        let a = graph.addInput("A", shape: Shape(sizes: [6, 5]), role: .data)
        let x = ["x", "y"].map { graph.addInput($0, shape: Shape(sizes: [5, 1]), role: .value) }
        let outputs = x.map { graph.matmul(a, $0) }
        let plan = ProgramPlan(graph, outputs: outputs)
        #expect(plan.cost == Cost(operations: 120, bytes: (30 + 10 + 12) * 8))
    }

    /// Batches count with their rows, and stages with the runs that compute them.
    @Test func stagesAndBatchesAreTold() {
        var graph = Graph()
        let axis = graph.addAxis(name: "train", rows: 1000)
        let d = graph.addInput("d", shape: [.axis(axis)], role: .data)
        let x = graph.addInput("x", shape: [.axis(axis)], role: .value)
        let v = graph.addInput("v", shape: [.axis(axis)], role: .value)
        let outputs = [graph.multiply(graph.unary(.exp, x), v), graph.unary(.sin, d)]
        let plan = ProgramPlan(
            graph, outputs: outputs, slots: [.steady("x", [x]), .everyRun("v", [v])], batchRows: [axis: 10])
        #expect(plan.cost == Cost(operations: 30, bytes: (2 + 2 + 3) * 80))
        #expect(plan.changingCost == Cost(operations: 20, bytes: (2 + 3) * 80))
        #expect(plan.everyRunCost == Cost(operations: 10, bytes: 3 * 80))
    }

    @Test func countsBeyondIntegersStayThere() {
        let large = Cost(operations: .max - 1, bytes: 7)
        #expect(large.adding(large) == Cost(operations: .max, bytes: 14))
        #expect(large.times(3) == Cost(operations: .max, bytes: 21))
        #expect(
            [0, 12, 123, 1234, 1_234_567, -1234].map(\.grouped) == ["0", "12", "123", "1,234", "1,234,567", "-1,234"])
    }
}

@Suite struct PlanListingTests {
    /// Formulas as they are written, with brackets where they are needed and nowhere else.
    @Test func formulasReadAsTheyAreWritten() {
        var graph = Graph()
        let a = graph.addInput("A", shape: Shape(sizes: [3, 4]), role: .value)
        let b = graph.addInput("b", shape: Shape(sizes: [3, 4]), role: .value)
        let sum = graph.add(a, b)
        let sine = graph.unary(.exp, graph.unary(.sin, graph.unary(.cos, a)))
        let half = graph.constant(0.5, shape: Shape(sizes: [3, 4]))
        let cases: [(NodeID, String)] = [
            (graph.subtract(a, graph.unary(.exp, sum)), "A - exp(A + b)"),
            (graph.multiply(sum, graph.unary(.exp, b)), "(A + b) * exp(b)"),
            (graph.divide(a, graph.multiply(a, b)), "A / (A * b)"), (graph.unary(.square, sum), "(A + b)^2"),
            (graph.matmul(sum, b, transposeA: true), "(A + b).T @ b"),
            (graph.sumTo(graph.unary(.absolute, a), Shape(sizes: [3, 1])), "sum(abs(A), axis=1)"),
            (graph.extremum(.maximum, a, axis: 1), "max(A, axis=1)"), (graph.binary(.less, a, half), "A < 0.5"),
            (graph.negate(graph.multiply(a, b)), "-(A * b)"), (sine, "exp(sin(cos(A)))"),
        ]
        for (node, text) in cases { #expect(graph.formula(node, depth: 9) == text) }
        #expect(graph.formula(sine, depth: 2) == "exp(sin(…))")
    }

    @Test func stagesAndStepsAreTold() {
        var graph = Graph()
        let axis = graph.addAxis(name: "train", rows: 50)
        let data = graph.addInput("X", shape: [.axis(axis), .size(40)], role: .data)
        let w = graph.addInput("w", shape: Shape(sizes: [40, 1]), role: .value)
        let v = graph.addInput("v", shape: Shape(sizes: [40, 1]), role: .value)
        let loss = graph.sum(graph.unary(.softplus, graph.matmul(data, w)))
        let product = graph.linearize(graph.gradient(of: loss, at: [w]), along: [w: v])
        let plan = ProgramPlan(graph, outputs: product, slots: [.steady("w", [w]), .everyRun("v", [v])])
        let listing = PlanListing(plan, outputs: ["Hv"])
        #expect(
            listing.lines == [
                "  when w changes: 2 steps, 4,150 operations, 17,528 bytes",
                "    gemv        t1 [train, 1] = X @ w  (4,000 operations, 16,720 bytes)",
                "    pass        t2 = sigmoid(t1)",
                "                t3 [train, 1] = t2 * (1 - t2)  (150 operations, 808 bytes)",
                "  every run: 3 steps, 8,050 operations, 34,640 bytes",
                "    gemv        t4 [train, 1] = X @ v  (4,000 operations, 16,720 bytes)",
                "    pass        t5 [train, 1] = t4 * t3  (50 operations, 1,200 bytes)",
                "    gemv        Hv [40, 1] = X.T @ t5  (4,000 operations, 16,720 bytes)",
            ], "\(listing.lines)")
        #expect(listing.memoryBytes == plan.memoryBytes)
    }
}
