// Proximal maps held against their optimality conditions and Moreau's identity; FISTA and faces against closed forms.

import Solvers
import Tensors
import Testing

@Suite struct ProximalFunctionTests {
    static let l1 = ProximalFunction(
        terms: [ProximalTerm(entries: 0..<4, norm: .absolute, weights: [0.5, 1, 0, 2])])
    static let groups = ProximalFunction(
        terms: [ProximalTerm(entries: 0..<6, norm: .groups(width: 3), weights: [1.5, 0.3])])

    private func applied(_ function: ProximalFunction, _ x: [Double], step: Double = 1) -> [Double] {
        var result = x
        function.apply(&result, step: step)
        return result
    }

    @Test func softThresholds() {
        #expect(applied(Self.l1, [3, -0.5, -2, -2]) == [2.5, 0, -2, 0])
        #expect(applied(Self.l1, [3, -3, 1, 5], step: 2) == [2, -1, 1, 1])
        let shrunk = applied(Self.groups, [3, 4, 0, 0.1, 0.1, 0.1])
        #expect(VectorMath.maxNorm(VectorMath.subtract(shrunk, [2.1, 2.8, 0, 0, 0, 0])) <= 1e-15)
        #expect(shrunk[2...].allSatisfy { $0 == 0 })
    }

    /// x = prox_h(x) + prox_h*(x), where h* is the indicator of the dual ball.
    @Test func moreausIdentity() {
        for x in ConvexSetProjectionTests.vectors(30, seed: 8) {
            let short = Array(x[0..<4])
            let weights = Self.l1.terms[0].weights
            let clipped = zip(short, weights).map { min(max($0, -$1), $1) }
            let sum = zip(applied(Self.l1, short), clipped).map(+)
            #expect(VectorMath.maxNorm(VectorMath.subtract(sum, short)) <= 1e-14)
            var dual = x
            ConvexSet.product([.init(count: 3, set: .l2Ball(radius: 1.5)), .init(count: 3, set: .l2Ball(radius: 0.3))])
                .project(&dual)
            let whole = zip(applied(Self.groups, x), dual).map(+)
            #expect(VectorMath.maxNorm(VectorMath.subtract(whole, x)) <= 1e-14)
        }
    }

    @Test(arguments: [l1, groups]) func noPointIsLower(_ function: ProximalFunction) {
        let count = function.terms[0].entries.count
        for x in ConvexSetProjectionTests.vectors(10, seed: 9) {
            let start = Array(x[0..<count])
            let best = applied(function, start, step: 0.7)
            func objective(_ z: [Double]) -> Double {
                let distance = VectorMath.norm(VectorMath.subtract(z, start))
                return 0.7 * function.value(z) + 0.5 * distance * distance
            }
            for direction in ConvexSetProjectionTests.vectors(20, seed: 10, scale: 0.1) {
                let other = zip(best, direction).map(+)
                #expect(objective(best) <= objective(other))
            }
        }
    }

    /// Sets and norms of the same entries: of all points of the set, none is lower.
    static let composed = [
        ProximalFunction(
            set: try! .box(lower: [0, -1, 0.5, -0.2, -.infinity, -3], upper: [9, 2, 2, 0.1, 1, -1]), terms: [mixed]),
        ProximalFunction(set: .l2Ball(radius: 1), terms: [mixed]),
        ProximalFunction(set: .l1Ball(radius: 1), terms: [mixed]),
        ProximalFunction(set: .rows(width: 3, .l1Ball(radius: 0.7)), terms: [mixed]),
        ProximalFunction(set: .l2Ball(radius: 1), terms: groups.terms),
        ProximalFunction(set: .rows(width: 3, .l2Ball(radius: 0.5)), terms: groups.terms),
    ]
    private static let mixed = ProximalTerm(
        entries: 0..<6, norm: .absolute, weights: [0.5, 1, 0, 0.2, 0.3, 0.1])

    @Test(arguments: composed) func noPointOfTheSetIsLower(_ function: ProximalFunction) {
        #expect(function.terms[0].norm.composes(with: function.set))
        for start in ConvexSetProjectionTests.vectors(10, seed: 13) {
            let best = applied(function, start, step: 0.7)
            func objective(_ z: [Double]) -> Double {
                let distance = VectorMath.norm(VectorMath.subtract(z, start))
                return 0.7 * function.value(z) + 0.5 * distance * distance
            }
            for scale in [1, 0.1, 1e-3] {
                for direction in ConvexSetProjectionTests.vectors(20, seed: 14, scale: scale) {
                    var other = zip(best, direction).map(+)
                    function.set.project(&other)
                    #expect(objective(best) <= objective(other) + 1e-12)
                }
            }
        }
    }

    /// What has no closed form: the projection of the shrunk point is not the lowest.
    @Test func otherPairsDoNotCompose() throws {
        let box = try ConvexSet.box(lower: [0], upper: [.infinity])
        let plane = ConvexSet.affine(try AffineSet(matrix: [[1]], rhs: [1]))
        let half = try ConvexSet.halfspace([1], atMost: 1)
        for set in [
            .simplex(radius: 1), plane, half, .spectralBall(rows: 1, columns: 1, radius: 1), .intersection([box]),
        ] {
            #expect(!ProximalTerm.Norm.absolute.composes(with: set))
            #expect(!ProximalTerm.Norm.groups(width: 1).composes(with: set))
        }
        for set in [box, .l1Ball(radius: 1), .rows(width: 2, .l2Ball(radius: 1))] {
            #expect(!ProximalTerm.Norm.groups(width: 3).composes(with: set))
        }
    }

    @Test func negativeWeightsAndNaNShow() {
        let negative = ProximalFunction(terms: [ProximalTerm(entries: 0..<1, norm: .absolute, weights: [-1])])
        #expect(applied(negative, [1])[0].isNaN)
        #expect(applied(Self.l1, [.nan, 0, 0, 0])[0].isNaN)
        #expect(applied(Self.groups, [.nan, 1, 1, 1, 1, 1])[1].isNaN)
    }

    /// g = ½ (y − t)ᵀ A (y − t) with A = diag(1, 2, 3, 4): each entry by itself, t − w sign / a or 0.
    @Test func fistaFindsSparseMinimisers() throws {
        let (a, t) = ([1.0, 2, 3, 4], [3.0, 0.2, -1, 5])
        func value(_ y: [Double]) -> Double {
            zip(a, zip(y, t)).reduce(0) { $0 + 0.5 * $1.0 * ($1.1.0 - $1.1.1) * ($1.1.0 - $1.1.1) }
        }
        func gradient(_ y: [Double], _ g: inout [Double]) {
            for i in g.indices { g[i] = a[i] * (y[i] - t[i]) }
        }
        let objective = SmoothObjective(
            value: value, gradient: gradient,
            valueAndGradient: { y, g in
                gradient(y, &g)
                return value(y)
            })
        let method = AcceleratedProximalGradient(
            regularizer: Self.l1, firstStep: 10, tolerance: Tolerance(absolute: 1e-12), maxIterations: 1000)
        let solution = try method.minimize(objective, from: [0, 0, 0, 0], shouldStop: { false })
        #expect(solution.status == .converged)
        #expect(VectorMath.maxNorm(VectorMath.subtract(solution.point, [2.5, 0, -1, 4.5])) <= 1e-11)
        #expect(solution.point[1] == 0)
        let plain = GradientDescent(
            step: .schedule(.constant(0.4)), tolerance: Tolerance(absolute: 1e-12), maxIterations: 1000,
            regularizer: Self.l1)
        let slow = try plain.minimize(objective, from: [0, 0, 0, 0], shouldStop: { false })
        #expect(VectorMath.maxNorm(VectorMath.subtract(slow.point, solution.point)) <= 1e-11)
    }

    /// Minimises ½‖y − t‖² over sets and with norms: the derivative of the projection is P/(1 + curvature).
    @Test(
        arguments: [
            ProximalFunction(set: .simplex(radius: 1)), ProximalFunction(set: .l1Ball(radius: 1)),
            ProximalFunction(set: .l2Ball(radius: 1)), ProximalFunction(set: .rows(width: 3, .l2Ball(radius: 1))),
            ProximalFunction(
                set: .affine(try! AffineSet(matrix: [[1, 2, 3, 0, 0, 1], [1, 0, 1, 0, 1, 0]], rhs: [1, 2]))),
            ProximalFunction(set: try! .halfspace([1, 1, 1, 1, 1, 1], atMost: 0.1)),
            ProximalFunction(set: try! .box(lower: [0, 0, 0, -1, -1, -1], upper: [1, 1, 1, 1, 1, 1])), groups,
            ProximalFunction(terms: [ProximalTerm(entries: 0..<6, norm: .absolute, weights: [1, 1, 1, 1, 1, 1])]),
        ] + composed)
    func facesAreDerivativesOfProximalMaps(_ function: ProximalFunction) {
        for (t, direction) in zip(
            ConvexSetProjectionTests.vectors(8, seed: 11), ConvexSetProjectionTests.vectors(8, seed: 12, scale: 1))
        {
            let y = applied(function, t)
            let face = Face(of: function, at: y, gradient: VectorMath.subtract(y, t))
            let step = 1e-6
            let high = applied(function, zip(t, direction).map { $0 + step * $1 })
            let low = applied(function, zip(t, direction).map { $0 - step * $1 })
            let difference = zip(high, low).map { ($0 - $1) / (2 * step) }
            // The derivative d solves P (I + C) P d = P direction.
            var residual = difference
            face.addCurvature(difference, to: &residual)
            residual = VectorMath.subtract(residual, direction)
            face.project(&residual)
            #expect(VectorMath.maxNorm(residual) <= 1e-7)
            var tangent = difference
            face.project(&tangent)
            #expect(VectorMath.maxNorm(VectorMath.subtract(tangent, difference)) <= 1e-7)
            var derivative = direction
            face.solveProximal(&derivative)
            #expect(VectorMath.maxNorm(VectorMath.subtract(derivative, difference)) <= 1e-7)
        }
    }
}
