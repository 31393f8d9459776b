// What a run leaves behind.
import ExpressionGraph
import Solvers
import Tensors

/// How well one level below the outermost is solved at the best point.
package struct LevelOutcome: Sendable, Equatable {
    package let name: String
    package let response: ResponseRule
    /// ‖∇f‖₂ in the level's variables, ‖P(x − ∇f) − x‖₂ over sets and with norms, ‖Φ(x) − x‖₂ of a fixed point, deeper
    /// levels responding.
    package let residual: Double
    /// Of the run, the certificate's own evaluations not included.
    package let counts: LevelCounts
    /// Of this process, deeper levels not included; `nil` without a stopwatch.
    package let seconds: Double?
}

/// The outcome of a run, in the user's signs.
package struct RunResult: Sendable, Equatable {
    package let termination: Termination
    package let iterations: Int
    package let bestIteration: Int
    /// The best point, by level.
    package let x: [Double]
    package let y: [Double]
    /// The objective of every level at that point.
    package let objectives: [Double]
    package let certificate: Certificate
    package let counts: OracleCounts
    package let remarks: [String]
    /// Of methods for any number of levels.
    package let levels: [LevelOutcome]
}

extension SolverRun {
    /// Operations that the certificate of a run out of time may take: about a second.
    static let lateOperations = 2_000_000_000

    /// Measures the best point and closes the run. A run that was stopped by a person, or diverged, gets no new
    /// measurements beyond its last evaluation, so that stopping is quick; one out of time gets what a bounded number of
    /// operations allows. What is not measured, the certificate calls unknown.
    package func finish(stop: @escaping StopCheck = { nil }) -> RunResult {
        var termination = state.termination ?? .userStop
        if termination.isSuccess && termination != .userStop { considerLast(stop) }
        let best = state.best
        let measured: Certificate?
        let certifier = Certifier(problem: problem, oracle: oracle.reference, seed: seed)
        let (levelCounts, seconds) = (oracle.levelCounts, oracle.levelSeconds)
        var remarks = state.remarks
        switch termination {
        case .converged, .iterationLimit, .oracleLimit, .stalled:
            measured = certifier.certify(best, startNorm: state.startNorm, stop: stop)
        case .timeLimit:
            let reference = oracle.reference
            let limit = reference.operations.adding(Self.lateOperations)
            let late: StopCheck = { stop() ?? (reference.operations > limit ? .oracleLimit : nil) }
            measured = certifier.certify(best, startNorm: state.startNorm, stop: late)
        case .userStop, .diverged, .infeasible: measured = nil
        }
        let certificate = measured ?? Certificate(unmeasured: best, norm: projectedNorm(best), problem)
        if let measured {
            for remark in shapes(measured, termination)
            where !remarks.contains(where: { Diagnosis.isSame($0, remark) || $0.hasSuffix(": \(remark)") }) {
                remarks.append(remark)
            }
            let verdict = verdict(measured, termination)
            termination = verdict.termination
            if let remark = verdict.remark { remarks.append(remark) }
        }
        let (objectives, levels) =
            problem.isNested ? nestedObjectives(at: best, levelCounts, seconds) : (levelObjectives(at: best), [])
        return RunResult(
            termination: termination, iterations: state.iteration, bestIteration: state.bestIteration,
            x: restoredUpper(best.x), y: restoredLower(best.y), objectives: objectives, certificate: certificate,
            counts: oracle.counts,
            remarks: remarks, levels: levels)
    }

    /// Takes the last point for the best where it is better with the level below solved, of methods that follow that level
    /// and do not solve it: then a low value may be due to y alone.
    private func considerLast(_ stop: @escaping StopCheck) {
        guard configuration.followsLowerLevel, state.bestIteration < state.iteration,
            case .doubleLoop(_, let last) = state.method, last.isUsable
        else { return }
        let reference = ReferenceEvaluator(oracle: oracle.reference, stop: stop)
        guard let kept = reference.value(at: state.best.x, from: state.best.y),
            let found = reference.value(at: last.x, from: last.y), found < kept
        else { return }
        state.best = last
        state.bestIteration = state.iteration
    }

    /// How a run ended, by what the certificate says of its point, and why it was not as the method has it.
    private func verdict(
        _ certificate: Certificate, _ termination: Termination
    ) -> (termination: Termination, remark: String?) {
        switch termination {
        case .iterationLimit, .oracleLimit, .timeLimit, .userStop, .diverged, .infeasible: return (termination, nil)
        case .converged, .stalled: break
        }
        let hasNoSolution = certificate.isInfeasible || certificate.isAmbiguous || certificate.isSaddle
        if certificate.hasNegativeCurvature || hasNoSolution && configuration.aimsAtHypergradient {
            return (.infeasible, nil)
        }
        guard termination == .converged else {
            let isStationary = projectedNorm(state.best) <= tolerance
            return (termination, isStationary ? nil : Diagnosis.kink(certificate.slopes, of: problem.upper))
        }
        if let remark = bias(certificate) { return (.converged, remark) }
        if let remark = contradiction(certificate) ?? remoteness(certificate) { return (.stalled, remark) }
        return (.converged, nil)
    }

    /// Whether ∇F is far from 0 where the method found its direction to vanish.
    private func isFar(_ certificate: Certificate) -> Bool {
        let allowed = max(
            10 * tolerance, problem.precision.defaultTolerance.squareRoot() * max(1, state.startNorm))
        return certificate.normConfidence == .verified && certificate.hypergradientNorm > allowed
    }

    /// What a method that goes along another direction than ∇F by design has found; `nil` for others, and where it agrees.
    private func bias(_ certificate: Certificate) -> String? {
        guard configuration.convergesByNorm, !configuration.aimsAtHypergradient, isFar(certificate) else { return nil }
        return
            "converged by the method's own direction: with the levels below solved the hypergradient's norm is "
            + "\(Diagnosis.rounded(certificate.hypergradientNorm)): take more steps or terms, or another method"
    }

    /// Why a point whose norm the method found small is no stationary point by the certificate; `nil` where that agrees, or
    /// where the method goes along another direction than ∇F by design, which `hypergradient_error` measures.
    private func contradiction(_ certificate: Certificate) -> String? {
        guard configuration.aimsAtHypergradient else { return nil }
        if isFar(certificate) {
            return
                "not converged: with the levels below solved down to rounding the hypergradient's norm is "
                + "\(Diagnosis.rounded(certificate.hypergradientNorm)), not within the tolerance as the method has it: "
                + "give the lower solver a smaller tolerance, or scale the objectives of the levels alike"
        }
        if certificate.slopes.contradictsMethod || certificate.isFlatAndContradicted {
            return
                Diagnosis.kink(certificate.slopes, of: problem.upper)
                ?? "not converged: differences of level \(problem.upper.name)'s total objective, the levels below solved "
                + "anew, contradict the hypergradient: see whether a level below has a kink there, or is flat"
        }
        return nil
    }

    /// Why a norm within the default tolerance says nothing: F is as flat as that, and its minimum is far away by its own
    /// slopes and curvatures.
    private func remoteness(_ certificate: Certificate) -> String? {
        let size = max(1, VectorMath.norm(state.best.x))
        guard limits.hypergradientTolerance == nil, problem.upper.constraint == .whole,
            certificate.slopes.distance > Self.remote * size
        else { return nil }
        return
            "not converged: the hypergradient's norm is within the tolerance, but level \(problem.upper.name)'s total "
            + "objective is as flat, its \(problem.upper.extremum) may be about "
            + "\(Diagnosis.rounded(certificate.slopes.distance)) away, or there is none: give tolerances.hypergradient a "
            + "smaller number, or scale that objective"
    }

    /// Newton's step from a point that counts as converged, relative to max(1, ‖x‖), at the most.
    private static let remote = 1e-3

    /// What the certificate says against taking the point for an optimum, level by level.
    private func shapes(_ certificate: Certificate, _ termination: Termination) -> [String] {
        var remarks = certificate.remarks
        if let curvature = certificate.curvature, remarks.isEmpty {
            let rounding = 1e-12 * curvature.magnitude
            if curvature.smallest < -rounding {
                remarks.append(LevelFault(problem.lower, .indefinite).sentence)
            } else if curvature.smallest <= rounding {
                remarks.append(LevelFault(problem.lower, .flat).sentence)
            }
        }
        let isStationary = termination == .converged || termination == .stalled
        if isStationary, configuration.convergesByNorm,
            let remark = Diagnosis.shape(
                certificate.upperCurvatures, scale: certificate.upperScale, of: problem.upper)
        {
            remarks.append(remark)
        }
        return remarks
    }

    /// The objectives of all levels as they respond at the best point, and how well each is solved there.
    private func nestedObjectives(
        at best: Evaluation, _ counts: [LevelCounts], _ seconds: [Double]
    ) -> (objectives: [Double], levels: [LevelOutcome]) {
        let rules = configuration.responses ?? problem.implicitResponses
        let found = oracle.nested(rules).evaluateValue(at: best.x, from: problem.cutResponses(best.y))
        let deeper = zip(problem.responding, found.objectives.dropFirst()).map { $0.sense.sign * $1 }
        let levels = problem.responding.indices.map { index in
            LevelOutcome(
                name: problem.levels[index].name, response: rules[index - 1], residual: found.residuals[index - 1],
                counts: counts.isEmpty ? LevelCounts() : counts[index],
                seconds: seconds.isEmpty ? nil : seconds[index])
        }
        return ([sign * best.value] + deeper, levels)
    }

    /// The objectives at the best point: the upper one as the run has evaluated it, or anew where it did so in less
    /// than float64.
    private func levelObjectives(at best: Evaluation) -> [Double] {
        let oracle = oracle.reference
        oracle.setUpper(best.x)
        if !problem.isSingleLevel { oracle.setLower(best.y) }
        let upper = sign * (problem.precision == .float64 ? best.value : oracle.upperValue())
        if problem.isSingleLevel { return [upper] }
        let lower = oracle.lowerValue() + oracle.regularizer().value(best.y)
        return [upper, problem.lower.sense.sign * lower]
    }
}
