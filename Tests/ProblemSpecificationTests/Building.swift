// From the text of a document to a built problem, a settled method, and a run, for tests.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

/// What became of a document.
struct Admitted {
    var document: ProblemDocument?
    var built: BuiltProblem?
    var method: MethodConfiguration?
    var faults: [Diagnostic] = []

    /// `code pointer` of every fault, with line:column where there is one.
    var places: [String] {
        faults.map { fault in
            let position = fault.position.map { " \($0.line):\($0.column)" } ?? ""
            return "\(fault.code.rawValue) \(fault.pointer)\(position)"
        }
    }
}

/// Decodes, builds and settles, as far as that goes.
///
/// - Parameters:
///   - assignments: changes to the document, `path=value`.
///   - datasets: arrays by the name of a data entry.
func admit(_ text: String, _ assignments: [String] = [], datasets: [String: Tensor] = [:]) throws -> Admitted {
    var value = try JSONParser.parse(text)
    for assignment in assignments { value = try value.applying(JSONAssignment(assignment)) }
    var diagnostics = Diagnostics()
    var admitted = Admitted()
    func finished() -> Admitted {
        admitted.faults = diagnostics.kept
        return admitted
    }
    admitted.document = DocumentDecoder.decode(value, into: &diagnostics)
    guard let document = admitted.document else { return finished() }
    admitted.built = ProblemBuilder.build(
        document.problem, seed: document.seed, expressions: document.expressions,
        resolve: { entry, _ in
            datasets[entry.name].map { .success(.dense($0)) }
                ?? .failure(DatasetFault(message: "there is no such data set"))
        }, into: &diagnostics)
    guard let built = admitted.built else { return finished() }
    admitted.method = MethodResolver.resolve(
        document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
    return finished()
}

extension DataArray {
    /// Its numbers, zeros written out.
    var numbers: [Double] {
        switch value {
        case .dense(let tensor): tensor.values
        case .sparse(let matrix): (try? matrix.dense().values) ?? []
        }
    }
}

/// Admits and runs to the end.
func run(
    _ text: String, _ assignments: [String] = [], datasets: [String: Tensor] = [:]
) throws -> (start: ProgressPoint, result: RunResult) {
    let ended = try runThrough(text, assignments, datasets: datasets)
    return (try #require(ended.points.first), ended.result)
}

/// The same, with the last point in place of the first.
func runToTheEnd(_ text: String, _ assignments: [String]) throws -> (last: ProgressPoint, result: RunResult) {
    let ended = try runThrough(text, assignments)
    return (try #require(ended.points.last), ended.result)
}

/// Admits and runs to the end, with the first progress point and the last.
private func runThrough(
    _ text: String, _ assignments: [String], datasets: [String: Tensor] = [:]
) throws -> (points: [ProgressPoint], result: RunResult) {
    let admitted = try admit(text, assignments, datasets: datasets)
    let document = try #require(admitted.document, "\(admitted.faults)")
    let built = try #require(admitted.built, "\(admitted.faults)")
    let method = try #require(admitted.method, "\(admitted.faults)")
    let limits = RunLimits(
        iterations: document.limits.iterations, oracleCalls: document.limits.oracleCalls,
        oracleKinds: document.limits.oracleKinds,
        hypergradientTolerance: document.tolerances.hypergradient, progressEvery: document.progress.every)
    let (run, start) = try #require(
        SolverRun.begin(built.problem, method, limits: limits, seed: document.seed, stop: { nil }))
    var points = [start]
    while true {
        switch run.advance() {
        case .progress(let point): points = [start, point]
        case .silent: continue
        case .ended: return (points, run.finish())
        case .suspended: Issue.record("nothing asked the run to stop")
        }
    }
}
