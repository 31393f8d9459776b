// One iteration of SOBA on the workload W1: held against recorded iterates, then timed whenever a line is read.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors

/// Arrays written by `data.py`.
struct Workload {
    static let rows = 50_000
    static let features = 22
    static let batch = 64
    static let document = """
        {"problem": {
          "data": {
            "X":  {"dataset": "train"}, "y":  {"dataset": "train", "columns": "label"},
            "Xv": {"dataset": "validation"}, "yv": {"dataset": "validation", "columns": "label"}},
          "samples": {
            "train": {"arrays": ["X", "y"], "batch": 64}, "validation": {"arrays": ["Xv", "yv"], "batch": 64}},
          "levels": [
            {"variables": {"lambda": {"shape": [22]}}, "minimize": "mean(logistic_loss(Xv @ w, yv))"},
            {"variables": {"w": {"shape": [22]}},
             "minimize": "mean(logistic_loss(X @ w, y)) + 0.5 * sum(exp(lambda) * w^2)"}]},
         "method": "soba"}
        """

    let folder: URL

    func array(_ name: String) throws -> [Double] {
        try Data(contentsOf: folder.appending(path: "\(name).f64")).withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }
        }
    }

    func problem(startingAt x: [Double]) throws -> MultilevelProblem {
        var datasets: [String: Tensor] = [:]
        for (name, file) in [("X", "Xtr"), ("Xv", "Xva")] {
            datasets[name] = try Tensor(shape: [Self.rows, Self.features], values: array(file))
        }
        for (name, file) in [("y", "ytr"), ("yv", "yva")] {
            datasets[name] = try Tensor(shape: [Self.rows], values: array(file))
        }
        var diagnostics = Diagnostics()
        let start = try JSONAssignment("problem.levels.0.variables.lambda.start=\(x)")
        let source = try JSONParser.parse(Self.document).applying(start)
        let document = DocumentDecoder.decode(source, into: &diagnostics)
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
    func draws(_ name: String) throws -> [Draw] {
        try array(name).map { number in
            Draw(
                start: min(Int(number) * Self.batch, Self.rows - Self.batch), count: Self.batch,
                weight: Double(Self.rows) / Double(Self.batch), slot: Int(number))
        }
    }

    func start(lowerStep: Double, upperStep: Double) throws -> SOBAState {
        SOBAState(
            x: try array("outer0"), y: try array("inner0"), v: [Double](repeating: 0, count: Self.features),
            lowerStep: .power(initial: lowerStep, exponent: 0.5), upperStep: .power(initial: upperStep, exponent: 0.5))
    }
}

struct WorkloadError: Error {
    let message: String
}

/// The largest relative difference from the recorded iterates of `expected.f64`.
func largestDifference(_ workload: Workload, _ stepper: SOBAStepper) throws -> Double {
    var state = try workload.start(lowerStep: 0.03125, upperStep: 3.125)
    var rest = try workload.array("expected")[...]
    func take(_ count: Int) -> [Double] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
    var worst = 0.0
    while !rest.isEmpty {
        stepper.advance(&state, by: Int(take(1)[0]) - state.iteration)
        for found in [state.y, state.x, state.v] {
            let expected = take(Workload.features)
            let difference = VectorMath.maxNorm(VectorMath.subtract(found, expected))
            worst = max(worst, difference / VectorMath.maxNorm(expected))
        }
    }
    return worst
}

/// The largest relative difference, over all data, from known derivatives at the start, F and ∇F there.
func largestDeterministicDifference(_ workload: Workload, _ problem: MultilevelProblem) throws -> Double {
    let (x, y) = (try workload.array("outer0"), try workload.array("inner0"))
    let oracle = BilevelOracle(problem)
    oracle.setUpper(x)
    oracle.setLower(y)
    let u = y.indices.map { cos(Double($0)) }
    var (lower, product, mixed, fromUpper, upper) = (y, y, x, y, x)
    let values = [oracle.lowerValue(), oracle.upperGradients(y: &fromUpper, x: &upper)]
    oracle.lowerGradient(into: &lower)
    oracle.hessianProduct(u, into: &product)
    oracle.mixedProduct(u, into: &mixed)
    let start = try report(problem)
    var found = values.map { [$0] } + [lower, product, mixed, fromUpper]
    found += [[start.upperObjective], start.hypergradient ?? []]
    var rest = try workload.array("deterministic")[...]
    var worst = 0.0
    for part in found {
        let expected = Array(rest.prefix(part.count))
        rest = rest.dropFirst(part.count)
        worst = max(worst, VectorMath.maxNorm(VectorMath.subtract(part, expected)) / VectorMath.maxNorm(expected))
    }
    return rest.isEmpty ? worst : .infinity
}

/// F and ∇F at the start, by the reference evaluation.
func report(_ problem: MultilevelProblem) throws -> ProgressPoint {
    let method = MethodConfiguration(
        name: "soba", reason: "reference", algorithm: .soba(SOBAConfiguration(lowerStep: nil, upperStep: nil)))
    guard
        let (_, start) = SolverRun.begin(problem, method, limits: RunLimits(iterations: 0), seed: 0, stop: { nil })
    else { throw WorkloadError(message: "nothing stops this run") }
    return start
}

/// Microseconds per iteration of one block.
func time(_ stepper: SOBAStepper, from start: SOBAState, iterations: Int) -> Double {
    var state = start
    let begin = ContinuousClock.now
    stepper.advance(&state, by: iterations)
    let elapsed = begin.duration(to: .now)
    return (Double(elapsed.components.seconds) * 1e6 + Double(elapsed.components.attoseconds) * 1e-12)
        / Double(iterations)
}

/// One line, not held back in a buffer: the other side of the pipe waits for it.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

BLAS.configureSingleThread()
let workload = Workload(folder: URL(filePath: CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."))
let draws = SOBADraws(
    lower: ["train": .sequence(try workload.draws("batches_lower"))],
    upper: ["validation": .sequence(try workload.draws("batches_upper"))])
let problem = try workload.problem(startingAt: workload.array("outer0"))
let stepper = SOBAStepper(problem, draws: draws)
say("kernels \(Kernels.variant), OpenBLAS core \(BLAS.coreName), instructions \(stepper.instructionCounts)")
say("difference \(try largestDifference(workload, stepper))")
say("deterministic \(try largestDeterministicDifference(workload, problem))")
let start = try workload.start(lowerStep: 1e-3, upperStep: 1e-3)
while let line = readLine(), let iterations = Int(line) {
    say("\(time(stepper, from: start, iterations: iterations))")
}
