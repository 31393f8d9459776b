// From a document to a result, in this process.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// A document admitted: its problem, method and limits.
struct Admitted {
    let problem: MultilevelProblem
    let method: MethodConfiguration
    private let document: ProblemDocument

    /// - Parameters:
    ///   - assignments: changes to the document, `path=value`.
    ///   - arrays: by the name of the data entry that reads them from a data set.
    init(_ text: String, _ assignments: [String] = [], arrays: [String: Tensor] = [:]) throws {
        var value = try JSONParser.parse(text)
        for assignment in assignments { value = try value.applying(JSONAssignment(assignment)) }
        var diagnostics = Diagnostics()
        guard let document = DocumentDecoder.decode(value, into: &diagnostics),
            let built = ProblemBuilder.build(
                document.problem, seed: document.seed,
                resolve: { entry, _ in
                    arrays[entry.name].map { .success(.dense($0)) }
                        ?? .failure(DatasetFault(message: "there is no such data set"))
                }, into: &diagnostics),
            let method = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else { throw LevelsError(description: diagnostics.rendered) }
        self.document = document
        self.method = method
        problem = built.problem
    }

    /// Runs to the end.
    func solve() throws -> RunResult {
        let limits = RunLimits(
            iterations: document.limits.iterations, hypergradientTolerance: document.tolerances.hypergradient)
        guard
            let (run, _) = SolverRun.begin(problem, method, limits: limits, seed: document.seed, stop: { nil })
        else { throw LevelsError(description: "the start was not evaluated") }
        while true {
            switch run.advance() {
            case .progress, .silent: continue
            case .ended: return run.finish()
            case .suspended: throw LevelsError(description: "nothing asked the run to stop")
            }
        }
    }
}

/// Seconds of the processor's time that `body` takes: others may be using the machine.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let begin = now()
    try body()
    return now() - begin
}

extension Double {
    /// With so many decimals.
    func text(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
    /// With two digits and an exponent.
    var scientific: String { String(format: "%.1e", self) }
}

extension [Double] {
    var mean: Double { reduce(0, +) / Double(count) }
    /// The standard deviation over the splits themselves.
    var spread: Double { (map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(count)).squareRoot() }
    var median: Double { sorted()[count / 2] }
}
