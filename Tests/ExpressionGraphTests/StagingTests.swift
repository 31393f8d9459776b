// What a run computes: all that depends on a slot written since the last run, and nothing else.
import ExpressionGraph
import Tensors
import Testing

@Suite struct StagingTests {
    private func inputs(_ graph: inout Graph, _ names: [String], _ shape: Shape) -> [NodeID] {
        names.map { graph.addInput($0, shape: shape, role: .value) }
    }

    /// sin(a), sin(b), sin(c) and their pairs: of 3 slots, every set of one and two.
    @Test func onlyDependentsOfWrittenSlotsRun() {
        var graph = Graph()
        let x = inputs(&graph, ["a", "b", "c"], [.size(5)])
        let sines = x.map { graph.unary(.sin, $0) }
        let products = [(0, 1), (0, 2), (1, 2)].map { graph.multiply(sines[$0.0], sines[$0.1]) }
        let program = Program(graph, outputs: products, slots: x.map { .steady("slot", [$0]) })
        #expect(program.plan.violations() == [])
        #expect(program.instructionCounts == [1, 1, 1, 1, 1, 1])
        for (index, input) in x.enumerated() { program.write([Double](repeating: Double(index), count: 5), to: input) }
        func executed(after writes: () -> Void) -> Int {
            let before = program.executedInstructions
            writes()
            program.run()
            return program.executedInstructions - before
        }
        #expect(executed {} == 6)
        #expect(executed {} == 0)
        for input in x { #expect(executed { program.write([1, 2, 3, 4, 5], to: input) } == 3) }
        #expect(executed { for input in x.prefix(2) { program.write([1, 2, 3, 4, 5], to: input) } } == 5)
        #expect(program.results[0] == program.results[2])
    }

    /// What is written every run is computed in one pass, however it depends on the rest.
    @Test func whatRunsEveryTimeIsOneStage() {
        var graph = Graph()
        let x = inputs(&graph, ["a", "b", "v"], [.size(5)])
        let slow = x.prefix(2).map { graph.unary(.exp, $0) }
        let fast = graph.add(
            graph.multiply(slow[0], x[2]), graph.add(graph.multiply(slow[1], x[2]), graph.unary(.sin, x[2])))
        let steady: [InputSlot] = [.steady("a", [x[0]]), .steady("b", [x[1]])]
        #expect(
            Program(graph, outputs: [fast], slots: steady + [.everyRun("v", [x[2]])]).instructionCounts == [1, 1, 1])
        #expect(Program(graph, outputs: [fast], slots: steady + [.steady("v", [x[2]])]).instructionCounts.count == 6)
    }

    /// Hessian-vector products of logistic regression with exp(λ) as penalty: at one point, only the tangent's part.
    @Test func aHessianProductAtTheSamePointCostsTheTangentPart() {
        var graph = Graph()
        let data = graph.addInput("X", shape: Shape(sizes: [40, 60]), role: .data)
        let labels = graph.addInput("t", shape: Shape(sizes: [40, 1]), role: .data)
        let penalty = graph.addInput("lambda", shape: Shape(sizes: [60, 1]), role: .value)
        let w = graph.addInput("w", shape: Shape(sizes: [60, 1]), role: .value)
        let v = graph.addInput("v", shape: Shape(sizes: [60, 1]), role: .value)
        let scores = graph.matmul(data, w)
        let losses = graph.subtract(graph.unary(.softplus, scores), graph.multiply(labels, scores))
        let ridge = graph.dot(graph.unary(.exp, penalty), graph.unary(.square, w))
        let objective = graph.add(graph.sum(losses), ridge)
        let product = graph.linearize(graph.gradient(of: objective, at: [w]), along: [w: v])
        let program = Program(
            graph, outputs: product,
            slots: [.steady("lambda", [penalty]), .steady("w", [w]), .everyRun("v", [v])])
        // exp(λ); X w and σ'(X w); X v, times σ', Xᵀ(…), plus the penalty's part.
        #expect(program.instructionCounts == [1, 2, 4])
        var random = SplitMix(1)
        program.bind(data, to: AlignedBuffer(random.array([40, 60]).values))
        program.bind(labels, to: AlignedBuffer(random.array([40, 1], in: 0...1).values))
        for input in [penalty, w, v] { program.write(random.array([60, 1]).values, to: input) }
        program.run()
        let first = program.executedInstructions
        #expect(first == 7)
        for step in 1...10 {
            program.write(random.array([60, 1]).values, to: v)
            program.run()
            #expect(program.executedInstructions == first + 4 * step)
        }
        program.write(random.array([60, 1]).values, to: penalty)
        program.run()
        #expect(program.executedInstructions == first + 4 * 11 + 1)
    }

    /// A batch of another size makes all stale; one of the same size, the stages that its data are of.
    @Test func aBatchOfAnotherSizeComputesEverything() {
        var graph = Graph()
        let axis = graph.addAxis(name: "rows", rows: 10)
        let data = graph.addInput("d", shape: [.axis(axis)], role: .data)
        let x = graph.addInput("x", shape: .scalar, role: .value)
        let outputs = [graph.unary(.exp, x), graph.sum(graph.unary(.sin, data))]
        let slots: [InputSlot] = [.steady("x", [x]), .everyRun("rows", [data])]
        let program = Program(graph, outputs: outputs, slots: slots, batchRows: [axis: 4])
        program.bind(data, to: AlignedBuffer([Double](repeating: 1, count: 10)))
        program.write(2, to: x)
        program.run()
        #expect(program.executedInstructions == 2)
        program.selectRows(of: axis, start: 4, count: 4)
        program.run()
        #expect(program.executedInstructions == 3)
        program.selectRows(of: axis, start: 8, count: 2)
        program.run()
        #expect(program.executedInstructions == 5)
    }

    // MARK: - Memory

    /// f(exp(x)) over long arrays, with `count` elementary steps that cannot be fused.
    private func chain(_ count: Int) -> (graph: Graph, output: NodeID) {
        var graph = Graph()
        var node = graph.addInput("x", shape: [.size(1000)], role: .value)
        for _ in 0..<count { node = graph.unary(.sin, node) }
        let total = graph.sum(node)
        return (graph, total)
    }

    /// Passes of a chain write over what they read: one array, however long the chain.
    @Test func passesOverwriteWhatTheyRead() {
        let options = CompilationOptions(fuses: false)
        let sizes = [2, 3, 40].map { count in
            let (graph, output) = chain(count)
            let plan = ProgramPlan(graph, outputs: [output], options: options)
            #expect(plan.violations() == [])
            return plan.memoryBytes
        }
        #expect(sizes[0] == sizes[1] && sizes[1] == sizes[2])
    }

    /// Stages use the memory of what passes within them in turn.
    @Test func stagesShareWhatPasses() {
        var graph = Graph()
        let x = inputs(&graph, (0..<10).map { "x\($0)" }, [.size(100_000)])
        let outputs = x.map { node in graph.sum(graph.cumulativeSum(graph.unary(.sin, node), axis: 0)) }
        let single = ProgramPlan(graph, outputs: outputs, slots: [.steady("all", x)])
        let many = ProgramPlan(graph, outputs: outputs, slots: x.map { .steady("one", [$0]) })
        #expect(many.violations() == [] && single.violations() == [])
        #expect(many.memoryBytes < 8 * 100_000 * 13)
    }

    /// A value moved over another that lives as long, or that outlives runs, is found.
    @Test func misplacedValuesAreFound() throws {
        var graph = Graph()
        let x = inputs(&graph, ["a", "b"], [.size(50)])
        let slow = graph.unary(.sin, x[0])
        let total = graph.sum(graph.cumulativeSum(graph.multiply(slow, x[1]), axis: 0))
        let plan = ProgramPlan(graph, outputs: [total], slots: [.steady("a", [x[0]]), .steady("b", [x[1]])])
        #expect(plan.violations() == [])
        let passing = try #require(
            plan.graph.reachable(from: plan.outputs).first { plan.graph.operation($0) == .binary(.multiply) })
        #expect(plan.violations(placing: passing, at: slow) == [.lostValue(slow, stage: 1, step: 0)])
        #expect(!plan.violations(placing: passing, at: x[0]).isEmpty)
        #expect(!plan.violations(placing: slow, at: x[1]).isEmpty)
    }
}
