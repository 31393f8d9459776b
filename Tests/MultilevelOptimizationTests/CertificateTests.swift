// Certificates: what is said about the final point agrees with what can be measured from outside.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct CertificateTests {
    private static func end(
        _ problem: MultilevelProblem, _ method: MethodConfiguration, _ limits: RunLimits
    ) throws -> (run: SolverRun, result: RunResult, certificate: Certificate) {
        let (run, _) = try #require(begin(problem, method, limits))
        _ = drive(run)
        var looks = 0
        let result = run.finish(stop: {
            looks += 1
            return nil
        })
        // At the point itself, and at both ends of every direction.
        #expect(looks > 2 * result.certificate.differenceDirections, "who waits for a certificate sees that it goes on")
        return (run, result, result.certificate)
    }

    /// Three ways to the hypergradient, one solution, each certified by the same yardstick.
    @Test(arguments: RandomProblem.all) func methodsAgreeOnTheSolution(_ random: RandomProblem) throws {
        let problem = try random.build()
        let limits = RunLimits(iterations: 500, hypergradientTolerance: 1e-8)
        let methods: [MethodConfiguration] = [
            .aid(), .aid(linear: .fixedPoint(step: nil, steps: 5000, tolerance: 1e-12)),
            .itd(step: .automatic, steps: 300),
        ]
        let ends = try methods.map { try Self.end(problem, $0, limits) }
        for (_, result, certificate) in ends {
            #expect(result.termination == .converged)
            #expect(abs(result.objectives[0] - ends[0].result.objectives[0]) <= 1e-10)
            #expect(certificate.hypergradientNorm <= 2e-8)
            #expect((certificate.hypergradientError ?? 1) <= 1e-7)
            #expect(certificate.errorConfidence == .estimated)
            #expect((certificate.differenceError ?? 1) <= 1e-6)
            #expect((certificate.curvature?.smallest ?? 0) > 0.99)
        }
    }

    /// A truncated method stops where its own hypergradient vanishes; the certificate measures the true one.
    @Test func aBiasedMethodIsFoundOut() throws {
        let problem = try RandomProblem(seed: 2, upper: 3, lower: 4).build()
        let method = MethodConfiguration.itd(step: .schedule(.constant(0.1)), steps: 200, truncation: 3)
        let (run, result, certificate) = try Self.end(
            problem, method, RunLimits(iterations: 500, hypergradientTolerance: 1e-9))
        #expect(result.termination == .converged)
        #expect(VectorMath.norm(run.state.best.hypergradient) <= 1e-9)
        let exact = try differenceGradient(problem.starting(at: result.x))
        #expect(VectorMath.norm(exact) > 1e-3)
        #expect(abs(certificate.hypergradientNorm - VectorMath.norm(exact)) <= 1e-6)
        #expect(abs((certificate.hypergradientError ?? 0) - VectorMath.norm(exact)) <= 1e-6)
    }

    /// Shuffled epochs, steps found by itself: close to the solution of the full-batch method.
    @Test(arguments: [1, 2] as [UInt64]) func batchesLeadToTheSameSolution(_ seed: UInt64) throws {
        let problem = try RandomProblem(seed: seed, upper: 3, lower: 4, rows: (50, 41), batch: (8, 6)).build()
        let exact = try Self.end(problem, .aid(), RunLimits(iterations: 300, hypergradientTolerance: 1e-9))
        let (_, start) = try #require(begin(problem, .soba(), RunLimits(iterations: 0)))
        let sampled = try Self.end(problem, .soba(), RunLimits(iterations: 20_000, progressEvery: 1000))
        let gap = start.upperObjective - exact.result.objectives[0]
        #expect(sampled.result.termination == .iterationLimit)
        #expect(abs(sampled.result.objectives[0] - exact.result.objectives[0]) <= 0.01 * gap)
        #expect(sampled.certificate.hypergradientNorm <= 0.05 * start.hypergradientNorm)
    }
}
