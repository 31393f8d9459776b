// The result document: what `solve` prints and a job's result answers.
import MultilevelOptimization
import ProblemSpecification

/// Where a result came from.
package struct Provenance: Sendable, Equatable {
    package var version: String
    package var revision: String
    /// The BLAS library and its kernel variant.
    package var blas: String
    /// The variant of our own kernels.
    package var kernels: String
    package var threads: Int
    /// What the method computed in.
    package var precision: String
    package var documentSHA256: String
}

/// Seconds spent.
package struct Timings: Sendable, Equatable {
    package var queued: Double?
    package var compile: Double
    package var solve: Double
}

/// Composes result documents.
package enum ResultDocument {
    /// The document of a finished run.
    ///
    /// `result_sha256` is taken over the canonical JSON of all members but `job`, `timings` and `provenance`.
    package static func compose(
        _ result: RunResult, run: SolverRun, timings: Timings, provenance: Provenance, job: String? = nil
    ) -> JSONValue {
        compose(result, run: run, timings: timings, provenance: provenance, job: job, ensemble: nil)
    }

    /// - Parameter ensemble: what the job's other runs found, where it has several and this is the best.
    static func compose(
        _ result: RunResult, run: SolverRun, timings: Timings, provenance: Provenance, job: String?,
        ensemble: EnsembleDocument.Summary?
    ) -> JSONValue {
        var body = JSONObjectBuilder()
        body.add("state", result.termination.isSuccess ? "succeeded" : "failed")
        body.add("termination", result.termination.rawValue)
        var method = JSONObjectBuilder()
        method.add("name", run.configuration.name)
        method.add("reason", run.configuration.reason)
        body.add("method", method)
        body.add("objective", objective(result))
        body.add("variables", variables(result, run.problem))
        if !result.levels.isEmpty { body.add("levels", .array(result.levels.map(level))) }
        body.add("certificate", certificate(result.certificate))
        var best = JSONObjectBuilder()
        best.add("iteration", result.bestIteration)
        body.add("best", best)
        body.add("iterations", ensemble?.iterations ?? result.iterations)
        body.add("oracle", oracle(ensemble?.counts(result.counts) ?? result.counts))
        if !result.remarks.isEmpty { body.add("remarks", .array(result.remarks.map(JSONValue.string))) }
        body.add("seed", Self.seed(run.seed))
        if let ensemble {
            body.add("best_member", ensemble.best)
            body.add("members", ensemble.list)
        }
        let hash = Digest.sha256(JSONWriter.bytes(body.value, style: .canonical))

        var document = JSONObjectBuilder()
        if let job { document.add("job", job) }
        for member in body.members { document.add(member.name, member.value) }
        document.add("timings", self.timings(timings, result.levels))
        document.add("result_sha256", hash)
        document.add("provenance", self.provenance(provenance))
        return document.value
    }

    /// Seeds beyond the exact integers of JSON are written as text.
    static func seed(_ seed: UInt64) -> JSONValue {
        Int(exactly: seed).map(JSONValue.integer) ?? .string(String(seed))
    }

    private static func objective(_ result: RunResult) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("upper", result.objectives.first ?? .nan)
        object.add("levels", .list(result.objectives.map(JSONValue.jsonNumber)))
        return object
    }

    private static func variables(_ result: RunResult, _ problem: MultilevelProblem) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        var levels = [(problem.upper, result.x)]
        levels += zip(problem.responding, problem.cutResponses(result.y)).map { ($0, $1) }
        for (level, vector) in levels {
            for part in level.parts(of: vector) {
                object.add(part.variable.name, .array(part.values, shape: part.variable.shape))
            }
        }
        return object
    }

    private static func level(_ level: LevelOutcome) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", level.name)
        object.add("response", level.response.name)
        object.add("residual", level.residual)
        object.add("oracle", counts(level.counts))
        return object.value
    }

    static func counts(_ counts: LevelCounts) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        for (name, count) in counts.named { object.add(name, count) }
        return object
    }

    private static func curvature(_ curvature: Curvature) -> JSONObjectBuilder {
        var range = JSONObjectBuilder()
        range.add("min", curvature.smallest)
        range.add("max", curvature.largest)
        range.add("kind", curvature.isExact ? Confidence.verified.rawValue : Confidence.estimated.rawValue)
        return range
    }

    private static func level(_ level: LevelCertificate) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", level.name)
        object.add("residual", level.residual.residual)
        object.add("linear_residual", level.residual.linearResidual)
        if let curvature = level.curvature { object.add("curvature", Self.curvature(curvature)) }
        object.add("kind", level.confidence.rawValue)
        return object.value
    }

    private static func certificate(_ certificate: Certificate) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("hypergradient_norm", certificate.hypergradientNorm)
        object.add("projected", certificate.isProjected)
        object.add("lower_residual", certificate.lowerResidual)
        object.add("linear_residual", certificate.linearResidual)
        if let curvature = certificate.curvature { object.add("lower_curvature", Self.curvature(curvature)) }
        if !certificate.levels.isEmpty { object.add("levels", .array(certificate.levels.map(level))) }
        var error = JSONObjectBuilder()
        error.add("value", certificate.hypergradientError)
        error.add("kind", certificate.errorConfidence.rawValue)
        object.add("hypergradient_error", error)
        if let difference = certificate.differenceError {
            var check = JSONObjectBuilder()
            check.add("relative_error", difference)
            check.add("directions", certificate.differenceDirections)
            object.add("finite_difference", check)
        }
        var words = JSONObjectBuilder()
        for (name, confidence) in certificate.confidences { words.add(name, confidence.rawValue) }
        object.add("confidence", words)
        return object
    }

    static func oracle(_ counts: OracleCounts) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        for (name, count) in counts.named { object.add(name, count) }
        return object
    }

    private static func timings(_ timings: Timings, _ levels: [LevelOutcome]) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("queued_s", timings.queued)
        object.add("compile_s", timings.compile)
        object.add("solve_s", timings.solve)
        if levels.contains(where: { $0.seconds != nil }) {
            var seconds = JSONObjectBuilder()
            for level in levels { seconds.add(level.name, level.seconds) }
            object.add("levels_s", seconds)
        }
        return object
    }

    private static func provenance(_ provenance: Provenance) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("version", provenance.version)
        object.add("revision", provenance.revision)
        object.add("blas", provenance.blas)
        object.add("kernels", provenance.kernels)
        object.add("threads", provenance.threads)
        object.add("precision", provenance.precision)
        object.add("document_sha256", provenance.documentSHA256)
        return object
    }
}
