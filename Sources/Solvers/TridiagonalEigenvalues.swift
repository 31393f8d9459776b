// Eigenvalues of symmetric tridiagonal matrices by the implicit QL method. Dubrulle, Martin & Wilkinson 1968
// (imtql2), with only the last row of the eigenvectors.

import func Glibc.hypot

/// The eigenvalues of a symmetric tridiagonal matrix, in no particular order.
struct TridiagonalEigenvalues {
    /// The eigenvalues.
    private(set) var values: [Double]

    /// The last component of the unit eigenvector that belongs to each.
    private(set) var lastComponents: [Double]

    private var offDiagonal: [Double]

    /// Sweeps per eigenvalue; two or three are usual.
    private static let maxSweeps = 60

    /// - Parameters:
    ///   - diagonal: [k], finite.
    ///   - offDiagonal: [k − 1], finite.
    /// - Complexity: O(k²).
    init(diagonal: [Double], offDiagonal: [Double]) {
        values = diagonal
        self.offDiagonal = offDiagonal + [0]
        lastComponents = [Double](repeating: 0, count: diagonal.count)
        if !diagonal.isEmpty { lastComponents[diagonal.count - 1] = 1 }
        for first in values.indices {
            var sweeps = 0
            while let last = blockEnd(from: first), sweeps < Self.maxSweeps {
                sweep(first, last)
                sweeps += 1
            }
        }
    }

    /// The last row coupled to `first`; nil when `first` is decoupled, an eigenvalue.
    private func blockEnd(from first: Int) -> Int? {
        var last = first
        while last < values.count - 1 {
            let scale = values[last].magnitude + values[last + 1].magnitude
            if offDiagonal[last].magnitude <= Double.ulpOfOne * scale { break }
            last += 1
        }
        return last == first ? nil : last
    }

    /// One QL sweep with Wilkinson's shift: rotations from the bottom of the block to its top.
    private mutating func sweep(_ first: Int, _ last: Int) {
        let ratio = (values[first + 1] - values[first]) / (2 * offDiagonal[first])
        let root = (ratio * ratio + 1).squareRoot()
        var g = values[last] - values[first] + offDiagonal[first] / (ratio + (ratio < 0 ? -root : root))
        var (sine, cosine, shift) = (1.0, 1.0, 0.0)
        for i in (first..<last).reversed() {
            let (f, b) = (sine * offDiagonal[i], cosine * offDiagonal[i])
            let r = hypot(f, g)
            offDiagonal[i + 1] = r
            if r == 0 {
                // The block has split here; the sweep starts anew on its parts.
                values[i + 1] -= shift
                offDiagonal[last] = 0
                return
            }
            (sine, cosine) = (f / r, g / r)
            g = values[i + 1] - shift
            let h = (values[i] - g) * sine + 2 * cosine * b
            shift = sine * h
            values[i + 1] = g + shift
            g = cosine * h - b
            let (upper, lower) = (lastComponents[i], lastComponents[i + 1])
            lastComponents[i + 1] = sine * upper + cosine * lower
            lastComponents[i] = cosine * upper - sine * lower
        }
        values[first] -= shift
        offDiagonal[first] = g
        offDiagonal[last] = 0
    }
}
