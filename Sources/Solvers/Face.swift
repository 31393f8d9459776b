// How a minimiser over a set, or of a sum with norms, moves when the smooth objective changes a little: along the face
// it lies on. Bertrand, Klopfenstein, Massias, Blondel, Vaiter, Gramfort & Salmon, JMLR 2022 (norms); Fiacco 1976 (sets).
import Tensors

/// The tangent space of the face of a point and the curvature that set and norms add on it. Points between faces (a
/// variable at its bound with a multiplier of 0) count to the smaller face: there they do not move.
package struct Face: Sendable, Equatable {
    /// κ (I − u uᵀ) on some entries: a norm's.
    struct Curvature: Sendable, Equatable {
        let entries: Range<Int>
        let scale: Double
        let direction: [Double]
    }
    /// κ I on some entries, along tangents of the sphere that they lie on.
    struct Bend: Sendable, Equatable {
        let entries: Range<Int>
        let scale: Double
    }
    /// Orthonormal vectors on some entries, to which tangents are orthogonal.
    struct Normal: Sendable, Equatable {
        let entries: Range<Int>
        let direction: [Double]
    }
    /// A norm's gradient in one of its weights.
    struct Slope: Sendable, Equatable {
        let term: Int
        let weight: Int
        let entries: Range<Int>
        let direction: [Double]
    }

    /// Whether an entry moves at all.
    private(set) var isFree: [Bool]
    private(set) var normals: [Normal] = []
    private(set) var curvatures: [Curvature] = []
    private(set) var bends: [Bend] = []
    private(set) var slopes: [Slope] = []

    /// The face of `x`, a minimiser of an objective with the gradient `gradient` plus `function`.
    package init(of function: ProximalFunction, at x: [Double], gradient: [Double]) {
        isFree = [Bool](repeating: true, count: x.count)
        for (index, term) in function.terms.enumerated() { add(term, index, x) }
        // A sphere holds a point against the norms too.
        var pull = gradient
        addNormGradient(function, to: &pull)
        add(function.set, 0..<x.count, x, pull)
    }

    /// Whether faces of the set are known; not for intersections and matrices with clipped singular values.
    package static func isKnown(for set: ConvexSet) -> Bool {
        switch set {
        case .whole, .box, .simplex, .l1Ball, .l2Ball, .affine, .halfspace: true
        case .spectralBall, .intersection: false
        case .rows(_, let set): isKnown(for: set)
        case .product(let parts): parts.allSatisfy { isKnown(for: $0.set) }
        }
    }

    // MARK: - Using

    /// v ← P v, the nearest tangent.
    package func project(_ v: inout [Double]) {
        for i in v.indices where !isFree[i] { v[i] = 0 }
        for normal in normals {
            let part = zip(normal.entries, normal.direction).reduce(0) { $0 + v[$1.0] * $1.1 }
            for (i, component) in zip(normal.entries, normal.direction) { v[i] -= part * component }
        }
    }

    /// result ← result + C v for the curvature C of set and norms, and a tangent v.
    package func addCurvature(_ v: [Double], to result: inout [Double]) {
        for bend in bends {
            for i in bend.entries { result[i] += bend.scale * v[i] }
        }
        for curvature in curvatures {
            let part = zip(curvature.entries, curvature.direction).reduce(0) { $0 + v[$1.0] * $1.1 }
            for (i, component) in zip(curvature.entries, curvature.direction) {
                result[i] += curvature.scale * (v[i] - part * component)
            }
        }
    }

    /// v ← (P (I + step · C) P)⁺ v: the derivative of a proximal map. Entries are in one norm and one ball at the most, a
    /// group of a norm in one ball as a whole.
    package func solveProximal(_ v: inout [Double], step: Double = 1) {
        project(&v)
        for bend in bends {
            for i in bend.entries { v[i] /= 1 + step * bend.scale }
        }
        for curvature in curvatures {
            let bend = bends.first { $0.entries.contains(curvature.entries.lowerBound) }
            let part = zip(curvature.entries, curvature.direction).reduce(0) { $0 + v[$1.0] * $1.1 }
            let scale = step * curvature.scale / (1 + step * (bend?.scale ?? 0))
            for (i, component) in zip(curvature.entries, curvature.direction) {
                v[i] = (v[i] + scale * part * component) / (1 + scale)
            }
        }
    }

    /// result ← result + the gradient of the norms along the face.
    package func addNormGradient(_ function: ProximalFunction, to result: inout [Double]) {
        for slope in slopes {
            let weight = function.terms[slope.term].weights[slope.weight]
            for (i, component) in zip(slope.entries, slope.direction) { result[i] += weight * component }
        }
    }

    /// For every weight of a term, ⟨∇ₓ∂h/∂w, v⟩.
    package func weightSlopes(_ term: ProximalTerm, _ index: Int, along v: [Double]) -> [Double] {
        var result = term.weights.map { _ in 0.0 }
        for slope in slopes where slope.term == index {
            result[slope.weight] = zip(slope.entries, slope.direction).reduce(0) { $0 + v[$1.0] * $1.1 }
        }
        return result
    }

    // MARK: - Building

    private mutating func add(_ term: ProximalTerm, _ index: Int, _ x: [Double]) {
        for (weight, group) in term.groups.enumerated() {
            let norm = VectorMath.norm(Array(x[group]))
            if norm == 0 {
                fix(group)
                continue
            }
            let direction = x[group].map { $0 / norm }
            slopes.append(Slope(term: index, weight: weight, entries: group, direction: direction))
            if group.count > 1 {
                curvatures.append(
                    Curvature(entries: group, scale: term.weights[weight] / norm, direction: direction))
            }
        }
    }

    private mutating func fix(_ range: Range<Int>) {
        for i in range { isFree[i] = false }
    }

    /// A point this near to its bound, relative to the bound, lies on it.
    private static let contact = 1e-9

    private mutating func add(_ set: ConvexSet, _ range: Range<Int>, _ x: [Double], _ gradient: [Double]) {
        switch set {
        case .whole: break
        case .box(let box):
            for (k, i) in range.enumerated() where x[i] <= box.lower[k] || x[i] >= box.upper[k] { isFree[i] = false }
        case .simplex: addSigned(range, x)
        case .l1Ball(let radius):
            let size = range.reduce(0) { $0 + x[$1].magnitude }
            if size >= radius * (1 - Self.contact) { addSigned(range, x) }
        case .l2Ball(let radius): addSphere(range, x, gradient, radius)
        case .affine(let set):
            for normal in set.normals { normals.append(Normal(entries: range, direction: normal)) }
        case .halfspace(let normal, let offset):
            let reached = zip(range, normal).reduce(0) { $0 + x[$1.0] * $1.1 }
            if reached >= offset - Self.contact * max(1, abs(offset)) {
                normals.append(Normal(entries: range, direction: normal))
            }
        case .rows(let width, let set):
            for start in stride(from: range.lowerBound, to: range.upperBound, by: max(width, 1)) {
                add(set, start..<(start + width), x, gradient)
            }
        case .product(let parts):
            var start = range.lowerBound
            for part in parts {
                add(part.set, start..<(start + part.count), x, gradient)
                start += part.count
            }
        case .spectralBall, .intersection: preconditionFailure("faces of \(set) are not known")
        }
    }

    /// Entries that are 0 stay; the others keep Σ|x|.
    private mutating func addSigned(_ range: Range<Int>, _ x: [Double]) {
        let support = range.filter { x[$0] != 0 }
        for i in range where x[i] == 0 { isFree[i] = false }
        guard !support.isEmpty else { return }
        let unit = 1 / Double(support.count).squareRoot()
        normals.append(Normal(entries: range, direction: range.map { x[$0] == 0 ? 0 : (x[$0] < 0 ? -unit : unit) }))
    }

    /// On the sphere: tangents of it, with the multiplier as its curvature.
    private mutating func addSphere(_ range: Range<Int>, _ x: [Double], _ gradient: [Double], _ radius: Double) {
        if radius == 0 { return fix(range) }
        let norm = VectorMath.norm(Array(x[range]))
        guard norm >= radius * (1 - Self.contact) else { return }
        let direction = x[range].map { $0 / norm }
        normals.append(Normal(entries: range, direction: direction))
        let multiplier = -zip(range, direction).reduce(0) { $0 + gradient[$1.0] * $1.1 } / norm
        bends.append(Bend(entries: range, scale: max(multiplier, 0)))
    }
}
