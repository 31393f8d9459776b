// The convex sets that variables may be confined to, with their projections.

import Tensors

/// A closed convex subset of ℝⁿ.
package indirect enum ConvexSet: Sendable, Equatable {
    /// ℝⁿ, for every n.
    case whole

    /// lower ≤ x ≤ upper, entry by entry.
    case box(Box)

    /// x ≥ 0 and Σx = radius ≥ 0.
    case simplex(radius: Double)

    /// ‖x‖₁ ≤ radius.
    case l1Ball(radius: Double)

    /// ‖x‖₂ ≤ radius.
    case l2Ball(radius: Double)

    /// A x = b.
    case affine(AffineSet)

    /// ⟨normal, x⟩ ≤ offset, for a normal of length 1.
    case halfspace(normal: [Double], offset: Double)

    /// Matrices [rows, columns], row-major, whose singular values are at most radius.
    case spectralBall(rows: Int, columns: Int, radius: Double)

    /// Vectors cut into rows of `width` entries, each in the set.
    case rows(width: Int, ConvexSet)

    /// What lies in all of the sets; not empty.
    case intersection([ConvexSet])

    /// Parts one after the other, each with its number of entries.
    case product([Part])

    /// One factor of a product.
    package struct Part: Sendable, Equatable {
        package let count: Int
        package let set: ConvexSet

        package init(count: Int, set: ConvexSet) {
            self.count = count
            self.set = set
        }
    }

    /// The box between two bounds, [n] each, where an entry may be −∞ below or +∞ above.
    ///
    /// - Throws: ``SolverError``: lengths that differ, or a variable whose bounds leave no real number.
    package static func box(lower: [Double], upper: [Double]) throws(SolverError) -> ConvexSet {
        .box(try Box(lower: lower, upper: upper))
    }

    /// {x : ⟨a, x⟩ ≤ b}; all of ℝⁿ where a is 0 and b is not negative.
    ///
    /// - Throws: ``SolverError/inconsistentEquations(row:residual:)`` where a is 0 and b is negative.
    package static func halfspace(_ a: [Double], atMost b: Double) throws(SolverError) -> ConvexSet {
        let length = VectorMath.norm(a)
        if length == 0 {
            guard b >= 0 else { throw .inconsistentEquations(row: 0, residual: -b) }
            return .whole
        }
        return .halfspace(normal: a.map { $0 / length }, offset: b / length)
    }

    // MARK: - Projection

    /// Replaces `x` by the nearest point of the set. NaN stays NaN: a bound must not hide it.
    package func project(_ x: inout [Double]) {
        let size = room(for: x.count)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(size, 1)) { room in
            // Room for one number at least, so that there is an address.
            guard let base = room.baseAddress else { return }
            x.withUnsafeMutableBufferPointer { project($0, base) }
        }
    }

    /// Replaces `x` by the nearest point of the set, without allocating.
    ///
    /// - Parameter room: memory for ``room(for:)`` numbers, whose contents mean nothing before and after.
    package func project(
        _ x: UnsafeMutableBufferPointer<Double>, _ room: UnsafeMutablePointer<Double>
    ) {
        switch self {
        case .whole: break
        case .box(let box): for i in x.indices { x[i] = box.nearest(to: x[i], at: i) }
        case .simplex(let radius): BallProjections.simplex(x, radius: radius, room)
        case .l1Ball(let radius): BallProjections.l1(x, radius: radius, room)
        case .l2Ball(let radius): BallProjections.l2(x, radius: radius)
        case .affine(let set): set.project(x)
        case .halfspace(let normal, let offset):
            let excess = VectorMath.dot(normal, UnsafeBufferPointer(x)) - offset
            if !(excess <= 0) { VectorMath.add(-excess, normal, to: x) }
        case .spectralBall(let rows, let columns, let radius):
            BallProjections.spectral(x, rows: rows, columns: columns, radius: radius, room)
        case .rows(let width, let set):
            for start in stride(from: 0, to: x.count, by: max(width, 1)) {
                set.project(UnsafeMutableBufferPointer(rebasing: x[start..<(start + width)]), room)
            }
        case .intersection(let sets): Dykstra.project(x, sets, room)
        case .product(let parts):
            var start = 0
            for index in parts.indices {
                let end = start + parts[index].count
                parts[index].set.project(UnsafeMutableBufferPointer(rebasing: x[start..<end]), room)
                start = end
            }
        }
    }

    /// Replaces the entries in `range` by those of the nearest point, the others being in place already. Where the set
    /// ties entries together, all of them move.
    ///
    /// - Parameter room: memory for ``room(for:)`` numbers.
    package func project(
        _ range: Range<Int>, of x: UnsafeMutableBufferPointer<Double>,
        _ room: UnsafeMutablePointer<Double>
    ) {
        switch self {
        case .whole: break
        case .box(let box): for i in range { x[i] = box.nearest(to: x[i], at: i) }
        case .rows(let width, let set):
            let first = range.lowerBound / width * width
            for start in stride(from: first, to: range.upperBound, by: width) {
                set.project(UnsafeMutableBufferPointer(rebasing: x[start..<(start + width)]), room)
            }
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .intersection, .product:
            project(x, room)
        }
    }

    /// Numbers that a projection of vectors with `count` entries needs room for.
    package func room(for count: Int) -> Int {
        switch self {
        case .whole, .box, .l2Ball, .affine, .halfspace: 0
        case .simplex, .l1Ball: count
        case .spectralBall(let rows, let columns, _):
            BallProjections.spectralRoom(rows: rows, columns: columns)
        case .rows(let width, let set): set.room(for: width)
        case .intersection(let sets):
            Dykstra.vectors(sets) * count + (sets.map { $0.room(for: count) }.max() ?? 0)
        case .product(let parts): parts.map { $0.set.room(for: $0.count) }.max() ?? 0
        }
    }

    /// ‖P(x − g) − x‖₂: zero exactly at the stationary points of the set, ‖g‖₂ in the whole space.
    package func projectedGradientNorm(at x: [Double], gradient: [Double]) -> Double {
        switch self {
        case .whole:
            return VectorMath.norm(gradient)
        case .box(let box):
            var difference = gradient
            for i in x.indices where box.isBeyond(x[i] - gradient[i], at: i) {
                difference[i] = box.nearest(to: x[i] - gradient[i], at: i) - x[i]
            }
            return VectorMath.norm(difference)
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
            var moved = VectorMath.subtract(x, gradient)
            project(&moved)
            return VectorMath.norm(VectorMath.subtract(moved, x))
        }
    }

    // MARK: - Membership

    /// ‖P(x) − x‖₂; NaN where x has one.
    package func distance(to x: [Double]) -> Double {
        var nearest = x
        project(&nearest)
        return VectorMath.norm(VectorMath.subtract(nearest, x))
    }

    /// Whether `x` lies in the set, to rounding where a sum decides; a vector with NaN lies in none.
    package func contains(_ x: [Double]) -> Bool {
        switch self {
        case .whole: x.allSatisfy { !$0.isNaN }
        case .box(let box): x.count == box.lower.count && x.indices.allSatisfy { box.admits(x[$0], at: $0) }
        case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
            distance(to: x) <= Self.membership * max(1, VectorMath.norm(x))
        }
    }

    /// How far a member may lie outside, relative to its size.
    private static let membership = 1e-9

    /// Throws unless the set is one of vectors with `count` entries.
    func checkDimension(_ count: Int) throws(SolverError) {
        switch self {
        case .whole, .simplex, .l1Ball, .l2Ball: break
        case .box(let box): try SolverError.check("bounds", box.lower, hasCount: count)
        case .affine(let set): try SolverError.check("columns", set.dimension, hasCount: count)
        case .halfspace(let normal, _): try SolverError.check("normal", normal, hasCount: count)
        case .spectralBall(let rows, let columns, _):
            try SolverError.check("entries", rows * columns, hasCount: count)
        case .rows(let width, let set):
            try SolverError.check("entries", count / max(width, 1) * width, hasCount: count)
            try set.checkDimension(width)
        case .intersection(let sets): for set in sets { try set.checkDimension(count) }
        case .product(let parts):
            try SolverError.check("entries", parts.reduce(0) { $0 + $1.count }, hasCount: count)
            for part in parts { try part.set.checkDimension(part.count) }
        }
    }
}
