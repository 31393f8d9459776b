// Pairs (s, Hs) of conjugate gradients, kept as a preconditioner of the next system with nearly the same matrix.
// Morales & Nocedal, SIAM J. Optim. 2000; the two-loop recursion of L-BFGS: Nocedal 1980.
import Tensors

/// The last few directions of conjugate gradients with their images: an approximation of H⁻¹, positive definite always.
package struct CurvaturePairs: Sendable, Equatable {
    /// Oldest first.
    package private(set) var steps: [[Double]] = []
    package private(set) var images: [[Double]] = []
    /// Pairs that are kept.
    private static let most = 24
    /// Numbers that all of them may take, beyond four pairs.
    private static let room = 1 << 22

    package init() {}

    /// As written out.
    package init?(steps: [[Double]], images: [[Double]]) {
        guard steps.count == images.count else { return nil }
        self.steps = steps
        self.images = images
    }

    /// How many pairs of [dimension] vectors are kept.
    package static func capacity(dimension: Int) -> Int {
        min(most, max(4, room / max(2 * dimension, 1)))
    }

    /// Adds a pair, the oldest making room, unless its curvature is not safely positive.
    package mutating func append(_ step: [Double], image: [Double]) {
        let curvature = VectorMath.dot(step, image)
        let bound = Double.ulpOfOne * VectorMath.norm(step) * VectorMath.norm(image)
        guard curvature > bound, curvature.isFinite else { return }
        if steps.count >= Self.capacity(dimension: step.count) {
            steps.removeFirst()
            images.removeFirst()
        }
        steps.append(step)
        images.append(image)
    }

    /// M r, by 4 · pairs · n multiplications; r itself without pairs.
    package func apply(_ residual: [Double]) -> [Double] {
        var result = residual
        var coefficients = [Double](repeating: 0, count: steps.count)
        for index in steps.indices.reversed() {
            let coefficient = VectorMath.dot(steps[index], result) / VectorMath.dot(steps[index], images[index])
            VectorMath.add(-coefficient, images[index], to: &result)
            coefficients[index] = coefficient
        }
        if let step = steps.last, let image = images.last {
            VectorMath.scale(VectorMath.dot(step, image) / VectorMath.dot(image, image), &result)
        }
        for index in steps.indices {
            let correction =
                coefficients[index] - VectorMath.dot(images[index], result)
                / VectorMath.dot(steps[index], images[index])
            VectorMath.add(correction, steps[index], to: &result)
        }
        return result
    }
}
