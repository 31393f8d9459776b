// Projections and proximal maps as graphs, so that they are differentiated like all else: where a bound or a norm holds
// an entry, its derivative is the selection that holds it. Parikh & Boyd, Proximal Algorithms, 2014, §6.
import ExpressionGraph
import Solvers
import Tensors

extension ConvexSet {
    /// Entries up to which thresholds are found by comparing all pairs.
    package static let pairLimit = 1_024

    /// Why the projection of vectors with `count` entries is not available as a graph, as a phrase; `nil` where it is.
    package func graphFault(count: Int) -> String? {
        switch self {
        case .whole, .box, .l2Ball, .affine, .halfspace: nil
        case .simplex, .l1Ball:
            count <= Self.pairLimit ? nil : "a simplex or an l1_ball of more than \(Self.pairLimit) entries"
        case .spectralBall: "a spectral ball"
        case .rows(let width, let set): set.graphFault(count: width)
        case .intersection: "a list of sets"
        case .product(let parts): parts.lazy.compactMap { $0.set.graphFault(count: $0.count) }.first
        }
    }
}

/// A norm of a level in a graph, with the level's entries that it is the norm of.
struct NormNodes {
    let entries: Range<Int>
    let norm: ProximalTerm.Norm
    /// One number for each entry or group, as a vector.
    let weights: NodeID
}

extension Graph {
    // MARK: - Sets

    /// The point of a set nearest to the vector `x`.
    ///
    /// - Precondition: ``ConvexSet/graphFault(count:)`` finds none.
    mutating func project(_ x: NodeID, onto set: ConvexSet) -> NodeID {
        switch set {
        case .whole: return x
        case .box(let box): return clip(x, box)
        case .simplex(let radius): return projectRows(x, width: shape(x).fixedCount) { $0.shrinkToSimplex($1, radius) }
        case .l1Ball(let radius): return projectRows(x, width: shape(x).fixedCount) { $0.shrinkToBall($1, radius) }
        case .l2Ball(let radius): return projectRows(x, width: shape(x).fixedCount) { $0.scaleToBall($1, radius) }
        case .affine(let set):
            return zip(set.normals, set.offsets).reduce(x) { moveToPlane($0, $1.0, $1.1) { $0.negate($1) } }
        case .halfspace(let normal, let offset):
            return moveToPlane(x, normal, offset) { $0.negate($0.unary(.relu, $1)) }
        case .rows(let width, let set):
            return projectRows(x, width: width) { graph, rows in
                switch set {
                case .simplex(let radius): graph.shrinkToSimplex(rows, radius)
                case .l1Ball(let radius): graph.shrinkToBall(rows, radius)
                case .l2Ball(let radius): graph.scaleToBall(rows, radius)
                case .whole, .box, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
                    graph.projectEachRow(rows, onto: set)
                }
            }
        case .product(let parts):
            let pieces = cut(x, into: parts.map { Shape(sizes: [$0.count]) })
            return flatten(zip(parts, pieces).map { project($1, onto: $0.set) })
        case .spectralBall, .intersection: preconditionFailure("no graph projects onto such a set")
        }
    }

    /// Numbers as a vector; one constant where all are the same.
    mutating func vector(_ values: [Double]) -> NodeID {
        var runs: [NodeID] = []
        var start = 0
        while start < values.count {
            var end = start
            while end < values.count, values[end].bitPattern == values[start].bitPattern { end += 1 }
            runs.append(constant(values[start], shape: Shape(sizes: [end - start])))
            start = end
        }
        return flatten(runs)
    }

    /// The bound comes second, so that an entry on its bound moves as the entry does: see ``BinaryFunction``.
    private mutating func clip(_ x: NodeID, _ box: Box) -> NodeID {
        var result = x
        if box.lower.contains(where: { $0 > -.infinity }) { result = binary(.maximum, result, vector(box.lower)) }
        if box.upper.contains(where: { $0 < .infinity }) { result = binary(.minimum, result, vector(box.upper)) }
        return result
    }

    /// Moves along a normal of length 1 by what `move` makes of ⟨normal, x⟩ − offset.
    private mutating func moveToPlane(
        _ x: NodeID, _ normal: [Double], _ offset: Double, _ move: (inout Graph, NodeID) -> NodeID
    ) -> NodeID {
        let direction = vector(normal)
        let excess = self.offset(-offset, dot(direction, x))
        let length = broadcast(move(&self, excess), to: shape(x))
        return add(x, multiply(length, direction))
    }

    private mutating func projectEachRow(_ rows: NodeID, onto set: ConvexSet) -> NodeID {
        let count = shape(rows).sizes { _ in 0 }
        let parts = (0..<count[0]).map { index in
            let row = slice(rows, [SliceRange(index..<(index + 1)), SliceRange(0..<count[1])])
            return project(reshape(row, to: Shape(sizes: [count[1]])), onto: set)
        }
        return reshape(flatten(parts), to: Shape(sizes: count))
    }

    // MARK: - Balls, row by row

    /// Applies a map of matrices, row by row, to a vector cut into rows.
    private mutating func projectRows(
        _ x: NodeID, width: Int, _ map: (inout Graph, NodeID) -> NodeID
    ) -> NodeID {
        let count = shape(x).fixedCount
        guard width > 0, count > 0 else { return x }
        let rows = reshape(x, to: Shape(sizes: [count / width, width]))
        return reshape(map(&self, rows), to: shape(x))
    }

    /// The sum of every row, as a column.
    private mutating func rowSums(_ rows: NodeID) -> NodeID {
        sumTo(rows, shape(rows).replacing(1, with: .size(1)))
    }

    /// max(x − θ, 0) with Σ max(x − θ, 0) = radius. An entry is positive there where all that exceeds it sums up to
    /// less than the radius; θ follows from those that are.
    private mutating func shrinkToSimplex(_ rows: NodeID, _ radius: Double) -> NodeID {
        let sizes = shape(rows).sizes { _ in 0 }
        let (count, width) = (sizes[0], sizes[1])
        let pairs = Shape(sizes: [count, width, width])
        let own = broadcast(reshape(rows, to: Shape(sizes: [count, width, 1])), to: pairs)
        let other = broadcast(reshape(rows, to: Shape(sizes: [count, 1, width])), to: pairs)
        let above = reshape(
            sumTo(unary(.relu, subtract(other, own)), Shape(sizes: [count, width, 1])), to: shape(rows))
        let isPositive = binary(.less, above, constant(radius, shape: shape(rows)))
        let excess = offset(-radius, rowSums(multiply(isPositive, rows)))
        let threshold = divide(excess, rowSums(isPositive))
        let shrunk = subtract(rows, broadcast(threshold, to: shape(rows)))
        return select(isPositive, shrunk, constant(0, shape: shape(rows)))
    }

    private mutating func shrinkToBall(_ rows: NodeID, _ radius: Double) -> NodeID {
        let sizes = unary(.absolute, rows)
        let total = rowSums(sizes)
        let isOutside = binary(.less, constant(radius, shape: shape(total)), total)
        let shrunk = multiply(unary(.sign, rows), shrinkToSimplex(sizes, radius))
        return select(broadcast(isOutside, to: shape(rows)), shrunk, rows)
    }

    private mutating func scaleToBall(_ rows: NodeID, _ radius: Double) -> NodeID {
        let squares = rowSums(unary(.square, rows))
        let limit = constant(radius * radius, shape: shape(squares))
        let isOutside = binary(.less, limit, squares)
        // A number that is not chosen must have derivatives all the same.
        let safe = select(isOutside, squares, constant(1, shape: shape(squares)))
        let factor = scale(radius, unary(.reciprocal, unary(.squareRoot, safe)))
        return select(
            broadcast(isOutside, to: shape(rows)), multiply(rows, broadcast(factor, to: shape(rows))), rows)
    }

    // MARK: - Norms

    /// The value of a norm.
    mutating func value(of norm: NormNodes, at x: NodeID) -> NodeID {
        let part = slice(x, [SliceRange(norm.entries)])
        switch norm.norm {
        case .absolute: return dot(norm.weights, unary(.absolute, part))
        case .groups(let width):
            let squares = reshape(squaredSizes(part, width), to: shape(norm.weights))
            return dot(norm.weights, unary(.squareRoot, squares))
        }
    }

    /// argmin_z step · h(z) + ½‖z − x‖² for the entries of one norm; the others stay.
    mutating func shrink(_ x: NodeID, by norm: NormNodes, step: NodeID) -> NodeID {
        let count = shape(x).fixedCount
        let ranges = [0..<norm.entries.lowerBound, norm.entries, norm.entries.upperBound..<count]
        let parts = cut(x, into: ranges.map { Shape(sizes: [$0.count]) })
        let threshold = multiply(broadcast(step, to: shape(norm.weights)), norm.weights)
        let shrunk: NodeID
        switch norm.norm {
        case .absolute:
            let size = unary(.relu, subtract(unary(.absolute, parts[1]), threshold))
            shrunk = multiply(unary(.sign, parts[1]), size)
        case .groups(let width):
            let squares = squaredSizes(parts[1], width)
            let limits = reshape(threshold, to: shape(squares))
            let survives = binary(.less, unary(.square, limits), squares)
            let safe = select(survives, squares, constant(1, shape: shape(squares)))
            let ratio = multiply(limits, unary(.reciprocal, unary(.squareRoot, safe)))
            let factor = multiply(survives, offset(1, negate(ratio)))
            let rows = Shape(sizes: [norm.entries.count / width, width])
            let scaled = multiply(reshape(parts[1], to: rows), broadcast(factor, to: rows))
            shrunk = reshape(scaled, to: shape(parts[1]))
        }
        return flatten([parts[0], shrunk, parts[2]])
    }

    /// ‖x_g‖² of every group, as a column.
    private mutating func squaredSizes(_ part: NodeID, _ width: Int) -> NodeID {
        let rows = reshape(part, to: Shape(sizes: [shape(part).fixedCount / width, width]))
        return rowSums(unary(.square, rows))
    }
}
