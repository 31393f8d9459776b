// SOBA on the workload W2, whose upper variables are one weight per training image: held against recorded iterates of
// two step sizes, then timed.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

/// Arrays written by `data.py`.
struct Workload {
    static let batch = 64
    static let rows = (lower: 20_000, upper: 5_000)
    static let document = """
        {"problem": {
          "data": {
            "X":  {"dataset": "train"}, "y":  {"dataset": "train", "columns": "label"},
            "Xv": {"dataset": "validation"}, "yv": {"dataset": "validation", "columns": "label"}},
          "samples": {
            "train": {"arrays": ["X", "y"], "batch": 64}, "validation": {"arrays": ["Xv", "yv"], "batch": 64}},
          "levels": [
            {"variables": {"lambda": {"per": "train", "start": -2}}, "minimize": "mean(cross_entropy(Xv @ w, yv))"},
            {"variables": {"w": {"shape": [784, 10]}},
             "minimize": "mean(sigmoid(lambda) * cross_entropy(X @ w, y)) + 0.2 * sum(w^2)"}]},
         "method": "soba"}
        """

    let folder: URL

    func array(_ name: String) throws -> [Double] {
        try Data(contentsOf: folder.appending(path: "\(name).f64")).withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }
        }
    }

    func problem() throws -> MultilevelProblem {
        var datasets: [String: Tensor] = [:]
        for (name, file, rows) in [("X", "tr", Self.rows.lower), ("Xv", "va", Self.rows.upper)] {
            datasets[name] = try Tensor(shape: [rows, 784], values: array("X\(file)"))
            let labels = name == "X" ? "y" : "yv"
            datasets[labels] = try Tensor(shape: [rows], values: array("y\(file)"), elementType: .integer)
        }
        var diagnostics = Diagnostics()
        let document = DocumentDecoder.decode(try JSONParser.parse(Self.document), into: &diagnostics)
        let built = document.flatMap { document in
            ProblemBuilder.build(
                document.problem, seed: 0,
                resolve: { entry, _ in
                    datasets[entry.name].map { .success(.dense($0)) } ?? .failure(DatasetFault(message: "unknown"))
                }, into: &diagnostics)
        }
        guard let built else { throw WorkloadError(message: diagnostics.rendered) }
        return built.problem
    }

    /// The draws of one level: the last batch of an epoch overlaps the one before, so that every batch has 64 rows.
    func draws(_ name: String, rows: Int) throws -> [Draw] {
        try array(name).map { number in
            Draw(
                start: min(Int(number) * Self.batch, rows - Self.batch), count: Self.batch,
                weight: Double(rows) / Double(Self.batch), slot: Int(number))
        }
    }

    static func start(lowerStep: Double, upperStep: Double) -> SOBAState {
        let zeros = [Double](repeating: 0, count: 7840)
        return SOBAState(
            x: [Double](repeating: -2, count: rows.lower), y: zeros, v: zeros,
            lowerStep: .power(initial: lowerStep, exponent: 0.5), upperStep: .power(initial: upperStep, exponent: 0.5))
    }
}

struct WorkloadError: Error {
    let message: String
}

/// Sum, norm, product with cos 0, cos 1, …, the first entries, and entries at equal distances.
func digest(_ a: [Double]) -> [Double] {
    let product = a.indices.reduce(0) { $0 + a[$1] * cos(Double($1)) }
    return [a.reduce(0, +), VectorMath.norm(a), product] + a.prefix(8)
        + (0..<8).map { a[$0 * (a.count / 8)] }
}

/// The largest difference from recorded iterates, relative to each vector's norm (sums and products: times √n).
func largestDifference(_ workload: Workload, _ stepper: SOBAStepper, _ name: String, _ start: SOBAState) throws
    -> Double
{
    var state = start
    var rest = try workload.array(name)[...]
    var worst = 0.0
    while let iterations = rest.popFirst() {
        stepper.advance(&state, by: Int(iterations) - state.iteration)
        for vector in [state.y, state.x, state.v] {
            let found = digest(vector)
            let scale = max(VectorMath.norm(vector), 1)
            for (index, value) in found.enumerated() {
                let unit = index == 0 || index == 2 ? scale * Double(vector.count).squareRoot() : scale
                let difference = abs(value - (rest.popFirst() ?? .nan)) / unit
                if difference.isNaN { return .infinity }
                worst = max(worst, difference)
            }
        }
    }
    return worst
}

/// One line, not held back in a buffer: the other side of the pipe waits for it.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

BLAS.configureSingleThread()
let workload = Workload(folder: URL(filePath: CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."))
let draws = SOBADraws(
    lower: ["train": .sequence(try workload.draws("batches_lower", rows: Workload.rows.lower))],
    upper: ["validation": .sequence(try workload.draws("batches_upper", rows: Workload.rows.upper))])
let stepper = SOBAStepper(try workload.problem(), draws: draws)
say("kernels \(Kernels.variant), OpenBLAS core \(BLAS.coreName), instructions \(stepper.instructionCounts)")
let gentle = Workload.start(lowerStep: 0.05, upperStep: 50)
let differences = (
    fast: try largestDifference(workload, stepper, "fast", Workload.start(lowerStep: 1, upperStep: 1e4)),
    gentle: try largestDifference(workload, stepper, "gentle", gentle)
)
say("difference \(differences.fast) (fast steps), \(differences.gentle) (gentle steps)")
for _ in 0..<7 {
    var state = gentle
    let begin = ContinuousClock.now
    stepper.advance(&state, by: 2_000)
    say("µs per iteration: \(begin.duration(to: .now) / .microseconds(2_000))")
}
exit(max(differences.fast, differences.gentle) <= 1e-10 ? 0 : 1)
