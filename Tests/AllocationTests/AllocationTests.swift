// Nothing is allocated while programs iterate: counted by a `malloc` that stands before the system's.
import CAllocationCounter
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct AllocationTests {
    private func allocations(_ work: () -> Void) -> Int {
        let before = allocation_count()
        work()
        return allocation_count() - before
    }

    @Test func theCounterCounts() {
        var kept: [[Int]] = []
        kept.reserveCapacity(10)
        #expect(allocations {} == 0)
        #expect(allocations { for size in 100..<110 { kept.append([Int](repeating: size, count: size)) } } == 10)
        #expect(kept.count == 10)
    }

    /// g = mean softplus(X w) + Σ exp(λ) w², f = mean (V w)², over batches of two axes.
    private func problem(
        in constraint: ConvexSet = .whole, _ precision: Precision = .float64
    ) throws -> MultilevelProblem {
        var graph = Graph()
        var stream = RandomStream(seed: 5, stream: "allocations")
        var data: [DataArray] = []
        var axes: [SampleAxis] = []
        func matrix(_ name: String, axis: String, rows: Int, batch: Int) throws -> (node: NodeID, axis: SampleAxis) {
            let id = graph.addAxis(name: axis, rows: rows)
            let expansion = graph.addInput("expansion of \(axis)", shape: .scalar, role: .value)
            axes.append(SampleAxis(name: axis, id: id, rows: rows, batch: batch, expansion: expansion))
            let node = graph.addInput(name, shape: [.axis(id), .size(6)], role: .data)
            let values = (0..<rows * 6).map { _ in stream.normal() }
            let tensor = try Tensor(shape: [rows, 6], values: values)
            data.append(DataArray(name: name, node: node, value: .dense(tensor)))
            return (node, axes[axes.count - 1])
        }
        let train = try matrix("X", axis: "train", rows: 50, batch: 8)
        let validation = try matrix("V", axis: "validation", rows: 30, batch: 7)
        func variable(_ name: String) -> Variable {
            let node = graph.addInput(name, shape: Shape(sizes: [6, 1]), role: .value)
            return Variable(name: name, shape: [6, 1], node: node)
        }
        let (penalty, w) = (variable("lambda"), variable("w"))
        func mean(_ values: NodeID, _ axis: SampleAxis) -> NodeID {
            let total = graph.scale(1 / Double(axis.rows), graph.sum(values))
            return graph.multiply(axis.expansion, total)
        }
        let loss = mean(graph.unary(.softplus, graph.matmul(train.node, w.node)), train.axis)
        let ridge = graph.dot(graph.unary(.exp, penalty.node), graph.unary(.square, w.node))
        let lower = graph.add(loss, ridge)
        let upper = mean(graph.unary(.square, graph.matmul(validation.node, w.node)), validation.axis)
        func level(_ name: String, _ variable: Variable, _ objective: NodeID, _ set: ConvexSet = .whole)
            -> Level
        {
            Level(
                name: name, variables: [variable], sense: .minimize, objective: objective, constraint: set,
                start: [Double](repeating: 0.1, count: 6), samplingFault: nil)
        }
        return MultilevelProblem(
            graph: graph, levels: [level("upper", penalty, upper, constraint), level("lower", w, lower)],
            data: data,
            axes: axes, precision: precision)
    }

    /// g = mean (σ(p) (X w)²) + Σ w² with one p for each of fifty rows, f = mean (V w − 1)².
    private func problemOfRows(in constraint: ConvexSet, _ precision: Precision) throws
        -> MultilevelProblem
    {
        let base = try problem()
        var graph = base.graph
        let (train, validation) = (base.axes[0], base.axes[1])
        func mean(_ values: NodeID, _ axis: SampleAxis) -> NodeID {
            graph.multiply(axis.expansion, graph.scale(1 / Double(axis.rows), graph.sum(values)))
        }
        let p = graph.addInput("p", shape: [.axis(train.id), .size(1)], role: .value)
        let w = base.lower.variables[0]
        let residual = graph.unary(.square, graph.matmul(base.data[0].node, w.node))
        let loss = mean(graph.multiply(graph.unary(.sigmoid, p), residual), train)
        let lower = graph.add(loss, graph.sum(graph.unary(.square, w.node)))
        let target = graph.offset(-1, graph.matmul(base.data[1].node, w.node))
        let upper = mean(graph.unary(.square, target), validation)
        let levels = [
            Level(
                name: "upper", variables: [Variable(name: "p", shape: [50, 1], node: p, axis: train.id)],
                sense: .minimize, objective: upper, constraint: constraint,
                start: [Double](repeating: 0.1, count: 50), samplingFault: nil),
            Level(
                name: "lower", variables: [w], sense: .minimize, objective: lower, constraint: .whole,
                start: [Double](repeating: 0.1, count: 6), samplingFault: nil),
        ]
        return MultilevelProblem(
            graph: graph, levels: levels, data: base.data, axes: base.axes, precision: precision)
    }

    private func state(_ upper: Int = 6) -> SOBAState {
        let start = [Double](repeating: 0.1, count: 6)
        return SOBAState(
            x: [Double](repeating: 0.1, count: upper), y: start, v: start, lowerStep: .constant(0.01),
            upperStep: .constant(0.01))
    }

    /// Batches of three sizes, whose code is there after the first round: many iterations allocate what few do.
    private func expectSteady(
        _ problem: MultilevelProblem, iterations: Int = 6000, _ comment: String = ""
    ) {
        func draw(_ start: Int, _ count: Int) -> Draw {
            Draw(start: start, count: count, weight: 5, slot: 0)
        }
        let draws = SOBADraws(
            lower: ["train": .sequence([draw(0, 8), draw(8, 8), draw(48, 2), draw(16, 5)])],
            upper: ["validation": .sequence([draw(0, 7), draw(28, 2), draw(7, 7)])])
        let stepper = SOBAStepper(problem, draws: draws)
        var state = state(problem.upper.dimension)
        stepper.advance(&state, by: 12)
        let short = allocations { stepper.advance(&state, by: 12) }
        let long = allocations { stepper.advance(&state, by: iterations) }
        #expect(short == long, "\(comment)")
        #expect(state.iteration == 24 + iterations && VectorMath.isFinite(state.x), "\(comment)")
    }

    @Test func iterationsOnChangingBatchesAllocateNothing() throws {
        expectSteady(try problem())
    }

    @Test(arguments: [Precision.float64, .float32]) func setsBeyondBoundsAllocateNothing(
        _ precision: Precision
    ) throws {
        let ball = ConvexSet.l1Ball(radius: 0.3)
        let halfspace = try ConvexSet.halfspace([1, 2, 0, 0, 1, 1], atMost: 0.2)
        let line = try AffineSet(matrix: [[1, 1, 1, 1, 1, 1], [1, -1, 0, 0, 0, 0]], rhs: [0.5, 0.1])
        let sets: [ConvexSet] = [
            .simplex(radius: 1), ball, .l2Ball(radius: 0.2), .affine(line), halfspace,
            .spectralBall(rows: 2, columns: 3, radius: 0.1), .rows(width: 3, .simplex(radius: 0.5)),
            .intersection([ball, halfspace, .l2Ball(radius: 0.2)]),
        ]
        for set in sets { expectSteady(try problem(in: set, precision), iterations: 600, "\(set)") }
    }

    @Test(arguments: [Precision.float64, .float32]) func rowsOfVariablesAllocateNothing(
        _ precision: Precision
    ) throws {
        let bounds = [[Double](repeating: -1, count: 50), [Double](repeating: 0.2, count: 50)]
        let sets: [ConvexSet] = [
            .whole, try .box(lower: bounds[0], upper: bounds[1]), .rows(width: 1, .l2Ball(radius: 0.15)),
            .simplex(radius: 4),
        ]
        for set in sets {
            expectSteady(try problemOfRows(in: set, precision), iterations: 600, "\(set)")
        }
    }

    /// The engine of the other methods, whose full passes and epochs lie outside.
    @Test(arguments: [StochasticPreset.saba, .maSOBA, .fsla, .stocbio, .amigo, .bsa, .mrbo, .f2sa])
    func methodsOnBatchesAllocateNothing(_ preset: StochasticPreset) throws {
        func draw(_ start: Int, _ count: Int, _ slot: Int) -> Draw {
            Draw(start: start, count: count, weight: 5, slot: slot)
        }
        let draws = SOBADraws(
            lower: ["train": .sequence([draw(0, 8, 0), draw(8, 8, 1), draw(48, 2, 2)])],
            upper: ["validation": .sequence([draw(0, 7, 0), draw(28, 2, 1)])])
        let problem = try problem()
        var axes = preset.defaults
        axes.lowerStep = .given(.constant(0.01))
        axes.linearStep = .given(.constant(0.01))
        axes.upperStep = .given(.constant(0.01))
        let stepper = StochasticStepper(
            problem, axes, seed: 1, given: draws, full: BilevelOracle(problem))
        var state = stepper.start(x: problem.upper.start, y: problem.lower.start)
        stepper.advance(&state, by: 12)
        let short = allocations { stepper.advance(&state, by: 12) }
        let long = allocations { stepper.advance(&state, by: 600) }
        #expect(short == long)
        #expect(state.iteration == 624)
    }

    /// Shuffled epochs: only the beginning of one may allocate, for its order.
    @Test func epochsAllocateTheirOrderAlone() throws {
        let problem = try problem()
        let draws = SOBADraws.seeded(problem, seed: 3)
        let stepper = SOBAStepper(problem, draws: draws)
        var state = state()
        stepper.advance(&state, by: 210)
        let once = allocations { stepper.advance(&state, by: 1) }
        let count = allocations { stepper.advance(&state, by: 3500) }
        // 500 epochs of 7 batches and 700 of 5; a name, its key and the permutation each.
        #expect(count <= once + 1200 * 8)
    }

    @Test func productsAndGradientsAllocateNothing() throws {
        let oracle = BilevelOracle(try problem())
        var vectors = [[Double](repeating: 0.5, count: 6), [Double](repeating: -1, count: 6)]
        var product = vectors[0]
        var mixed = vectors[0]
        func round(_ index: Int) {
            oracle.hessianProduct(vectors[index % 2], into: &product)
            oracle.mixedProduct(vectors[index % 2], into: &mixed)
            oracle.adjointProducts(vectors[index % 2], hessian: &product, mixed: &mixed)
            vectors[index % 2][0] += 1e-3
            oracle.setLower(vectors[index % 2])
            oracle.lowerGradient(into: &product)
            _ = oracle.lowerValueAndGradient(into: &product)
            _ = oracle.upperGradients(y: &product, x: &mixed)
        }
        for index in 0..<4 { round(index) }
        #expect(allocations { for index in 0..<2000 { round(index) } } == 0)
        #expect(VectorMath.isFinite(product))
    }
}
