// What projections cost, and the search for a point of an intersection within a budget of that.
import Tensors

extension ConvexSet {
    /// About how many additions and multiplications a projection of vectors with `count` entries takes, at the most; a
    /// count beyond the largest number told exactly is infinite.
    package func operations(for count: Int) -> Double {
        let size = Double(count)
        switch self {
        case .whole: return 0
        case .box, .l2Ball, .halfspace: return 4 * size
        case .simplex, .l1Ball: return 4 * size * max(1, size.exponent < 1 ? 1 : Double(size.exponent))
        case .affine(let set): return 4 * size * Double(max(set.normals.count, 1))
        case .spectralBall(let rows, let columns, _):
            let (long, short) = (Double(max(rows, columns)), Double(min(rows, columns)))
            // About ten sweeps over all pairs settle the rotations.
            return 10 * short * short * (6 * long + 3 * short)
        case .rows(let width, let set):
            return (size / Double(max(width, 1))) * set.operations(for: width)
        case .intersection(let sets):
            return Double(Dykstra.maxCycles) * Self.cycle(sets, count)
        case .product(let parts): return parts.reduce(0) { $0 + $1.set.operations(for: $1.count) }
        }
    }

    /// One cycle of Dykstra's method.
    private static func cycle(_ sets: [ConvexSet], _ count: Int) -> Double {
        sets.reduce(0) { $0 + $1.operations(for: count) + 12 * Double(count) }
    }

    /// What is known of a point that lies in several sets.
    package enum Meeting: Sendable, Equatable {
        /// Within rounding, this point lies in all of them.
        case point([Double])
        /// The nearest point found lies this far outside the set at an index; the search had come to rest.
        case apart(distance: Double, from: Int)
        /// As ``apart(distance:from:)``, but the search was cut short by its budget.
        case undecided(distance: Double, from: Int)
        /// Not one cycle over the sets fits into the budget.
        case tooLarge(operations: Double)
    }

    /// How far from a member set the point of an intersection may lie, relative to its size.
    private static let contact = 1e-6

    /// Looks for the point of the intersection of `sets` that is nearest to the origin.
    ///
    /// - Parameters:
    ///   - count: entries of the vectors.
    ///   - operations: the most that the search may take, about.
    package static func meeting(of sets: [ConvexSet], count: Int, operations: Double) -> Meeting {
        let cycle = max(cycle(sets, count), 1)
        guard cycle <= operations else { return .tooLarge(operations: cycle) }
        let cycles = Int(min(operations / cycle, Double(Dykstra.maxCycles)))
        var point = [Double](repeating: 0, count: count)
        var room = [Double](repeating: 0, count: max(1, ConvexSet.intersection(sets).room(for: count)))
        let isSettled = point.withUnsafeMutableBufferPointer { point in
            room.withUnsafeMutableBufferPointer { room in
                // Room for one number at least, so that there is an address.
                room.baseAddress.map { Dykstra.project(point, sets, cycles: cycles, $0) } ?? true
            }
        }
        let bound = Self.contact * max(1, VectorMath.norm(point))
        for (index, member) in sets.enumerated() {
            let distance = member.distance(to: point)
            if distance <= bound { continue }
            return isSettled || cycles == Dykstra.maxCycles
                ? .apart(distance: distance, from: index) : .undecided(distance: distance, from: index)
        }
        return .point(point)
    }
}
