// Projections onto the simplex and the balls of ℓ1, ℓ2 and the spectral norm, in place.
// Duchi, Shalev-Shwartz, Singer & Chandra, ICML 2008 (simplex, ℓ1); Hestenes 1958 (one-sided Jacobi rotations).
import Tensors

/// Projections of vectors onto norm balls. Vectors with NaN become NaN throughout: a ball must not hide it.
enum BallProjections {
    typealias Vector = UnsafeMutableBufferPointer<Double>
    /// Memory that a projection may write, as much as ``ConvexSet/room(for:)`` says.
    typealias Room = UnsafeMutablePointer<Double>

    /// Onto {x ≥ 0, Σx = radius}. O(n + k log n) for k entries above 0. Room: n.
    static func simplex(_ x: Vector, radius: Double, _ room: Room) {
        for i in x.indices { room[i] = x[i] }
        guard let threshold = Threshold(room, count: x.count, radius: radius) else { return spoil(x) }
        for i in x.indices { x[i] = threshold.excess(x[i]) }
    }

    /// Onto {‖x‖₁ ≤ radius}. O(n + k log n). Room: n.
    static func l1(_ x: Vector, radius: Double, _ room: Room) {
        var sum = 0.0
        for i in x.indices {
            room[i] = x[i].magnitude
            sum += room[i]
        }
        if sum <= radius { return }
        guard let threshold = Threshold(room, count: x.count, radius: radius) else { return spoil(x) }
        for i in x.indices {
            let size = threshold.excess(x[i].magnitude)
            x[i] = x[i] < 0 ? -size : size
        }
    }

    /// Onto {‖x‖₂ ≤ radius}.
    static func l2(_ x: Vector, radius: Double) {
        let norm = VectorMath.norm(UnsafeBufferPointer(x))
        if norm <= radius { return }
        guard norm.isFinite else { return spoil(x) }
        VectorMath.scale(radius / norm, x)
    }

    /// θ with Σ max(xᵢ − θ, 0) = radius, kept relative to the largest xᵢ: a large common part costs no digits.
    private struct Threshold {
        private let largest: Double
        private var offset: Double

        /// Takes the entries from the largest down, as far as they lie above θ; their order is lost.
        ///
        /// - Returns: `nil` for no entries, and for entries that are NaN or infinite.
        init?(_ entries: Room, count: Int, radius: Double) {
            for i in 0..<count where !entries[i].isFinite { return nil }
            guard count > 0 else { return nil }
            var heap = Heap(entries, count: count)
            largest = entries[0]
            offset = -radius
            var sum = -radius
            for taken in 1...count {
                let value = heap.removeLargest()
                sum += value - largest
                let candidate = sum / Double(taken)
                if value - largest <= candidate { break }
                offset = candidate
            }
        }

        /// max(x − θ, 0).
        func excess(_ x: Double) -> Double { max((x - largest) - offset, 0) }
    }

    /// A binary heap in given memory, the largest number first (Williams 1964; built in O(n) as in Floyd 1964).
    private struct Heap {
        private let numbers: Room
        private var count: Int

        init(_ numbers: Room, count: Int) {
            (self.numbers, self.count) = (numbers, count)
            for place in stride(from: count / 2 - 1, through: 0, by: -1) { sink(place) }
        }

        mutating func removeLargest() -> Double {
            let largest = numbers[0]
            count -= 1
            numbers[0] = numbers[count]
            sink(0)
            return largest
        }

        private func sink(_ start: Int) {
            var place = start
            while true {
                var child = 2 * place + 1
                if child >= count { return }
                if child + 1 < count, numbers[child + 1] > numbers[child] { child += 1 }
                if numbers[place] >= numbers[child] { return }
                (numbers[place], numbers[child]) = (numbers[child], numbers[place])
                place = child
            }
        }
    }

    private static func spoil(_ x: Vector) {
        for i in x.indices { x[i] = .nan }
    }

    // MARK: - Singular values

    /// Numbers of room that ``spectral(_:rows:columns:radius:_:)`` takes.
    static func spectralRoom(rows: Int, columns: Int) -> Int {
        let (long, short) = (max(rows, columns), min(rows, columns))
        return short * (long + short)
    }

    /// Onto the matrices [rows, columns] whose singular values are at most `radius`: larger ones are clipped.
    static func spectral(_ x: Vector, rows: Int, columns: Int, radius: Double, _ room: Room) {
        let frobenius = VectorMath.norm(UnsafeBufferPointer(x))
        if frobenius <= radius { return }
        guard frobenius.isFinite else { return spoil(x) }
        // Rotations orthogonalise the shorter side: U Σ Vᵀ = A means (A V)ⱼ = σⱼ uⱼ.
        let isWide = columns > rows
        let (long, short) = isWide ? (columns, rows) : (rows, columns)
        let image = Vectors(base: room, count: short, length: long)
        let rotation = Vectors(base: room + short * long, count: short, length: short)
        for j in 0..<short {
            for i in 0..<long { image[j][i] = isWide ? x[j * columns + i] : x[i * columns + j] }
            for k in 0..<short { rotation[j][k] = k == j ? 1 : 0 }
        }
        orthogonalise(image, rotation)
        for j in 0..<short {
            let value = VectorMath.norm(UnsafeBufferPointer(start: image[j], count: long))
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

    /// Vectors of one length, one after the other.
    private struct Vectors {
        let base: Room
        let count: Int
        let length: Int

        subscript(index: Int) -> Room { base + index * length }

        func dot(_ p: Int, _ q: Int) -> Double { Kernels.float64.dot(self[p], self[q], count: length) }

        func rotate(_ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
            let (x, y) = (self[p], self[q])
            for i in 0..<length {
                let (a, b) = (x[i], y[i])
                x[i] = cosine * a - sine * b
                y[i] = sine * a + cosine * b
            }
        }
    }

    private static let sweeps = 60

    /// One-sided Jacobi: rotates pairs of vectors until all are orthogonal to rounding.
    private static func orthogonalise(_ image: Vectors, _ rotation: Vectors) {
        for _ in 0..<sweeps {
            var isDone = true
            for p in 0..<image.count {
                for q in p + 1..<max(p + 1, image.count) {
                    let (a, b) = (image.dot(p, p), image.dot(q, q))
                    let c = image.dot(p, q)
                    if abs(c) <= 1e-15 * (a * b).squareRoot() || c == 0 { continue }
                    isDone = false
                    let zeta = (b - a) / (2 * c)
                    let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                    let cosine = 1 / (1 + tangent * tangent).squareRoot()
                    image.rotate(p, q, cosine, cosine * tangent)
                    rotation.rotate(p, q, cosine, cosine * tangent)
                }
            }
            if isDone { return }
        }
    }
}
