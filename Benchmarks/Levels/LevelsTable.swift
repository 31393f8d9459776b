// Implicit derivatives beside those of unrolled steps: time, accuracy and memory against steps and levels; and what an
// outer step of quadratic chains costs as levels are added.
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// Measures and prints.
struct LevelsTable {
    private static let repetitions = 3
    /// Innermost steps of one evaluation at the most.
    private static let stepLimit = 4_000

    func print() throws {
        say("Three and four levels of 8 variables, far from quadratic; one evaluation of F and ∇F from a cold start.")
        say("")
        say("| levels | derivative | steps a level | seconds | relative error of ∇F | bytes of programs and points |")
        say("|---|---|---|---|---|---|")
        for levels in 2...4 { try compare(levels) }
        say("")
        say("Quadratic chains of 100 variables a level: one outer step, by `implicit`.")
        say("")
        say(
            "| levels | seconds | of 2 levels | K(n) of K(2) | measured / formula | solves | linear solves | priced bytes |"
        )
        say("|---|---|---|---|---|---|---|---|")
        try chains(dimension: 100)
        say("")
        try solveFive()
    }

    /// Five levels of a hundred variables, from document to certificate.
    private func solveFive() throws {
        let admitted = try Admitted(chain(5, dimension: 100))
        let price = MemoryPrice(admitted.problem, admitted.method).totalBytes
        var result: RunResult?
        let time = try seconds { result = try admitted.solve() }
        guard let result else { return }
        let residual = result.levels.map(\.residual).max() ?? .nan
        say(
            "Five levels of 100 variables: \(result.termination.rawValue) after \(result.iterations) iterations and "
                + "\(time.text(1)) s, certificate included; the largest residual of a level \(residual.scientific), ‖∇F‖ "
                + "\(result.certificate.hypergradientNorm.scientific); priced before the start at \(price) bytes."
        )
    }

    // MARK: - Against steps

    /// Each level near a nonlinear function of those above it, the innermost one in all objectives.
    private func document(_ levels: Int, _ method: String) -> String {
        let texts = (0..<levels).map { level in
            let above = level == 0 ? "1" : "sin(v\(level - 1))"
            let last = level < levels - 1 ? " + 0.1*sum(v\(levels - 1)^2)" : ""
            let formula = "0.5*sum((v\(level) - \(above))^2) + 0.05*sum(v\(level)^4)\(last)"
            return #"{"variables": {"v\#(level)": {"shape": [8]}}, "minimize": "\#(formula)"}"#
        }
        return #"{"problem": {"levels": [\#(texts.joined(separator: ", "))]}, "method": \#(method)}"#
    }

    private func compare(_ levels: Int) throws {
        let x = (0..<8).map { 0.3 + 0.1 * Double($0) }
        let (exact, line) = try measure(levels, "\"implicit\"", at: x, against: nil)
        say("| \(levels) | implicit | | \(line)")
        for steps in [2, 4, 8, 16, 32, 64, 128] {
            let innermost = (1..<levels).reduce(1) { product, _ in product * steps }
            if innermost > Self.stepLimit { continue }
            let method = #"{"name": "unrolled", "lower_solver": {"step": 0.5, "steps": \#(steps)}}"#
            let (_, line) = try measure(levels, method, at: x, against: exact)
            say("| \(levels) | unrolled | \(steps) | \(line)")
        }
    }

    private func measure(
        _ levels: Int, _ method: String, at x: [Double], against exact: [Double]?
    ) throws -> (gradient: [Double], line: String) {
        let admitted = try Admitted(document(levels, method))
        guard case .nested(let axes) = admitted.method.algorithm else {
            throw LevelsError(description: "\(method) is not a method for any number of levels")
        }
        let evaluator = NestedEvaluator(admitted.problem, axes.responses)
        var gradient = evaluator.evaluate(at: x).hypergradient
        let times = (0..<Self.repetitions).map { _ in
            seconds { gradient = evaluator.evaluate(at: x).hypergradient }
        }
        let error = exact.map { VectorMath.norm(VectorMath.subtract(gradient, $0)) / VectorMath.norm($0) }
        let line =
            "\(times.median.scientific) | \(error.map(\.scientific) ?? "0, by definition") | "
            + "\(MemoryPrice(admitted.problem, admitted.method).totalBytes) |"
        return (gradient, line)
    }

    // MARK: - Against levels

    /// What an outer step of a chain takes, up to a factor: the matrix of level i is formed from d products, each of
    /// which passes through all levels below, in either direction, once for every pair of them; see the page.
    static func formula(_ levels: Int) -> Double {
        (1..<levels).reduce(0) { sum, level in
            let below = Double(levels - level)
            return sum + below * below
        }
    }

    /// The last level answers the sum of all others; each other follows the one above it and shuns the last one's answer.
    private func chain(_ levels: Int, dimension d: Int) -> String {
        let sum = (0..<(levels - 1)).map { "v\($0)" }.joined(separator: " - ")
        let texts = (0..<levels).map { level in
            let formula =
                level == levels - 1
                ? "0.5*sum((v\(level) - \(sum))^2)"
                : "0.5*sum((v\(level) - \(level == 0 ? "1" : "v\(level - 1)"))^2) + 0.5*sum(v\(levels - 1)^2)"
            return #"{"variables": {"v\#(level)": {"shape": [\#(d)]}}, "minimize": "\#(formula)"}"#
        }
        return #"{"problem": {"levels": [\#(texts.joined(separator: ", "))]}, "method": "implicit"}"#
    }

    private func chains(dimension d: Int) throws {
        var first: Double?
        for levels in 2...5 {
            let admitted = try Admitted(chain(levels, dimension: d))
            let evaluator = NestedEvaluator(admitted.problem)
            _ = evaluator.evaluate(at: (0..<d).map { Double($0 % 3) })
            let before = evaluator.solver.counts
            let times = (0..<Self.repetitions).map { repetition in
                seconds { _ = evaluator.evaluate(at: (0..<d).map { Double(($0 + repetition) % 5) }) }
            }
            let after = evaluator.solver.counts
            let base = first ?? times.median
            first = base
            let (ratio, expected) = (times.median / base, Self.formula(levels) / Self.formula(2))
            let solves = (after.solves - before.solves) / Self.repetitions
            let linear = (after.linearSolves - before.linearSolves) / Self.repetitions
            say(
                "| \(levels) | \(times.median.scientific) | \(ratio.text(1)) | \(expected.text(1)) | "
                    + "\((ratio / expected).text(2)) | \(solves) | \(linear) | "
                    + "\(MemoryPrice(admitted.problem, admitted.method).totalBytes) |")
        }
    }
}
