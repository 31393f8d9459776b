// What `check --plan` prints: the programs of a method as formulas, with what they cost.
import ExpressionGraph
import MultilevelOptimization
import Tensors
import Testing

@Suite struct MethodPlanTests {
    /// Ridge regression with one penalty per feature: (1/40)‖X w − y‖² + Σ exp(λ) w², and ‖w‖² above.
    private func ridge(batch: Int) throws -> MultilevelProblem {
        var sketch = ProblemSketch(seed: 4)
        let axis = sketch.addAxis("train", rows: 40, batch: batch)
        let data = try sketch.addData("X", 40, 3, sketch.matrix(40, 3), axis: axis)
        let labels = try sketch.addData("y", 40, 1, sketch.matrix(40, 1), axis: axis)
        let (penalty, w) = (sketch.addVariable("lambda", [3, 1]), sketch.addVariable("w", [3, 1]))
        let residual = sketch.graph.subtract(sketch.graph.matmul(data, w.node), labels)
        let fit = sketch.mean(sketch.graph.unary(.square, residual), over: axis)
        let ridge = sketch.graph.dot(
            sketch.graph.unary(.exp, penalty.node), sketch.graph.unary(.square, w.node))
        let lower = sketch.graph.add(fit, ridge)
        let upper = sketch.graph.sum(sketch.graph.unary(.square, w.node))
        return sketch.problem([
            sketch.level("upper", [penalty], start: [0, 0, 0], objective: upper),
            sketch.level("lower", [w], start: [0.1, 0.2, 0.3], objective: lower),
        ])
    }

    /// The text with the bytes of memory, which depend on the machine's vectors, left out.
    private func text(_ problem: MultilevelProblem, _ method: MethodConfiguration) -> [String] {
        MethodPlan(problem, method).text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasSuffix(" bytes of memory") ? String(line.prefix { $0 != ";" }) : String(line)
        }
    }

    @Test func theQuadraticIsToldInFull() {
        let expected = """
            lower_gradient: 1 run an iteration, float64
              when x changes: 1 step, 1 operation, 24 bytes
                pass        t1 [1] = -3 * x  (1 operation, 24 bytes)
              every run: 1 step, 2 operations, 32 bytes
                pass        g_y [1] = 2 * (y + t1)  (2 operations, 32 bytes)

            lower_value_and_gradient: at most 1,000 runs an iteration, float64
              when x changes: 1 step, 1 operation, 24 bytes
                pass        t1 [1] = -3 * x  (1 operation, 24 bytes)
              every run: 1 step, 3 operations, 40 bytes
                pass        t2 = y + t1
                            g [1] = t2^2
                            g_y [1] = 2 * t2  (3 operations, 40 bytes)

            lower_value: for certificates, float64
              when x changes: 1 step, 1 operation, 24 bytes
                pass        t1 [1] = -3 * x  (1 operation, 24 bytes)
              every run: 1 step, 2 operations, 24 bytes
                pass        g [1] = (y + t1)^2  (2 operations, 24 bytes)

            hessian_product: at most 100 runs an iteration, float64
              every run: 1 step, 1 operation, 24 bytes
                pass        Hv_y [1] = 2 * v_y  (1 operation, 24 bytes)

            mixed_product: 1 run an iteration, float64
              every run: 1 step, 1 operation, 24 bytes
                pass        Jv_x [1] = -6 * v_y  (1 operation, 24 bytes)

            upper_value_and_gradients: 1 run an iteration, float64
              when x changes: 1 step, 2 operations, 24 bytes
                pass        t1 = 0.5 * x^2  (2 operations, 24 bytes)
              every run: 1 step, 4 operations, 48 bytes
                pass        f_y [1] = y - 6
                            f = 0.5 * f_y^2 + t1  (4 operations, 48 bytes)

            upper_value: for certificates, float64
              when x changes: 1 step, 2 operations, 24 bytes
                pass        t1 = 0.5 * x^2  (2 operations, 24 bytes)
              every run: 1 step, 4 operations, 40 bytes
                pass        f = 0.5 * (y - 6)^2 + t1  (4 operations, 40 bytes)

            an iteration, at the most: 4,110 operations, 66,552 bytes

            """
        #expect(text(Fixtures.quadratic(start: 0), .aid()).joined(separator: "\n") == expected)
    }

    /// XᵀX once, exp(λ) when λ changes, and two steps for each product.
    @Test func aHessianProductOfRidgeRegression() throws {
        let lines = text(try ridge(batch: 8), .aid())
        let start = try #require(lines.firstIndex { $0.hasPrefix("hessian_product") })
        #expect(
            lines[start..<(start + 8)] == [
                "hessian_product: at most 100 runs an iteration, float64",
                "  once: 1 step, 720 operations, 1,992 bytes",
                "    gemm        t1 [3, 3] = X.T @ X  (720 operations, 1,992 bytes)",
                "  when x changes: 1 step, 3 operations, 48 bytes",
                "    pass        t2 [3, 1] = exp(lambda)  (3 operations, 48 bytes)",
                "  every run: 2 steps, 30 operations, 232 bytes",
                "    gemv        t3 [3, 1] = t1 @ v_w  (18 operations, 120 bytes)",
                "    pass        Hv_w [3, 1] = 2 * (t2 * v_w) + 0.05 * t3  (12 operations, 112 bytes)",
            ])
        // A sign is no step of its own, nor an array.
        #expect(lines.contains("    pass        t3 [train, 1] = t2 - y  (40 operations, 960 bytes)"), "\(lines)")
    }

    /// But for what the weight of a batch alone decides.
    @Test func anIterationOfSOBAIsOneStage() throws {
        let plan = MethodPlan(try ridge(batch: 8), .soba())
        let program = try #require(plan.programs.first)
        #expect(program.name == "soba_iteration" && program.outputs == ["next_w", "next_v_w", "next_lambda"])
        #expect(program.plan.cost.operations == program.plan.everyRunCost.operations + 1)
        #expect(plan.iterationCost == program.plan.cost)
        #expect(plan.programs.dropFirst().allSatisfy { $0.runs == 0 })
        let listing = PlanListing(program.plan, outputs: program.outputs)
        #expect(listing.stages.map(\.occasion) == ["when weight changes", "every run"])
        // The two products with a batch of X read it once.
        let pair = try #require(listing.stages[1].steps.first { $0.kernel == "gemv pair" })
        #expect(pair.lines.count == 2 && pair.lines[0].hasSuffix(" = X @ w") && pair.lines[1].hasSuffix(" = X @ v_w"))
    }

    /// Runs times the cost of a run, the linearisation point once for all products.
    @Test func anIterationCostsItsRuns() throws {
        let plan = MethodPlan(try ridge(batch: 8), .aid())
        let hessian = try #require(plan.programs.first { $0.name == "hessian_product" })
        #expect(hessian.runs == 100 && hessian.points == 1)
        #expect(hessian.iterationCost.operations == 33 + 99 * 30)
        #expect(plan.iterationCost.operations == plan.programs.reduce(0) { $0 + $1.iterationCost.operations })
        #expect(plan.programs.map(\.name).contains("upper_value"))
    }
}
