// Small problems with known answers, built directly on graphs.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors

/// A two-level problem over one upper and one lower vector, from closures that write the objectives.
func bilevel(
    upper p: Int, lower d: Int, start x: [Double]? = nil, constraint: ConvexSet = .whole,
    f: (inout Graph, _ y: NodeID, _ x: NodeID) -> NodeID, g: (inout Graph, _ y: NodeID, _ x: NodeID) -> NodeID
) -> MultilevelProblem {
    var graph = Graph()
    let xNode = graph.addInput("x", shape: Shape(sizes: [p]), role: .value)
    let yNode = graph.addInput("y", shape: Shape(sizes: [d]), role: .value)
    let upperObjective = f(&graph, yNode, xNode)
    let lowerObjective = g(&graph, yNode, xNode)
    func level(_ name: String, _ node: NodeID, _ count: Int, _ objective: NodeID, _ set: ConvexSet, _ start: [Double])
        -> Level
    {
        Level(
            name: name, variables: [Variable(name: name, shape: [count], node: node)], sense: .minimize,
            objective: objective, constraint: set, start: start, samplingFault: nil)
    }
    return MultilevelProblem(
        graph: graph,
        levels: [
            level("x", xNode, p, upperObjective, constraint, x ?? [Double](repeating: 0, count: p)),
            level("y", yNode, d, lowerObjective, .whole, [Double](repeating: 0, count: d)),
        ], data: [], axes: [])
}

extension Graph {
    /// Σ (a − b)² / 2.
    mutating func halfSquaredDistance(_ a: NodeID, _ b: NodeID) -> NodeID {
        let difference = subtract(a, b)
        return scale(0.5, sum(unary(.square, difference)))
    }

    /// A constant vector as a stack of numbers.
    mutating func vector(_ values: [Double]) -> NodeID {
        concatenate(values.map { constant($0, shape: [.size(1)]) }, axis: 0)
    }
}

enum Fixtures {
    /// P1: lower (y − 3x)², upper ½(y − 6)² + ½x². x* = 9/5, y* = 27/5, F* = 9/5.
    static func quadratic(start: Double) -> MultilevelProblem {
        bilevel(
            upper: 1, lower: 1, start: [start],
            f: { g, y, x in
                let six = g.constant(6, shape: [.size(1)])
                let zero = g.constant(0, shape: [.size(1)])
                return g.add(g.halfSquaredDistance(y, six), g.halfSquaredDistance(x, zero))
            },
            g: { g, y, x in g.scale(2, g.halfSquaredDistance(y, g.scale(3, x))) })
    }

    /// P2: log-ridge. λ* = ln 2, F* = 1/36.
    static func logRidge(start: Double) -> MultilevelProblem {
        bilevel(
            upper: 1, lower: 2, start: [start],
            f: { g, y, _ in g.halfSquaredDistance(y, g.vector([0.5, 0.5])) },
            g: { g, y, x in
                let a = g.vector([1, 2])
                let b = g.vector([1, 2])
                let fit = g.halfSquaredDistance(g.multiply(a, y), b)
                let penalty = g.reshape(g.unary(.exp, x), to: .scalar)
                let size = g.scale(0.5, g.sum(g.unary(.square, y)))
                return g.add(fit, g.multiply(penalty, size))
            })
    }
}

/// Runs to the end.
func solve(
    _ problem: MultilevelProblem, _ configuration: MethodConfiguration, iterations: Int = 1000,
    tolerance: Double? = 1e-11, seed: UInt64 = 1
) -> (start: ProgressPoint, result: RunResult)? {
    guard
        let (run, start) = SolverRun.begin(
            problem, configuration,
            limits: RunLimits(iterations: iterations, hypergradientTolerance: tolerance), seed: seed, stop: { nil })
    else { return nil }
    while true {
        switch run.advance() {
        case .progress, .silent: continue
        case .ended: return (start, run.finish())
        case .suspended: return nil
        }
    }
}

extension MethodConfiguration {
    static func aid(
        lower: LowerSolver = .lbfgs(memory: 10, steps: 1000, tolerance: 1e-12),
        linear: LinearSystemSolver = .conjugateGradients(steps: 100, tolerance: 1e-13), upper: UpperStep = .lineSearch
    ) -> MethodConfiguration {
        MethodConfiguration(
            name: "aid", reason: "test",
            algorithm: .doubleLoop(
                DoubleLoopConfiguration(
                    lower: lower, hypergradient: .implicit(linear), upper: upper, warmStartsLower: true,
                    warmStartsLinear: true)))
    }

    static func itd(
        step: LowerStep, steps: Int, truncation: Int? = nil, upper: UpperStep = .lineSearch
    ) -> MethodConfiguration {
        MethodConfiguration(
            name: "itd", reason: "test",
            algorithm: .doubleLoop(
                DoubleLoopConfiguration(
                    lower: .gradientDescent(step: step, steps: steps, tolerance: nil),
                    hypergradient: .unrolledReverse(truncation: truncation), upper: upper, warmStartsLower: false,
                    warmStartsLinear: false)))
    }
}
