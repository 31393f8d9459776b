// Derivatives held against central differences of what they derive from, at a point near the start.
import ExpressionGraph
import Solvers
import Tensors

/// A measurement, or a sentence that says why it was not made.
package enum Measurement<Value: Sendable & Equatable>: Sendable, Equatable {
    case value(Value)
    case skipped(String)
}

/// One derivative and how far it is from its difference quotient.
package struct DerivativeCheck: Sendable, Equatable {
    /// The largest relative error at which both agree.
    package static let tolerance = 1e-5

    /// What an error says, in a word.
    package enum Verdict: String, Sendable {
        /// Equal, as far as difference quotients can tell.
        case agrees
        case differs
        /// Not a number on one side.
        case undefined
        case skipped
    }

    package let name: String
    /// |difference quotient − derivative| along a random direction, relative to the larger of both and of the
    /// rounding noise that the quotient cannot see through.
    package let relativeError: Measurement<Double>

    package init(name: String, relativeError: Measurement<Double>) {
        self.name = name
        self.relativeError = relativeError
    }

    package var verdict: Verdict {
        switch relativeError {
        case .value(let error): error <= Self.tolerance ? .agrees : error.isFinite ? .differs : .undefined
        case .skipped: .skipped
        }
    }
}

/// Checks every derivative that methods use.
package struct DerivativeChecker {
    private let oracle: BilevelOracle
    private let x: [Double]
    private let y: [Double]
    private let budget: Int
    private var stream: RandomStream

    /// - Parameters:
    ///   - seed: of the point, near the start but not on it, and of the directions.
    ///   - budget: the operations that all checks together may take.
    package init(_ problem: MultilevelProblem, seed: UInt64, budget: Int = .max) {
        oracle = BilevelOracle(problem).reference
        var stream = RandomStream(seed: seed, stream: "derivative check")
        func near(_ start: [Double]) -> [Double] { start.map { $0 + 0.01 * max(1, abs($0)) * stream.normal() } }
        var x = near(problem.upper.start)
        problem.upper.constraint.project(&x)
        self.x = x
        y = problem.isSingleLevel ? [] : near(problem.lower.start)
        self.budget = budget
        self.stream = stream
    }

    /// Operations of the checks so far.
    package var operations: Int { oracle.operations }

    /// The gradients of both objectives, the Hessian-vector product and the mixed product of the lower one.
    package mutating func run() -> [DerivativeCheck] {
        let upper: [OracleProgram] = [.upperValue, .upperValue, .upper]
        var checks = [
            check("upper_gradient", upper, along: x, at: setUpper, value: oracle.upperValue, slope: upperSlopeX)
        ]
        guard !y.isEmpty else { return checks }
        checks.append(
            check(
                "upper_gradient_in_lower", upper, along: y, at: setLower, value: oracle.upperValue, slope: upperSlopeY))
        checks.append(
            check(
                "lower_gradient", [.lowerValue, .lowerValue, .lowerGradient], along: y, at: setLower,
                value: oracle.lowerValue, slope: lowerSlope))
        let (oracle, x, y) = (oracle, x, y)
        checks.append(
            checkProduct("hessian_product", .hessian, moving: y, set: setLower) { direction, other in
                var product = y
                oracle.hessianProduct(direction, into: &product)
                return VectorMath.dot(product, other)
            })
        checks.append(
            checkProduct("mixed_product", .mixed, moving: x, set: setUpper) { direction, other in
                var product = x
                oracle.mixedProduct(other, into: &product)
                return VectorMath.dot(product, direction)
            })
        return checks
    }

    /// Why evaluating these programs would go beyond the budget; `nil` when it does not.
    private func excess(_ programs: [OracleProgram]) -> String? {
        let wanted = programs.reduce(0) { $0.adding(oracle.price($1)) }
        return Self.excess(wanted, of: budget - min(budget, oracle.operations))
    }

    static func excess(_ wanted: Int, of left: Int) -> String? {
        wanted <= left ? nil : "takes \(wanted) operations, more than the \(left) that are left for measurements"
    }

    private func setUpper(_ x: [Double]) {
        oracle.setUpper(x)
        oracle.setLower(y)
    }

    private func setLower(_ y: [Double]) {
        oracle.setUpper(x)
        oracle.setLower(y)
    }

    private func upperSlopeX(_ direction: [Double]) -> Double {
        var gradientY = y
        var gradientX = x
        _ = oracle.upperGradients(y: &gradientY, x: &gradientX)
        return VectorMath.dot(gradientX, direction)
    }

    private func upperSlopeY(_ direction: [Double]) -> Double {
        var gradientY = y
        var gradientX = x
        _ = oracle.upperGradients(y: &gradientY, x: &gradientX)
        return VectorMath.dot(gradientY, direction)
    }

    private func lowerSlope(_ direction: [Double]) -> Double {
        var gradient = y
        oracle.lowerGradient(into: &gradient)
        return VectorMath.dot(gradient, direction)
    }

    /// The cube root of the precision balances truncation and rounding of a central difference.
    private static let step = 6e-6

    private mutating func direction(_ point: [Double]) -> [Double] {
        var direction = point.map { _ in stream.normal() }
        VectorMath.scale(1 / VectorMath.norm(direction), &direction)
        return direction
    }

    private mutating func check(
        _ name: String, _ programs: [OracleProgram], along point: [Double], at set: ([Double]) -> Void,
        value: () -> Double, slope: ([Double]) -> Double
    ) -> DerivativeCheck {
        if let reason = excess(programs) { return DerivativeCheck(name: name, relativeError: .skipped(reason)) }
        let direction = direction(point)
        let size = Self.step * max(1, VectorMath.maxNorm(point))
        let values = [size, -size].map { offset in
            var moved = point
            VectorMath.add(offset, direction, to: &moved)
            set(moved)
            return value()
        }
        set(point)
        let exact = slope(direction)
        let quotient = (values[0] - values[1]) / (2 * size)
        let noise = Double.ulpOfOne * max(abs(values[0]), abs(values[1])) / size / DerivativeCheck.tolerance
        return DerivativeCheck(name: name, relativeError: .value(relative(quotient, exact, noise)))
    }

    /// ⟨∇g(point + ε·direction) − ∇g(point − ε·direction), other⟩ / 2ε against the product.
    private mutating func checkProduct(
        _ name: String, _ program: OracleProgram, moving point: [Double], set: ([Double]) -> Void,
        product: (_ direction: [Double], _ other: [Double]) -> Double
    ) -> DerivativeCheck {
        if let reason = excess([.lowerGradient, .lowerGradient, program]) {
            return DerivativeCheck(name: name, relativeError: .skipped(reason))
        }
        let direction = direction(point)
        let other = self.direction(y)
        let size = Self.step * max(1, VectorMath.maxNorm(point))
        var largest = 0.0
        let slopes = [size, -size].map { offset in
            var moved = point
            var gradient = y
            VectorMath.add(offset, direction, to: &moved)
            set(moved)
            oracle.lowerGradient(into: &gradient)
            largest = max(largest, VectorMath.norm(gradient))
            return VectorMath.dot(gradient, other)
        }
        set(point)
        let exact = product(direction, other)
        let noise = Double.ulpOfOne * largest / size / DerivativeCheck.tolerance
        return DerivativeCheck(
            name: name, relativeError: .value(relative((slopes[0] - slopes[1]) / (2 * size), exact, noise)))
    }

    private func relative(_ quotient: Double, _ exact: Double, _ noise: Double) -> Double {
        let scale = max(abs(quotient), abs(exact), noise)
        return scale == 0 ? 0 : abs(quotient - exact) / scale
    }
}
