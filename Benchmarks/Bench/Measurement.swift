// What the driver can ask for, by name: work that is repeated for its time, and the arrays that it leads to.
import ExpressionGraph
import Foundation
import MultilevelOptimization
import Solvers
import Tensors

/// One row of the comparison.
struct Measurement {
    /// Restarts; then `run` repeats the work so often.
    let reset: () -> Void
    let run: (Int) -> Void
    /// Arrays, by name, that peers compute too: after ten repetitions from the start, or of so many outer iterations.
    let results: () -> [String: [Double]]
}

/// All measurements of a folder of data, each made when it is first asked for.
final class Measurements {
    private let folder: DataFolder
    private var made: [String: Measurement] = [:]

    init(_ folder: DataFolder) { self.folder = folder }

    static let names = [
        "w1.soba", "w1.saba", "w1.amigo", "w1.stocbio", "w2.saba", "w2.amigo", "w2.stocbio", "w1.step.batch", "w1.step",
        "w1.hv", "w2.step.batch", "w2.hv.batch", "w2.step", "w2.hv", "w2.outer",
        "w3.step", "w3.hv", "w3.outer", "w4.step", "w4.hv", "w4.outer", "w5.step", "w5.hv", "w5.outer",
        "w6.outer",
    ]

    func measurement(_ name: String) throws -> Measurement {
        if let known = made[name] { return known }
        let new = try make(name)
        made[name] = new
        return new
    }

    private func make(_ name: String) throws -> Measurement {
        switch name {
        case "w1.soba": return try soba()
        case "w1.saba": return try stochastic(.w1, .saba, lower: 0.125, upper: 0.125)
        case "w1.amigo": return try stochastic(.w1, .amigo, lower: 0.125, upper: 0.125 / 0.1.squareRoot())
        case "w1.stocbio": return try stochastic(.w1, .stocbio, lower: 0.125, upper: 0.125)
        case "w2.saba": return try stochastic(.w2, .saba, lower: 0.1, upper: 100)
        case "w2.amigo": return try stochastic(.w2, .amigo, lower: 0.001, upper: 100)
        case "w2.stocbio": return try stochastic(.w2, .stocbio, lower: 0.01, upper: 1000)
        case "w1.step": return steps(try w1Level(batches: false))
        case "w1.hv": return products(try w1Level(batches: false))
        case "w1.step.batch": return steps(try w1Level(batches: true))
        case "w2.step": return steps(LowerLevel(try folder.problem(Documents.w2), eta: 0.05))
        case "w2.hv": return products(LowerLevel(try folder.problem(Documents.w2), eta: 0.05))
        case "w2.step.batch": return steps(try w2Level())
        case "w2.hv.batch": return products(try w2Level())
        case "w2.outer":
            return outer(
                OuterIteration(
                    try folder.problem(Documents.w2), innerSteps: 20, adjointSteps: 10, eta: 0.05, upperStep: 1e4,
                    solver: .conjugateGradients), iterations: 3)
        case "w3.step": return steps(LowerLevel(try folder.problem(Documents.w3), eta: 20))
        case "w3.hv": return products(LowerLevel(try folder.problem(Documents.w3), eta: 20))
        case "w3.outer":
            return outer(
                OuterIteration(
                    try folder.problem(Documents.w3), innerSteps: 100, adjointSteps: 10, eta: 20, upperStep: 100,
                    solver: .conjugateGradients), iterations: 3)
        case "w4.step": return steps(LowerLevel(try folder.problem(Documents.w4), eta: 0.5))
        case "w4.hv": return products(LowerLevel(try folder.problem(Documents.w4), eta: 0.5))
        case "w4.outer":
            return outer(
                OuterIteration(
                    try folder.problem(Documents.w4), innerSteps: 100, adjointSteps: 10, eta: 0.5, upperStep: 20,
                    solver: .conjugateGradients), iterations: 20)
        case "w5.step": return try Equilibrium(folder).steps()
        case "w5.hv": return try Equilibrium(folder).products()
        case "w5.outer": return try EquilibriumOuter(folder).iterations()
        case "w6.outer": return try RobustRidge(folder).outer()
        default: throw BenchError(description: "no measurement is called \(name); there are \(Self.names)")
        }
    }

    // MARK: - Lower levels

    private func w1Level(batches: Bool) throws -> LowerLevel {
        LowerLevel(
            try folder.problem(Documents.w1), eta: 0.1, x: try folder.values("w1_outer0"),
            y: try folder.values("w1_inner0"),
            batches: batches ? try folder.values("w1_batches_inner").map(Int.init) : nil)
    }

    private func w2Level() throws -> LowerLevel {
        LowerLevel(
            try folder.problem(Documents.w2), eta: 0.01, batches: try folder.values("w2_batches_inner").map(Int.init))
    }

    private func steps(_ level: LowerLevel) -> Measurement {
        Measurement(
            reset: level.reset, run: { _ = level.steps($0) },
            results: {
                level.reset()
                return ["y": level.steps(10)]
            })
    }

    private func products(_ level: LowerLevel) -> Measurement {
        Measurement(
            reset: level.reset, run: { _ = level.products($0) },
            results: {
                level.reset()
                return ["v": level.products(10)]
            })
    }

    // MARK: - Whole iterations

    private func outer(_ start: OuterIteration, iterations: Int) -> Measurement {
        var timed = start
        return Measurement(
            reset: { timed = start }, run: { for _ in 0..<$0 { _ = timed.run() } },
            results: {
                var iteration = start
                var values: [Double] = []
                var last: [Double] = []
                for _ in 0..<iterations {
                    let outcome = iteration.run()
                    values.append(outcome.upperValue)
                    last = outcome.hypergradient
                    iteration.move(along: outcome)
                }
                return ["values": values, "hypergradient": last, "y": iteration.y, "x": iteration.x]
            })
    }

    private func stochastic(
        _ workload: StochasticWorkload, _ method: StochasticPreset, lower: Double, upper: Double
    ) throws -> Measurement {
        let run = try StochasticIterations(workload, method, steps: (lower, upper), folder)
        return Measurement(reset: run.reset, run: run.advance, results: run.results)
    }

    private func soba() throws -> Measurement {
        let problem = try folder.problem(Documents.w1)
        func draws(_ name: String) throws -> [Draw] {
            try folder.values(name).map { number in
                Draw(start: min(Int(number) * 64, 50_000 - 64), count: 64, weight: 50_000.0 / 64, slot: Int(number))
            }
        }
        let stepper = SOBAStepper(
            problem,
            draws: SOBADraws(
                lower: ["train": .sequence(try draws("w1_batches_inner"))],
                upper: ["validation": .sequence(try draws("w1_batches_outer"))]))
        let (x, y) = (try folder.values("w1_outer0"), try folder.values("w1_inner0"))
        func start(_ lower: Double, _ upper: Double) -> SOBAState {
            SOBAState(
                x: x, y: y, v: [Double](repeating: 0, count: y.count),
                lowerStep: .power(initial: lower, exponent: 0.5), upperStep: .power(initial: upper, exponent: 0.5))
        }
        var timed = start(1e-3, 1e-3)
        return Measurement(
            reset: { timed = start(1e-3, 1e-3) }, run: { stepper.advance(&timed, by: $0) },
            results: {
                var state = start(0.03125, 3.125)
                stepper.advance(&state, by: 1000)
                return ["y": state.y, "v": state.v, "x": state.x]
            })
    }
}
