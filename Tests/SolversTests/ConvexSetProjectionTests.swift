// Projections onto every set, held against what defines them: the variational inequality, and that repeating changes
// nothing, distances never grow, and limits are met.

import Solvers
import Tensors
import Testing

@Suite struct ConvexSetProjectionTests {
    /// A set of vectors with 6 entries, and some of its members.
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let set: ConvexSet
    }

    static let cases: [Case] = {
        let affine = try! AffineSet(
            matrix: [[1, 1, 1, 0, 0, 0], [0, 1, 0, -1, 2, 0], [1, 2, 1, -1, 2, 0]], rhs: [1, 2, 3])
        let halfspace = try! ConvexSet.halfspace([1, -2, 0, 3, 1, 1], atMost: 0.5)
        let box = try! ConvexSet.box(
            lower: [-1, 0, -.infinity, 0, 0.5, -2], upper: [1, 0, 1, .infinity, 0.5, 2])
        return [
            Case(description: "whole", set: .whole), Case(description: "box", set: box),
            Case(description: "simplex", set: .simplex(radius: 1)),
            Case(description: "point", set: .simplex(radius: 0)),
            Case(description: "l1", set: .l1Ball(radius: 1.5)), Case(description: "l1 of 0", set: .l1Ball(radius: 0)),
            Case(description: "l2", set: .l2Ball(radius: 0.7)), Case(description: "l2 of 0", set: .l2Ball(radius: 0)),
            Case(description: "affine", set: .affine(affine)), Case(description: "halfspace", set: halfspace),
            Case(description: "spectral, tall", set: .spectralBall(rows: 3, columns: 2, radius: 0.8)),
            Case(description: "spectral, wide", set: .spectralBall(rows: 1, columns: 6, radius: 0.8)),
            Case(description: "rows of simplices", set: .rows(width: 3, .simplex(radius: 1))),
            Case(description: "rows of balls", set: .rows(width: 2, .l2Ball(radius: 0.5))),
            Case(description: "simplex and halfspace", set: .intersection([.simplex(radius: 1), halfspace])),
            Case(description: "ball and equations", set: .intersection([.l2Ball(radius: 3), .affine(affine)])),
            Case(
                description: "product",
                set: .product([.init(count: 2, set: .l1Ball(radius: 1)), .init(count: 4, set: .simplex(radius: 2))])),
        ]
    }()

    static func vectors(_ count: Int, seed: UInt64, scale: Double = 3) -> [[Double]] {
        var stream = RandomStream(seed: seed, stream: "projections")
        return (0..<count).map { _ in (0..<6).map { _ in scale * stream.normal() } }
    }

    static func projected(_ x: [Double], _ set: ConvexSet) -> [Double] {
        var result = x
        set.project(&result)
        return result
    }

    /// ⟨x − P(x), z − P(x)⟩ ≤ 0 for every member z: what makes P(x) the nearest.
    @Test(arguments: cases) func theNearestMember(_ example: Case) {
        let members = Self.vectors(40, seed: 2, scale: 1).map { Self.projected($0, example.set) }
        for x in Self.vectors(25, seed: 1) {
            let nearest = Self.projected(x, example.set)
            #expect(example.set.contains(nearest))
            for member in members {
                let angle = VectorMath.dot(VectorMath.subtract(x, nearest), VectorMath.subtract(member, nearest))
                #expect(angle <= 1e-10)
            }
        }
    }

    @Test(arguments: cases) func membersStayAndDistancesShrink(_ example: Case) {
        let points = Self.vectors(20, seed: 3)
        for (x, y) in zip(points, points.dropFirst()) {
            let (p, q) = (Self.projected(x, example.set), Self.projected(y, example.set))
            #expect(VectorMath.norm(VectorMath.subtract(Self.projected(p, example.set), p)) <= 1e-12)
            let before = VectorMath.norm(VectorMath.subtract(x, y))
            #expect(VectorMath.norm(VectorMath.subtract(p, q)) <= before + 1e-12)
            #expect(abs(example.set.distance(to: x) - VectorMath.norm(VectorMath.subtract(p, x))) <= 1e-12)
            #expect(example.set.distance(to: p) <= 1e-12)
        }
    }

    @Test(arguments: cases.filter { $0.description != "whole" }) func neverHidesNaN(_ example: Case) {
        let x = Self.projected([.nan, 1, 2, 3, 4, 5], example.set)
        #expect(x.contains { $0.isNaN })
        #expect(!example.set.contains([.nan, 1, 2, 3, 4, 5]))
    }

    @Test func knownPoints() {
        #expect(Self.projected([0.5, 0.3, 2], .simplex(radius: 1)) == [0, 0, 1])
        #expect(Self.projected([1, 1], .simplex(radius: 1)) == [0.5, 0.5])
        #expect(Self.projected([3, -1], .l1Ball(radius: 1)) == [1, 0])
        #expect(Self.projected([2, -2], .l1Ball(radius: 1)) == [0.5, -0.5])
        #expect(Self.projected([3, 4], .l2Ball(radius: 2.5)) == [1.5, 2])
        #expect(Self.projected([0.1, 0.1], .l1Ball(radius: 1)) == [0.1, 0.1])
        #expect(Self.projected([3, 0, 0, 0.5], .spectralBall(rows: 2, columns: 2, radius: 1)) == [1, 0, 0, 0.5])
    }

    /// A common part as large as 2⁵³ leaves the simplex its sum.
    @Test func simplexKeepsItsSum() {
        let large = 0x1p53
        let x = Self.projected([large, large, large], .simplex(radius: 1))
        #expect(abs(x.reduce(0, +) - 1) <= 1e-12)
    }

    @Test func clippedSingularValuesKeepTheirVectors() {
        // A = U diag(3, 0.5) Vᵀ with rotations by 30° and 50°.
        let (c, s, d, t) = (0.75.squareRoot(), 0.5, 0.6427876096865394, 0.766044443118978)
        func matrix(_ a: Double, _ b: Double) -> [Double] {
            [a * c * d + b * s * t, a * c * t - b * s * d, a * s * d - b * c * t, a * s * t + b * c * d]
        }
        let found = Self.projected(matrix(3, 0.5), .spectralBall(rows: 2, columns: 2, radius: 1))
        #expect(VectorMath.maxNorm(VectorMath.subtract(found, matrix(1, 0.5))) <= 1e-14)
    }

    @Test func equationsThatContradictEachOther() {
        #expect(throws: SolverError.inconsistentEquations(row: 1, residual: 1)) {
            try AffineSet(matrix: [[1, 1], [2, 2]], rhs: [1, 3])
        }
        #expect(throws: Never.self) { try AffineSet(matrix: [[1, 1], [2, 2]], rhs: [1, 2]) }
        #expect(throws: SolverError.inconsistentEquations(row: 0, residual: 1)) {
            try AffineSet(matrix: [[0, 0]], rhs: [1])
        }
        #expect(throws: SolverError.inconsistentEquations(row: 0, residual: 2)) {
            try ConvexSet.halfspace([0, 0], atMost: -2)
        }
    }

    /// Two sets without a common point: the result says so by its distance.
    @Test func emptyIntersectionsShow() throws {
        let low = try ConvexSet.halfspace([1, 0], atMost: 0)
        let high = try ConvexSet.halfspace([-1, 0], atMost: -1)
        let x = Self.projected([0.3, 2], .intersection([low, high]))
        #expect(max(low.distance(to: x), high.distance(to: x)) > 0.4)
    }

    @Test(arguments: cases) func partsOfRowsAlone(_ example: Case) {
        guard case .rows = example.set else { return }
        for x in Self.vectors(5, seed: 5) {
            var part = x
            var room = [Double](repeating: .nan, count: example.set.room(for: x.count))
            part.withUnsafeMutableBufferPointer { part in
                room.withUnsafeMutableBufferPointer {
                    example.set.project(0..<2, of: part, $0.baseAddress!)
                }  // not empty
            }
            let whole = Self.projected(x, example.set)
            #expect(Array(part[0..<2]) == Array(whole[0..<2]))
            #expect(part[3...] == x[3...])
        }
    }

    @Test func otherOrders() throws {
        let origins = [3, 0, 5, 1, 4, 2]
        for example in Self.cases
        where !["product", "rows of simplices", "rows of balls"].contains(example.description) {
            if example.description.hasPrefix("spectral") { continue }
            for x in Self.vectors(5, seed: 6) {
                let expected = Self.projected(x, example.set)
                let found = Self.projected(origins.map { x[$0] }, example.set.permuted(origins))
                let difference = VectorMath.subtract(found, origins.map { expected[$0] })
                #expect(VectorMath.maxNorm(difference) <= 1e-12, "\(example)")
            }
        }
    }
}
