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
        say(
            "Two, three and four levels of 8 variables, far from quadratic; one evaluation of F and ∇F from a cold start."
        )
        say("")
        say("| levels | derivative | steps a level | seconds | relative error of ∇F | bytes of programs and points |")
        say("|---|---|---|---|---|---|")
        for levels in 2...4 { try compare(levels) }
        say("")
        say("Quadratic chains of 100 variables a level: one outer step, by `implicit`.")
        say("")
        say(
            "| levels | seconds | formula | measured / formula | matrices | linear solves | of matrices, by formula | priced bytes |"
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

    /// Σ_{k=1}^{n−2} (3^k − 1): the linear solves for each variable of a level that the matrices of an outer step take. A
    /// product with the total Hessian of a level that has k others below takes 3^k − 1; see the page.
    static func solves(_ levels: Int) -> Double {
        var (sum, power) = (0.0, 1.0)
        for _ in 1..<max(levels - 1, 1) {
            power *= 3
            sum += power - 1
        }
        return sum
    }

    /// The last level answers the sum of all others; each other follows the one above it and shuns the last one's answer.
    private func chain(_ levels: Int, dimension d: Int) -> String {
        let sum = (0..<(levels - 1)).map { "v\($0)" }.joined(separator: " - ")
        let texts = (0..<levels).map { level in
            let formula =
                level == levels - 1
                ? "0.5*sum((v\(level) - \(sum))^2)"
                : "0.5*sum((v\(level) - \(level == 0 ? "1" : "v\(level - 1)"))^2) + 0.5*sum(v\(levels - 1)^2)"
            // No matrix is a multiple of the identity.
            let ties = "0.25*sum((v\(level)[1:] - v\(level)[:-1])^2)"
            return #"{"variables": {"v\#(level)": {"shape": [\#(d)]}}, "minimize": "\#(formula) + \#(ties)"}"#
        }
        return #"{"problem": {"levels": [\#(texts.joined(separator: ", "))]}, "method": "implicit"}"#
    }

    private func chains(dimension d: Int) throws {
        var known: [Double] = []
        for levels in 2...5 {
            let admitted = try Admitted(chain(levels, dimension: d))
            let evaluator = NestedEvaluator(admitted.problem)
            _ = evaluator.evaluate(at: (0..<d).map { Double($0 % 3) })
            let before = evaluator.solver.counts
            let times = (0..<Self.repetitions).map { repetition in
                seconds { _ = evaluator.evaluate(at: (0..<d).map { Double(($0 + repetition) % 5) }) }
            }
            let after = evaluator.solver.counts
            known.append(times.median)
            // Both constants of the formula are measured: what a level takes by itself, and one solve for each variable.
            let own = known[0]
            let solve = known.count > 1 ? (known[1] - 2 * own) / Self.solves(3) : 0
            let expected = Double(levels - 1) * own + Self.solves(levels) * solve
            let linear = (after.linearSolves - before.linearSolves) / Self.repetitions
            let formed = (after.factorizations - before.factorizations) / Self.repetitions
            say(
                "| \(levels) | \(times.median.scientific) | \(expected.scientific) | "
                    + "\((times.median / expected).text(2)) | \(formed) | \(linear) | \(Int(Self.solves(levels)) * d) | "
                    + "\(MemoryPrice(admitted.problem, admitted.method).totalBytes) |")
        }
    }
}
