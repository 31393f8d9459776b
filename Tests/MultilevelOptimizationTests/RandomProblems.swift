// Random smooth problems with a strongly convex lower level, with data on sample axes; every seed another problem.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors

/// A problem in the making.
struct ProblemSketch {
    var graph = Graph()
    var data: [DataArray] = []
    var axes: [SampleAxis] = []
    private var stream: RandomStream

    init(seed: UInt64) { stream = RandomStream(seed: seed, stream: "random problem") }

    /// Independent normal entries divided by √columns.
    mutating func matrix(_ rows: Int, _ columns: Int) -> [Double] {
        (0..<(rows * columns)).map { _ in stream.normal() / Double(columns).squareRoot() }
    }

    mutating func addAxis(_ name: String, rows: Int, batch: Int) -> SampleAxis {
        let id = graph.addAxis(name: name, rows: rows)
        let expansion = graph.addInput("expansion of \(name)", shape: .scalar, role: .value)
        let axis = SampleAxis(name: name, id: id, rows: rows, batch: batch, expansion: expansion)
        axes.append(axis)
        return axis
    }

    /// A data matrix, with the rows of `axis` where there is one.
    mutating func addData(_ name: String, _ rows: Int, _ columns: Int, _ values: [Double], axis: SampleAxis? = nil)
        throws -> NodeID
    {
        let shape = Shape([axis.map { .axis($0.id) } ?? .size(rows), .size(columns)])
        let node = graph.addInput(name, shape: shape, role: .data)
        data.append(
            DataArray(name: name, node: node, value: .dense(try Tensor(shape: [rows, columns], values: values))))
        return node
    }

    mutating func addVariable(_ name: String, _ shape: [Int]) -> Variable {
        Variable(name: name, shape: shape, node: graph.addInput(name, shape: Shape(sizes: shape), role: .value))
    }

    /// The mean over the rows of a column [axis, 1].
    mutating func mean(_ column: NodeID, over axis: SampleAxis) -> NodeID {
        let total = graph.scale(1 / Double(axis.rows), graph.sum(column))
        return graph.multiply(axis.expansion, total)
    }

    func level(
        _ name: String, _ variables: [Variable], start: [Double], objective: NodeID, sense: Sense = .minimize,
        constraint: ConvexSet = .whole
    ) -> Level {
        Level(
            name: name, variables: variables, sense: sense, objective: objective, constraint: constraint,
            start: start, samplingFault: nil)
    }

    func problem(_ levels: [Level]) -> MultilevelProblem {
        MultilevelProblem(graph: graph, levels: levels, data: data, axes: axes)
    }
}

/// Sizes of a random problem.
struct RandomProblem: CustomStringConvertible {
    let seed: UInt64
    let upper: Int
    let lower: Int
    var rows = (lower: 10, upper: 7)
    var batch = (lower: 3, upper: 2)

    var description: String { "seed \(seed), \(upper) upper, \(lower) lower" }

    /// 1 to 6 upper and 1 to 8 lower variables.
    static let all = (1...12).map { RandomProblem(seed: UInt64($0), upper: 1 + $0 % 6, lower: 1 + ($0 * 3) % 8) }

    /// g = ½yᵀ(I + MMᵀ)y − yᵀBx + mean softplus(Zy + Wx) + ½ exp(tanh x₀)·mean(y²);
    /// f = ½ mean (Vy − t)² + ⅕‖x‖² + ⅕ Σ sin(Cx) + ⅒ Σ tanh y.
    func build(constraint: ConvexSet = .whole) throws -> MultilevelProblem {
        var sketch = ProblemSketch(seed: seed)
        let x = sketch.addVariable("x", [upper, 1])
        let y = sketch.addVariable("y", [lower, 1])
        let g = try lowerObjective(&sketch, y.node, x.node)
        let f = try upperObjective(&sketch, y.node, x.node)
        return sketch.problem([
            sketch.level("x", [x], start: sketch.matrix(upper, 1), objective: f, constraint: constraint),
            sketch.level("y", [y], start: sketch.matrix(lower, 1), objective: g),
        ])
    }

    private func lowerObjective(_ sketch: inout ProblemSketch, _ y: NodeID, _ x: NodeID) throws -> NodeID {
        let train = sketch.addAxis("train", rows: rows.lower, batch: batch.lower)
        let m = try sketch.addData("M", lower, lower, sketch.matrix(lower, lower))
        let b = try sketch.addData("B", lower, upper, sketch.matrix(lower, upper))
        let z = try sketch.addData("Z", rows.lower, lower, sketch.matrix(rows.lower, lower), axis: train)
        let w = try sketch.addData("W", rows.lower, upper, sketch.matrix(rows.lower, upper), axis: train)
        let squares = sketch.graph.add(
            sketch.graph.halfSquare(y), sketch.graph.halfSquare(sketch.graph.matmul(m, y, transposeA: true)))
        let coupling = sketch.graph.dot(y, sketch.graph.matmul(b, x))
        let scores = sketch.graph.add(sketch.graph.matmul(z, y), sketch.graph.matmul(w, x))
        let loss = sketch.mean(sketch.graph.unary(.softplus, scores), over: train)
        let first = sketch.graph.slice(x, [SliceRange(start: 0, step: 1, count: .size(1)), .all(.size(1))])
        let weight = sketch.graph.unary(
            .exp, sketch.graph.unary(.tanh, sketch.graph.reshape(first, to: .scalar)))
        let penalty = sketch.graph.multiply(
            weight, sketch.graph.scale(1 / Double(lower), sketch.graph.halfSquare(y)))
        let smooth = sketch.graph.add(sketch.graph.subtract(squares, coupling), loss)
        return sketch.graph.add(smooth, penalty)
    }

    private func upperObjective(_ sketch: inout ProblemSketch, _ y: NodeID, _ x: NodeID) throws -> NodeID {
        let validation = sketch.addAxis("validation", rows: rows.upper, batch: batch.upper)
        let v = try sketch.addData("V", rows.upper, lower, sketch.matrix(rows.upper, lower), axis: validation)
        let t = try sketch.addData("t", rows.upper, 1, sketch.matrix(rows.upper, 1), axis: validation)
        let c = try sketch.addData("C", 3, upper, sketch.matrix(3, upper))
        let residual = sketch.graph.subtract(sketch.graph.matmul(v, y), t)
        let fit = sketch.graph.scale(0.5, sketch.mean(sketch.graph.unary(.square, residual), over: validation))
        let size = sketch.graph.scale(0.4, sketch.graph.halfSquare(x))
        let waves = sketch.graph.scale(0.2, sketch.graph.sum(sketch.graph.unary(.sin, sketch.graph.matmul(c, x))))
        let bend = sketch.graph.scale(0.1, sketch.graph.sum(sketch.graph.unary(.tanh, y)))
        return sketch.graph.add(sketch.graph.add(fit, size), sketch.graph.add(waves, bend))
    }
}

extension Graph {
    /// ½‖a‖².
    mutating func halfSquare(_ a: NodeID) -> NodeID { scale(0.5, sum(unary(.square, a))) }
}

extension MultilevelProblem {
    /// The same problem from other starting points.
    func starting(at x: [Double]? = nil, lower y: [Double]? = nil) -> MultilevelProblem {
        var starts = levels.map(\.start)
        if let x { starts[0] = x }
        if let y { starts[1] = y }
        let moved = zip(levels, starts).map { level, start in
            Level(
                name: level.name, variables: level.variables, sense: level.sense, objective: level.objective,
                constraint: level.constraint, start: start, samplingFault: level.samplingFault)
        }
        return MultilevelProblem(graph: graph, levels: moved, data: data, axes: axes)
    }
}
