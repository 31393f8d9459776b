// One outer iteration of the workloads with implicit differentiation: T gradient steps, K steps of a linear solver, the
// hypergradient. The recurrences are those of the peers, so that iterates can be compared digit by digit.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors

/// How the linear system (η H) v = ∇_y f is treated.
enum AdjointSolver {
    /// K steps of conjugate gradients from 0.
    case conjugateGradients
    /// K steps v ← v − η H v + ∇_y f from 0.
    case fixedPoint
}

/// The outer iteration of W2 (full batch), W3 and W4 over the oracle of a problem.
struct OuterIteration {
    let innerSteps: Int
    let adjointSteps: Int
    let eta: Double
    let upperStep: Double
    let solver: AdjointSolver
    let oracle: BilevelOracle
    var x: [Double]
    var y: [Double]

    /// What an iteration found.
    struct Outcome {
        let upperValue: Double
        let hypergradient: [Double]
    }

    init(
        _ problem: MultilevelProblem, innerSteps: Int, adjointSteps: Int, eta: Double, upperStep: Double,
        solver: AdjointSolver
    ) {
        self.innerSteps = innerSteps
        self.adjointSteps = adjointSteps
        self.eta = eta
        self.upperStep = upperStep
        self.solver = solver
        oracle = BilevelOracle(problem)
        x = problem.upper.start
        y = problem.lower.start
    }

    /// The iteration at the present x; y moves, x does not.
    mutating func run() -> Outcome {
        oracle.setUpper(x)
        oracle.beginSteps(at: y)
        var gradient = y
        for _ in 0..<innerSteps {
            oracle.setLower(y)
            oracle.stepGradient(into: &gradient)
            VectorMath.add(-eta, gradient, to: &y)
        }
        oracle.setLower(y)
        var direct = x
        let value = oracle.upperGradients(y: &gradient, x: &direct)
        let v: [Double]
        switch solver {
        case .conjugateGradients: v = conjugateGradients(gradient)
        case .fixedPoint: v = fixedPoint(gradient)
        }
        var hypergradient = x
        oracle.mixedProduct(v, into: &hypergradient)
        VectorMath.scale(-eta, &hypergradient)
        return Outcome(upperValue: value, hypergradient: hypergradient)
    }

    /// x ← x − upper step · hypergradient.
    mutating func move(along outcome: Outcome) { VectorMath.add(-upperStep, outcome.hypergradient, to: &x) }

    private func fixedPoint(_ b: [Double]) -> [Double] {
        var v = [Double](repeating: 0, count: b.count)
        var product = b
        for _ in 0..<adjointSteps {
            oracle.hessianProduct(v, into: &product)
            VectorMath.add(-eta, product, to: &v)
            VectorMath.add(1, b, to: &v)
        }
        return v
    }

    private func conjugateGradients(_ b: [Double]) -> [Double] {
        var v = [Double](repeating: 0, count: b.count)
        var (residual, direction, product) = (b, b, b)
        var square = VectorMath.dot(b, b)
        for _ in 0..<adjointSteps {
            oracle.hessianProduct(direction, into: &product)
            VectorMath.scale(eta, &product)
            let length = square / VectorMath.dot(direction, product)
            VectorMath.add(length, direction, to: &v)
            VectorMath.add(-length, product, to: &residual)
            let next = VectorMath.dot(residual, residual)
            VectorMath.scale(next / square, &direction)
            VectorMath.add(1, residual, to: &direction)
            square = next
        }
        return v
    }
}
