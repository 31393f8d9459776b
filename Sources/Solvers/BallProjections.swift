// Projections onto the simplex and the balls of ℓ1, ℓ2 and the spectral norm.
// Duchi, Shalev-Shwartz, Singer & Chandra, ICML 2008 (simplex, ℓ1); Hestenes 1958 (one-sided Jacobi rotations).
import Tensors

/// Projections of vectors onto norm balls. Vectors with NaN become NaN throughout: a ball must not hide it.
enum BallProjections {
    /// Onto {x ≥ 0, Σx = radius}. O(n log n).
    static func simplex(_ x: inout [Double], radius: Double) {
        guard let threshold = Threshold(x, radius: radius) else { return spoil(&x) }
        for i in x.indices { x[i] = threshold.excess(x[i]) }
    }

    /// Onto {‖x‖₁ ≤ radius}. O(n log n).
    static func l1(_ x: inout [Double], radius: Double) {
        let magnitudes = x.map(\.magnitude)
        if magnitudes.reduce(0, +) <= radius { return }
        guard let threshold = Threshold(magnitudes, radius: radius) else { return spoil(&x) }
        for i in x.indices {
            let size = threshold.excess(magnitudes[i])
            x[i] = x[i] < 0 ? -size : size
        }
    }

    /// Onto {‖x‖₂ ≤ radius}.
    static func l2(_ x: inout [Double], radius: Double) {
        let norm = VectorMath.norm(x)
        if norm <= radius { return }
        guard norm.isFinite else { return spoil(&x) }
        VectorMath.scale(radius / norm, &x)
    }

    /// θ with Σ max(xᵢ − θ, 0) = radius, kept relative to the largest xᵢ: a large common part costs no digits.
    private struct Threshold {
        private let largest: Double
        private var offset: Double

        /// `nil` for vectors with NaN or infinity.
        init?(_ x: [Double], radius: Double) {
            guard VectorMath.isFinite(x), let largest = x.max() else { return nil }
            self.largest = largest
            offset = -radius
            var sum = -radius
            for (index, value) in x.sorted(by: >).enumerated() {
                sum += value - largest
                let candidate = sum / Double(index + 1)
                if value - largest <= candidate { break }
                offset = candidate
            }
        }

        /// max(x − θ, 0).
        func excess(_ x: Double) -> Double { max((x - largest) - offset, 0) }
    }

    private static func spoil(_ x: inout [Double]) {
        for i in x.indices { x[i] = .nan }
    }

    /// Onto the matrices [rows, columns] whose singular values are at most `radius`: larger ones are clipped.
    static func spectral(_ x: inout [Double], rows: Int, columns: Int, radius: Double) {
        let frobenius = VectorMath.norm(x)
        if frobenius <= radius { return }
        guard frobenius.isFinite else { return spoil(&x) }
        // Rotations orthogonalise the shorter side: U Σ Vᵀ = A means (A V)ⱼ = σⱼ uⱼ.
        let isWide = columns > rows
        let (long, short) = isWide ? (columns, rows) : (rows, columns)
        var image = (0..<short).map { j in (0..<long).map { i in isWide ? x[j * columns + i] : x[i * columns + j] } }
        var rotation = (0..<short).map { j in (0..<short).map { $0 == j ? 1.0 : 0 } }
        orthogonalise(&image, &rotation)
        for j in 0..<short {
            let value = VectorMath.norm(image[j])
            guard value > radius else { continue }
            // A −= (1 − r/σ) σ u vᵀ.
            let factor = 1 - radius / value
            for k in 0..<short where rotation[j][k] != 0 {
                for i in 0..<long {
                    let entry = isWide ? k * columns + i : i * columns + k
                    x[entry] -= factor * image[j][i] * rotation[j][k]
                }
            }
        }
    }

    private static let sweeps = 60

    /// One-sided Jacobi: rotates pairs of vectors until all are orthogonal to rounding.
    private static func orthogonalise(_ image: inout [[Double]], _ rotation: inout [[Double]]) {
        for _ in 0..<sweeps {
            var isDone = true
            for p in image.indices {
                for q in image.indices where q > p {
                    let (a, b) = (VectorMath.dot(image[p], image[p]), VectorMath.dot(image[q], image[q]))
                    let c = VectorMath.dot(image[p], image[q])
                    if abs(c) <= 1e-15 * (a * b).squareRoot() || c == 0 { continue }
                    isDone = false
                    let zeta = (b - a) / (2 * c)
                    let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                    let cosine = 1 / (1 + tangent * tangent).squareRoot()
                    rotate(&image, p, q, cosine, cosine * tangent)
                    rotate(&rotation, p, q, cosine, cosine * tangent)
                }
            }
            if isDone { return }
        }
    }

    private static func rotate(_ vectors: inout [[Double]], _ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
        for i in vectors[p].indices {
            let (a, b) = (vectors[p][i], vectors[q][i])
            vectors[p][i] = cosine * a - sine * b
            vectors[q][i] = sine * a + cosine * b
        }
    }
}
