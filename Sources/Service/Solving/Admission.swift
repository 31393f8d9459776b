// A document admitted: built, its method settled, its limits known. The one way from a document to something that runs.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification

/// A problem ready to be solved.
package struct AdmittedJob: Sendable {
    package let built: BuiltProblem
    package let method: MethodConfiguration
    package let limits: RunLimits
    package let document: ProblemDocument
    package let documentSHA256: String
    package let warnings: Diagnostics

    /// What a written state must belong to: the document, the method, and the numerical environment, whose change would
    /// change bits.
    package func identity(_ provenance: Provenance) -> String {
        "\(documentSHA256) \(method.name) \(provenance.blas) \(provenance.kernels)"
    }
}

/// Admits documents.
package enum Admission {
    /// Builds the problem and settles the method, or reports every fault.
    ///
    /// - Parameter machineBytes: memory of the machine; a document's own limit may be lower.
    package static func admit(
        _ loaded: LoadedDocument, machineBytes: Int = KernelEnvironment.memoryBytes
    ) throws(DocumentLoadError) -> AdmittedJob {
        var diagnostics = loaded.diagnostics
        let document = loaded.document
        guard !hasBrokenParts(diagnostics) else {
            ProblemBuilder.checkSyntax(document.problem, into: &diagnostics)
            throw .faults(diagnostics)
        }
        guard
            let built = ProblemBuilder.build(
                document.problem, seed: document.seed,
                memoryBytes: min(document.limits.memoryBytes ?? .max, machineBytes),
                resolve: loaded.datasets.resolve, into: &diagnostics),
            let method = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else { throw .faults(diagnostics) }
        let limits = RunLimits(
            iterations: document.limits.iterations, oracleCalls: document.limits.oracleCalls,
            hypergradientTolerance: document.tolerances.hypergradient, progressEvery: document.progress.every)
        return AdmittedJob(
            built: built, method: method, limits: limits, document: document, documentSHA256: loaded.sha256,
            warnings: diagnostics)
    }

    /// Whether parts of the document are missing, so that names and shapes would only raise faults that follow from
    /// theirs. Fields that are merely unknown break nothing.
    private static func hasBrokenParts(_ diagnostics: Diagnostics) -> Bool {
        diagnostics.kept.contains { $0.severity == .error && $0.code != .unknownField }
    }
}
