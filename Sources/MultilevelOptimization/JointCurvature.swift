// The largest curvatures of both objectives from differences of gradients, for methods that form no Hessians.
import Tensors

import func Glibc.pow

/// The largest |eigenvalues| of the Hessians of f and g, by power iterations on differences of gradients.
package struct JointCurvature: Sendable, Equatable {
    /// The variables whose curvature is measured.
    package enum Variables: Sendable, Equatable {
        case lower
        /// Those of both levels, as methods see them that move both along one direction.
        case both
    }

    package let upperObjective: Double
    package let lowerObjective: Double

    /// Power iterations on each objective, each two gradients.
    static let iterations = 12
    /// For what so few iterations miss of the largest eigenvalue.
    private static let margin = 1.1

    /// Measures at the oracle's upper point and `y`.
    ///
    /// - Parameter seed: of the random start vectors.
    init(_ oracle: BilevelOracle, x: [Double], y: [Double], _ variables: Variables, seed: UInt64) {
        var probe = CurvatureProbe(oracle: oracle, x: x, y: y, variables: variables)
        var stream = RandomStream(seed: seed, stream: "joint curvature")
        upperObjective = probe.largest(.upper, &stream)
        lowerObjective = probe.largest(.lower, &stream)
        oracle.setUpper(x)
    }

    /// 1 over the lower objective's curvature.
    package var lowerStep: Double? { Self.step(lowerObjective) }

    /// 1 over the larger curvature: a step that is stable on either objective; `nil` where neither is curved.
    package var step: Double? { Self.step(max(upperObjective, lowerObjective)) }

    private static func step(_ curvature: Double) -> Double? {
        curvature > 0 && curvature.isFinite ? 1 / (margin * curvature) : nil
    }
}

/// Differences of joint gradients at one point.
private struct CurvatureProbe {
    enum Objective { case upper, lower }

    let oracle: BilevelOracle
    let x: [Double]
    let y: [Double]
    let variables: JointCurvature.Variables

    /// [∇_y, ∇_x] at (y, x) + t · direction.
    private func gradient(_ objective: Objective, _ direction: [Double], _ t: Double) -> [Double] {
        var (pointY, pointX) = (y, x)
        VectorMath.add(t, Array(direction[..<y.count]), to: &pointY)
        if variables == .both { VectorMath.add(t, Array(direction[y.count...]), to: &pointX) }
        oracle.setUpper(pointX)
        oracle.setLower(pointY)
        var (partY, partX) = (y, x)
        switch objective {
        case .upper: _ = oracle.upperGradients(y: &partY, x: &partX)
        case .lower:
            oracle.lowerGradient(into: &partY)
            if variables == .both { oracle.lowerGradientX(into: &partX) }
        }
        return variables == .both ? partY + partX : partY
    }

    /// ‖Hv‖ after some iterations v ← Hv/‖Hv‖; 0 where it vanishes.
    mutating func largest(_ objective: Objective, _ stream: inout RandomStream) -> Double {
        let count = y.count + (variables == .both ? x.count : 0)
        var direction = (0..<count).map { _ in stream.normal() }
        let scale = max(1, VectorMath.maxNorm(y), VectorMath.maxNorm(x))
        let radius = pow(oracle.precision.epsilon, 1.0 / 3) * scale
        var result = 0.0
        for _ in 0..<JointCurvature.iterations {
            let size = VectorMath.norm(direction)
            guard size > 0, size.isFinite else { return 0 }
            VectorMath.scale(1 / size, &direction)
            var product = gradient(objective, direction, radius)
            VectorMath.add(-1, gradient(objective, direction, -radius), to: &product)
            VectorMath.scale(0.5 / radius, &product)
            result = VectorMath.norm(product)
            direction = product
        }
        return result.isFinite ? result : 0
    }
}
