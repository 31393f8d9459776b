// The verifiers find every kind of breach; a legal graph and a legal plan pass.
import ExpressionGraph
import Tensors
import Testing

@Suite struct GraphVerifierTests {
    private static let three: Shape = [.size(3)]
    private static let matrix = Shape(sizes: [2, 3])

    /// One node after a vector [3], a matrix [2, 3], an index vector [4] and a vector along a sample axis.
    private func violations(
        _ operation: Operation, _ operands: [Int], _ shape: Shape
    ) -> [GraphViolation] {
        let axis = Dimension.axis(AxisID(index: 0))
        let shapes: [Shape] = [Self.three, Self.matrix, [.size(4)], [axis]]
        let symbols = shapes.map { Symbol(name: "x", role: .value, shape: $0) }
        var nodes = shapes.enumerated().map {
            Node(operation: .input(SymbolID(index: $0.offset)), operands: [], shape: $0.element)
        }
        nodes.append(Node(operation: operation, operands: operands.map(NodeID.init(index:)), shape: shape))
        let axes = [SampleAxisInfo(name: "train", rows: 6)]
        return GraphVerifier(nodes: nodes, symbols: symbols, axes: axes).violations()
    }

    private let id = NodeID(index: 4)
    private let axis = Dimension.axis(AxisID(index: 0))

    @Test func legalNodesPass() {
        #expect(violations(.unary(.exp), [0], Self.three).isEmpty)
        #expect(violations(.matmul(transposeA: false, transposeB: true), [1, 1], Shape(sizes: [2, 2])).isEmpty)
        #expect(violations(.take(axis: 1), [1, 2], Shape(sizes: [2, 4])).isEmpty)
        #expect(violations(.takeAdd(axis: 0), [2, 2], [.size(9)]).isEmpty)
        #expect(violations(.slice([SliceRange(start: 5, step: -1, count: .size(6))]), [3], [.size(6)]).isEmpty)
        #expect(violations(.concatenate(axis: 0), [1, 1], Shape(sizes: [4, 3])).isEmpty)
    }

    @Test func operandsComeFirst() {
        #expect(violations(.unary(.exp), [4], Self.three) == [.operandOrder(id, operand: id)])
        let later = NodeID(index: 9)
        #expect(violations(.unary(.exp), [9], Self.three) == [.operandOrder(id, operand: later)])
    }

    @Test func operandsAreCounted() {
        #expect(violations(.unary(.exp), [0, 0], Self.three) == [.operandCount(id, expected: 1, actual: 2)])
        #expect(violations(.concatenate(axis: 0), [], Self.three) == [.operandCount(id, expected: 1, actual: 0)])
        #expect(violations(.select, [0, 0], Self.three) == [.operandCount(id, expected: 3, actual: 2)])
    }

    @Test func elementwiseShapesAgree() {
        #expect(violations(.unary(.exp), [1], Self.three) == [.shape(id, expected: Self.matrix, actual: Self.three)])
        #expect(violations(.binary(.add), [0, 1], Self.three).count == 1)
    }

    @Test func shapesFollowTheOperation() {
        #expect(violations(.broadcast, [0], Shape(sizes: [3, 2])) == [.operandShapes(id)])
        #expect(violations(.sumTo, [1], Self.three) == [.operandShapes(id)])
        #expect(violations(.reshape, [1], Shape(sizes: [7])) == [.operandShapes(id)])
        #expect(violations(.reshape, [3], [.size(6)]) == [.operandShapes(id)])
        #expect(violations(.oneHot, [1], Shape(sizes: [2, 3])) == [.operandShapes(id)])
        #expect(violations(.matmul(transposeA: false, transposeB: false), [1, 1], Self.matrix) == [.operandShapes(id)])
        #expect(violations(.concatenate(axis: 0), [1, 0], Self.matrix) == [.operandShapes(id)])
        #expect(violations(.concatenate(axis: 0), [3, 3], [axis]) == [.operandShapes(id)])
        #expect(
            violations(.take(axis: 0), [0, 1], Self.three) == [.shape(id, expected: Self.matrix, actual: Self.three)])
        #expect(violations(.factor(.lu), [1], Self.matrix) == [.operandShapes(id)])
        #expect(violations(.factoredSolve(.lu, transposed: false), [1, 1], Self.matrix) == [.operandShapes(id)])
        #expect(violations(.logDeterminant, [1], .scalar) == [.operandShapes(id)])
        #expect(
            violations(.logSumExp(axis: 1), [1], Self.matrix)
                == [.shape(id, expected: Shape(sizes: [2, 1]), actual: Self.matrix)])
    }

    @Test func namedDimensionsExist() {
        #expect(violations(.softmax(axis: 1), [0], Self.three) == [.axis(id, axis: 1)])
        #expect(violations(.extremum(.maximum, axis: -1), [0], Self.three) == [.axis(id, axis: -1)])
        #expect(violations(.take(axis: 0), [3, 2], [.size(4)]) == [.axis(id, axis: 0)])
        #expect(violations(.transpose([0, 0]), [1], Self.matrix) == [.permutation(id, [0, 0])])
        let unknown = Dimension.axis(AxisID(index: 1))
        #expect(violations(.constant(0), [], [.size(2), unknown]) == [.dimension(id, 1)])
        #expect(violations(.constant(0), [], [.size(-1)]) == [.dimension(id, 0)])
        #expect(violations(.input(SymbolID(index: 7)), [], Self.three) == [.unknownSymbol(id)])
    }

    @Test(arguments: [(0, 1, 4), (1, 1, 3), (-1, 1, 1), (3, 1, 1), (2, -1, 4), (0, 0, 2), (0, Int.max, 3)])
    func rangesStayInside(_ start: Int, _ step: Int, _ count: Int) {
        let range = SliceRange(start: start, step: step, count: .size(count))
        #expect(violations(.slice([range]), [0], [.size(count)]) == [.range(id, dimension: 0)])
    }

    @Test func sampleAxesAreTakenWhole() {
        let range = SliceRange(start: 1, step: 1, count: axis)
        #expect(violations(.slice([range]), [3], [axis]) == [.range(id, dimension: 0)])
        #expect(violations(.slice([]), [0], Self.three).first == .operandShapes(id))
        #expect(
            violations(.pad([SliceRange(start: 0, step: 2, count: .size(3))]), [0], [.size(4)])
                == [.range(id, dimension: 0)])
    }

    @Test func nodesExistOnce() {
        let duplicate = violations(.input(SymbolID(index: 0)), [], Self.three)
        #expect(duplicate == [.duplicate(id, of: NodeID(index: 0))])
    }
}

@Suite struct PlanVerifierTests {
    /// sin(x) · y + sin(x) + s, summed.
    private func fixture() -> (program: Program, plan: BlockPlan) {
        var graph = Graph()
        let x = graph.addInput("x", shape: [.size(9)], role: .value)
        let y = graph.addInput("y", shape: [.size(9)], role: .value)
        let s = graph.addInput("s", shape: .scalar, role: .value)
        let sine = graph.unary(.sin, x)
        let sum = graph.add(graph.multiply(sine, y), sine)
        let shifted = graph.add(sum, graph.broadcast(s, to: [.size(9)]))
        let total = graph.sum(graph.unary(.exp, shifted))
        let program = Program(graph, outputs: [total])
        return (program, program.plan.blockPlans[0])
    }

    @Test func aCompiledPlanIsLegal() {
        let (program, plan) = fixture()
        #expect(plan.steps.map(\.opcode) == [.sin, .fusedMultiplyAdd, .add, .exp, .sum])
        #expect(program.plan.violations() == [])
    }

    @Test func registersAreWrittenBeforeTheyAreRead() {
        var (program, plan) = fixture()
        let sine = plan.steps.removeFirst()
        let found = program.plan.violations(in: plan)
        #expect(found.contains(.unreadable(plan.steps[0].node, sine.destination)))
    }

    @Test func droppedValuesAreFound() {
        var (program, plan) = fixture()
        plan.steps.removeLast()
        #expect(program.plan.violations(in: plan) == [.unused(plan.steps[3].node)])
    }

    @Test func swappedSourcesAreFound() {
        var (program, plan) = fixture()
        plan.steps[1].sources.swapAt(0, 2)
        #expect(!program.plan.violations(in: plan).isEmpty || plan.steps[1].sources[0] == plan.steps[1].sources[2])
        plan.steps[1].sources.swapAt(1, 2)
        let step = plan.steps[1]
        #expect(program.plan.violations(in: plan).contains(.wrongEdges(step.node, .fusedMultiplyAdd, step.sources)))
    }

    @Test func scalarsStayOutOfVectorPlaces() {
        var (program, plan) = fixture()
        guard let index = plan.steps[2].sources.firstIndex(where: { if case .splat = $0 { true } else { false } }),
            case .splat(let scalar) = plan.steps[2].sources[index]
        else {
            Issue.record("the third step reads the scalar")
            return
        }
        plan.steps[2].sources[index] = .memory(scalar)
        #expect(program.plan.violations(in: plan).contains(.elementCount(plan.steps[2].node, .memory(scalar))))
    }

    @Test func accumulatorsAreWrittenOnceByTheRightOpcodes() {
        var (program, plan) = fixture()
        let last = plan.steps[4]
        plan.steps.append(last)
        #expect(program.plan.violations(in: plan).contains(.unwritable(last.node, last.destination)))
        plan.steps[5].opcode = .copy
        #expect(program.plan.violations(in: plan).contains(.unwritable(last.node, last.destination)))
        plan.steps[5].sources = [last.destination]
        #expect(program.plan.violations(in: plan).contains(.unreadable(last.node, last.destination)))
    }

    @Test func operandsAreCounted() {
        var (program, plan) = fixture()
        plan.steps[0].sources.append(plan.steps[0].sources[0])
        #expect(program.plan.violations(in: plan) == [.arity(plan.steps[0].node, .sin)])
    }
}
