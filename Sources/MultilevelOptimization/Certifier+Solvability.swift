// Whether the levels of a problem that is evaluated through all of them have solutions where a run ended: whether F depends
// on which of several responses solvers find, and whether F curves the other way on two scales.
import Solvers
import Tensors

extension Certifier {
    /// How far starts are moved, relative to max(1, the largest entry of the response).
    private static let displacement = 0.1
    /// The relative difference of F that other starts make where its value depends on them.
    private static let dependence = 1e-6
    /// The second scale of differences, relative to the first.
    private static let coarser = 32.0

    /// Adds what the levels below, solved from elsewhere, and second differences of F on another scale say.
    func addSolvability(to certificate: inout Certificate, _ exact: Evaluation, _ stop: @escaping StopCheck) {
        guard exact.isUsable else { return }
        let ambiguous = ambiguousLevels(exact, stop)
        certificate.isAmbiguous = !ambiguous.isEmpty
        certificate.remarks += ambiguous.map { LevelFault.ambiguity(of: $0, under: problem.upper) }
        if let smallest = certificate.upperCurvatures.min(), smallest < -certificate.upperScale {
            certificate.isSaddle = confirms(smallest, exact, stop)
        }
    }

    /// The levels with singular matrices whose solvers, begun elsewhere, end where F is another.
    private func ambiguousLevels(_ exact: Evaluation, _ stop: @escaping StopCheck) -> [Level] {
        var stream = RandomStream(seed: seed, stream: "solvability")
        let responses = problem.cutResponses(exact.y)
        return zip(problem.responding, responses.indices).compactMap { level, index in
            let isSingular = [SolveFault.flat, .singular].contains { fault in
                exact.remarks.contains(LevelFault(level, fault).sentence)
            }
            guard isSingular, stop() == nil else { return nil }
            var moved = responses
            let size = Self.displacement * max(1, VectorMath.maxNorm(moved[index]))
            for entry in moved[index].indices { moved[index][entry] += size * stream.normal() }
            let found = oracle.evaluateNested(
                at: exact.x, from: moved.flatMap { $0 }, tolerance: NestedEvaluator.defaultTolerance, stop: stop)
            guard let found, found.isUsable else { return nil }
            return abs(found.value - exact.value) > Self.dependence * max(1, exact.value.magnitude) ? level : nil
        }
    }

    /// Whether F has such a curvature along a direction on a coarser scale too, where rounding makes a thousandth of it.
    private func confirms(_ curvature: Double, _ exact: Evaluation, _ stop: @escaping StopCheck) -> Bool {
        let reference = ReferenceEvaluator(oracle: oracle, stop: stop)
        let step = Self.coarser * differenceStep(at: exact.x)
        var stream = RandomStream(seed: seed, stream: "certificate")
        return (0..<Self.directions).contains { _ in
            var direction = exact.x.map { _ in stream.normal() }
            VectorMath.scale(1 / VectorMath.norm(direction), &direction)
            let values = [step, -step].map { length -> Double in
                var point = exact.x
                VectorMath.add(length, direction, to: &point)
                return reference.value(at: point, from: exact.y) ?? .nan
            }
            let coarse = (values[0] - 2 * exact.value + values[1]) / (step * step)
            return coarse < 0.5 * curvature && coarse > 2 * curvature
        }
    }

    /// The step of differences of F.
    func differenceStep(at x: [Double]) -> Double {
        Double.ulpOfOne.squareRoot().squareRoot() * max(1, VectorMath.maxNorm(x)) / 4
    }
}

extension LevelFault {
    /// One sentence on a level whose solution is not the only one, with what to try.
    static func ambiguity(of level: Level, under upper: Level) -> String {
        "level \(level.name) has more than one solution, and the objective of level \(upper.name) depends on which one its "
            + "solver finds: add a small quadratic term"
    }
}
