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
    /// What the run takes in memory.
    package var price: MemoryPrice
    package var document: ProblemDocument
    package let documentSHA256: String
    package var warnings: Diagnostics
    /// The runs to make, of which this is the first; nil for this alone.
    package var ensemble: AdmittedEnsemble?

    /// What it selects of data sets.
    var selections: [DatasetSelection] { ensemble?.selections ?? document.problem.selections }

    /// What a written state must belong to: the document, the method, and the numerical environment, whose change would
    /// change bits. The precision is part of the document.
    package func identity(_ provenance: Provenance) -> String {
        let run = "\(documentSHA256) \(method.name) \(provenance.blas) \(provenance.kernels)"
        guard let ensemble else { return run }
        // The hash does not know the order of a sweep's places, which decides who is who.
        let settings = ensemble.members.map { JSONWriter.string(.object($0.settings)) }
        return run + " " + Digest.sha256(Array(settings.joined(separator: "\n").utf8))
    }
}

/// Admits documents.
package enum Admission {
    /// Builds the problem and settles the method, or reports every fault.
    ///
    /// - Parameter machineBytes: memory of the machine, or of a job's process; a document's own limit may be lower.
    package static func admit(
        _ loaded: LoadedDocument, machineBytes: Int = KernelEnvironment.memoryBytes
    ) throws(DocumentLoadError) -> AdmittedJob {
        guard let request = loaded.document.ensemble else {
            return try admitOne(loaded, machineBytes: machineBytes, documentSHA256: loaded.sha256, memory: nil)
        }
        return try EnsembleAdmission(loaded, request, machineBytes: machineBytes).admit()
    }

    /// Admits one run of a document.
    ///
    /// - Parameters:
    ///   - documentSHA256: of the job's document.
    ///   - memory: remembers data sets for other runs of the job.
    static func admitOne(
        _ loaded: LoadedDocument, machineBytes: Int, documentSHA256: String, memory: DatasetMemory?
    ) throws(DocumentLoadError) -> AdmittedJob {
        var diagnostics = loaded.diagnostics
        let document = loaded.document
        let memoryBytes = min(document.limits.memoryBytes ?? .max, machineBytes)
        guard
            let built = ProblemBuilder.build(
                document.problem, seed: document.seed, memoryBytes: memoryBytes, expressions: document.expressions,
                resolve: { entry, selection in
                    if let known = memory?.value(selection) { return .success(known) }
                    let found = loaded.datasets.resolve(entry, selection, memoryBytes: memoryBytes)
                    if let memory, case .success(let value) = found { memory.remember(value, of: selection) }
                    return found
                }, into: &diagnostics),
            let method = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else { throw .faults(diagnostics) }
        let price = MemoryPrice(built.problem, method)
        guard price.totalBytes <= memoryBytes else {
            diagnostics.report(.error, tooExpensive(price, method, allowed: memoryBytes))
            throw .faults(diagnostics)
        }
        let limits = RunLimits(
            iterations: document.limits.iterations, oracleCalls: document.limits.oracleCalls,
            oracleKinds: document.limits.oracleKinds,
            hypergradientTolerance: document.tolerances.hypergradient, progressEvery: document.progress.every)
        return AdmittedJob(
            built: built, method: method, limits: limits, price: price, document: document,
            documentSHA256: documentSHA256, warnings: diagnostics)
    }

    private static func tooExpensive(
        _ price: MemoryPrice, _ method: MethodConfiguration, allowed: Int
    ) -> Diagnostic {
        Diagnostic(
            pointer: "/problem", code: .limitExceeded,
            message: "\(method.name) needs \(describe(price.totalBytes)) bytes of memory (data "
                + "\(describe(price.dataBytes)), programs \(describe(price.programBytes)), vectors "
                + "\(describe(price.vectorBytes))); the job may use \(allowed)",
            hint: "write formulas with smaller intermediate arrays, or raise limits.memory_bytes as far as the "
                + "machine allows")
    }

    /// A count, which may stand at the largest integer for anything beyond.
    private static func describe(_ bytes: Int) -> String { bytes == .max ? "uncountably many" : "\(bytes)" }
}
