// Problems with known answers, shared by the solver tests.

import Glibc
import Solvers

/// The relative distance ‖x − y‖₂ / ‖y‖₂.
func relativeError(_ x: [Double], _ y: [Double]) -> Double {
    let difference = zip(x, y).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / y.reduce(0.0) { $0 + $1 * $1 }).squareRoot()
}

/// The operator of a diagonal matrix.
func diagonalOperator(_ diagonal: [Double]) -> LinearOperator {
    LinearOperator(dimension: diagonal.count) { x, y in
        for i in x.indices { y[i] = diagonal[i] * x[i] }
    }
}

/// The operator of a dense matrix given by rows.
func denseOperator(_ rows: [[Double]]) -> LinearOperator {
    LinearOperator(dimension: rows.count) { x, y in
        for i in rows.indices { y[i] = zip(rows[i], x).reduce(0) { $0 + $1.0 * $1.1 } }
    }
}

/// Problem P6: eigenvalues 1, 25, 50, 75, 100, four times each; the right-hand side is ones.
enum ConditioningProblem {
    static let spectrum: [Double] = (0..<20).map { [1, 25, 50, 75, 100][$0 / 4] }
    static let rhs = [Double](repeating: 1, count: 20)
    static let answer = spectrum.map { 1 / $0 }
    static var matrix: LinearOperator { diagonalOperator(spectrum) }
}

/// Reproducible numbers in [0, 1): the linear congruential generator of Knuth's MMIX.
struct TestNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
    }

    mutating func vector(_ count: Int) -> [Double] { (0..<count).map { _ in 2 * next() - 1 } }
}

/// ½ Σ hᵢ(xᵢ − cᵢ)².
func separableQuadratic(_ curvatures: [Double], center: [Double]) -> SmoothObjective {
    SmoothObjective { x, gradient in
        var value = 0.0
        for i in x.indices {
            gradient[i] = curvatures[i] * (x[i] - center[i])
            value += 0.5 * gradient[i] * (x[i] - center[i])
        }
        return value
    }
}

/// ½xᵀAx − bᵀx for dense symmetric `A`.
func quadratic(_ rows: [[Double]], _ b: [Double]) -> SmoothObjective {
    let matrix = denseOperator(rows)
    return SmoothObjective { x, gradient in
        matrix.apply(x, &gradient)
        var value = 0.0
        for i in x.indices {
            value += x[i] * (0.5 * gradient[i] - b[i])
            gradient[i] -= b[i]
        }
        return value
    }
}

/// Σ 100(x_{2i+1} − x_{2i}²)² + (1 − x_{2i})²; minimum 0 at ones.
var rosenbrock: SmoothObjective {
    SmoothObjective { x, gradient in
        var value = 0.0
        for i in stride(from: 0, to: x.count - 1, by: 2) {
            let (a, b) = (1 - x[i], x[i + 1] - x[i] * x[i])
            value += a * a + 100 * b * b
            gradient[i] = -2 * a - 400 * x[i] * b
            gradient[i + 1] = 200 * b
        }
        return value
    }
}

/// Mean logistic loss of separable-but-for-one data plus ½·10⁻²‖w‖².
func makeLogisticRegression() -> SmoothObjective {
    var numbers = TestNumbers(seed: 7)
    let rows = (0..<40).map { _ in numbers.vector(5) }
    let labels = rows.enumerated().map { $0.offset == 0 || $0.element[0] + 0.5 * $0.element[1] > 0 ? 1.0 : -1.0 }
    return SmoothObjective { w, gradient in
        var value = 0.0
        for j in w.indices {
            gradient[j] = 0.01 * w[j]
            value += 0.005 * w[j] * w[j]
        }
        for (row, label) in zip(rows, labels) {
            let margin = label * zip(row, w).reduce(0) { $0 + $1.0 * $1.1 }
            value += (max(0, -margin) + log1p(exp(-margin.magnitude))) / 40
            for j in w.indices { gradient[j] -= label * row[j] / (1 + exp(margin)) / 40 }
        }
        return value
    }
}

/// NaN everywhere.
var undefinedObjective: SmoothObjective {
    SmoothObjective { _, gradient in
        for i in gradient.indices { gradient[i] = .nan }
        return .nan
    }
}

/// x − log x, NaN for x < 0; minimum 1 at 1.
var barrier: SmoothObjective {
    SmoothObjective { x, gradient in
        gradient[0] = 1 - 1 / x[0]
        return x[0] - log(x[0])
    }
}
