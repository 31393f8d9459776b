// What can be asked of numbers of each precision.
import Tensors

extension Precision {
    /// The hypergradient's norm, relative to max(1, its norm at the start), at which a run has converged by default. In
    /// float32 sums of rounded terms leave gradients uncertain by some 10⁻⁶ of those terms.
    package var defaultTolerance: Double {
        switch self {
        case .float64: 1e-10
        case .float32: 1e-4
        }
    }

    /// The largest default tolerance of inner solves, before they must beat the outer one tenfold.
    package var innerTolerance: Double {
        switch self {
        case .float64: 1e-8
        case .float32: 1e-4
        }
    }

    /// The default residual of linear systems by conjugate gradients, relative to the right-hand side.
    package var krylovTolerance: Double {
        switch self {
        case .float64: 1e-13
        case .float32: 1e-5
        }
    }

    /// The same by fixed-point iteration.
    package var fixedPointTolerance: Double {
        switch self {
        case .float64: 1e-12
        case .float32: 1e-5
        }
    }

    /// The largest of Newton's steps, relative to max(1, ‖y‖), from a lower point that counts as a solution which rounding
    /// alone keeps from its tolerance.
    var displacementLimit: Double {
        switch self {
        case .float64: 1e-3
        case .float32: 3e-2
        }
    }

    /// The relative difference below which two objective values say nothing about which point is better.
    var indistinguishable: Double {
        switch self {
        case .float64: 1e-12
        case .float32: 1e-6
        }
    }
}
