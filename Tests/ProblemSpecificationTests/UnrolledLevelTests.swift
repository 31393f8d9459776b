// Levels replaced by their steps: exact gradients of the truncated problem, its limit, choices by level, and the trilevel
// robust ridge regression whose iterates were computed with JAX.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct UnrolledLevelTests {
    /// P10a.
    private func admitted(_ method: String) throws -> Admitted {
        try admit(
            """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {}}, "minimize": "0.5*(x-1)^2 + z^2 + y"},
              {"name": "y", "variables": {"y": {}}, "minimize": "0.5*(y-1)^2 + 0.5*z^2"},
              {"name": "z", "variables": {"z": {}}, "maximize": "3 - 0.5*(z-x*y)^2"}]}, "method": \(method)}
            """)
    }

    private func trilevel(_ method: String) throws -> (problem: MultilevelProblem, rules: [ResponseRule]) {
        let admitted = try admitted(method)
        let method = try #require(admitted.method, "\(admitted.faults)")
        guard case .nested(let axes) = method.algorithm else { throw CancellationError() }
        return (try #require(admitted.built).problem, axes.responses)
    }

    @Test func aMillionStepsAreFollowed() throws {
        let atLimit = LevelMethodRequest.stepLimit
        func faults(_ steps: Int) throws -> [String] {
            try admitted("{\"name\": \"unrolled\", \"lower_solver\": {\"step\": 0.1, \"steps\": \(steps)}}").faults.map(
                \.pointer)
        }
        #expect(try faults(atLimit) == [])
        #expect(try faults(atLimit + 1) == ["/method/lower_solver/steps"])
    }

    private func slope(_ problem: MultilevelProblem, _ rules: [ResponseRule], at x: Double) -> (Double, Double) {
        let evaluator = NestedEvaluator(problem, rules)
        let step = 1e-3
        func value(_ factor: Double) -> Double { evaluator.evaluateValue(at: [x + factor * step]).value }
        let difference = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
        return (evaluator.evaluate(at: [x]).hypergradient[0], difference)
    }

    @Test(arguments: [
        #"{"name": "unrolled", "lower_solver": {"step": 0.1, "steps": 5}}"#,
        #"{"name": "unrolled", "lower_solver": {"step": {"power": {"initial": 0.3, "exponent": 0.5}}, "steps": 7}}"#,
        #"{"levels": [{"hypergradient": "implicit"}, {"solver": {"step": 0.3, "steps": 7}, "hypergradient": "unrolled-reverse"}]}"#,
        #"{"name": "unrolled", "levels": [{}, {"solver": {"step": 0.1, "steps": 4}}, {"solver": "newton"}]}"#,
        #"{"name": "unrolled", "levels": [{"solver": {"step": 0.1, "steps": 1}}, {"solver": {"step": 0.5, "steps": 1}}]}"#,
    ]) func isTheGradientOfTheTruncatedProblem(_ method: String) throws {
        let (problem, rules) = try trilevel(method)
        let (slope, difference) = slope(problem, rules, at: 2)
        #expect(abs(slope - difference) <= 1e-9 * max(1, abs(difference)))
        #expect(abs(slope - 93.0 / 125) > 1e-3, "that of the truncated problem, not of its limit")
    }

    /// The error falls with the steps; the limit is the implicit derivative, 93/125.
    @Test func tendsToTheImplicitDerivative() throws {
        var errors: [Double] = []
        for steps in [10, 40, 160] {
            let (problem, rules) = try trilevel(
                #"{"name": "unrolled", "lower_solver": {"step": 0.15, "steps": \#(steps)}}"#)
            errors.append(abs(NestedEvaluator(problem, rules).evaluate(at: [2]).hypergradient[0] - 93.0 / 125))
        }
        #expect(errors[1] < 0.3 * errors[0] && errors[2] <= 1e-9, "\(errors)")
    }

    /// A fixed point below steps of a maximising level: w = tanh(…) repeated.
    @Test func mapsAreRepeated() throws {
        let admitted = try admit(
            """
            {"problem": {"levels": [
              {"variables": {"x": {}}, "minimize": "0.5*(x-1)^2 + y*w"},
              {"name": "y", "variables": {"y": {}}, "maximize": "-0.5*(y - sin(x))^2 - 0.2*y*w"},
              {"name": "w", "variables": {"w": {}}, "fixed_point": {"w": "0.4*tanh(w + y) + 0.1*x"}}]},
             "method": {"name": "unrolled", "levels": [{"solver": {"step": 0.4, "steps": 3}},
                                                       {"solver": {"name": "fixed-point", "steps": 4}}]}}
            """)
        guard case .nested(let axes)? = admitted.method?.algorithm else { throw CancellationError() }
        let (slope, difference) = slope(try #require(admitted.built).problem, axes.responses, at: 0.7)
        #expect(abs(slope - difference) <= 1e-9)
    }

    /// The bytes of the stacked steps grow with their number; what is solved remembers none.
    @Test func memoryGrowsWithStepsOnlyWhereTheyAreFollowed() throws {
        func price(_ method: String) throws -> Int {
            let admitted = try admit(
                """
                {"problem": {"levels": [
                  {"variables": {"x": {"shape": [9]}}, "minimize": "sum(z^2 + x^2)"},
                  {"variables": {"y": {"shape": [9]}}, "minimize": "sum((y-x)^2 + z^2)"},
                  {"variables": {"z": {"shape": [9]}}, "minimize": "sum((z-y)^2 + z^4)"}]}, "method": \(method)}
                """)
            return MemoryPrice(try #require(admitted.built).problem, try #require(admitted.method)).totalBytes
        }
        func unrolled(_ steps: Int) -> String {
            #"{"name": "unrolled", "lower_solver": {"step": 0.1, "steps": \#(steps)}}"#
        }
        let (few, many) = (try price(unrolled(1_000)), try price(unrolled(10_000)))
        #expect(many - few >= 9_000 * 9 * 8)
        #expect(try price("\"implicit\"") < few)
    }

    // MARK: - Refusals

    @Test(arguments: [
        #"{"name": "unrolled"}"#, #"{"name": "unrolled", "lower_solver": {"step": "auto"}}"#,
        #"{"name": "unrolled", "lower_solver": {"step": 0.1, "tolerance": 1e-3}}"#,
        #"{"name": "implicit", "levels": [{}]}"#, #"{"name": "implicit", "levels": [{"solver": "newton"}, {}, {}]}"#,
        #"{"name": "implicit", "levels": [{"solver": {"name": "newton", "steps": 3}}, {}]}"#,
        #"{"name": "implicit", "levels": [{"solver": {"name": "fixed-point", "steps": 3}}, {}]}"#,
        #"{"name": "implicit", "levels": [{"solver": "newton", "hypergradient": "unrolled-reverse"}, {}]}"#,
        #"{"name": "unrolled", "lower_solver": {"step": 0.1}, "levels": 3}"#,
    ]) func choicesThatMakeNoSenseAreRefused(_ method: String) throws {
        #expect(try admitted(method).method == nil)
    }

    // MARK: - W6

    private struct Expected: Decodable {
        struct Iterate: Decodable {
            let lam: Double
            let value: Double
            let hypergrad: Double
            let theta: [Double]
            let norm: Double

            enum CodingKeys: String, CodingKey {
                case lam
                case value = "F"
                case hypergrad, theta, norm
            }
        }
        let order: [Int]
        let iterates: [Iterate]
    }

    /// Trilevel robust ridge regression on the diabetes data: penalty, noise, weights; three and thirty steps.
    @Test func followsTheIteratesOfAnotherImplementation() throws {
        let fixture = try #require(
            Bundle.module.url(forResource: "w6-itd", withExtension: "json", subdirectory: "Fixtures"))
        let expected = try JSONDecoder().decode(Expected.self, from: Data(contentsOf: fixture))
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let rows = try String(contentsOf: root.appending(path: "Examples/diabetes.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline).dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
        let text = try String(contentsOf: root.appending(path: "Examples/trilevel-robust-ridge.json"), encoding: .utf8)
        let admitted = try admit(
            text,
            datasets: [
                "raw": Tensor(shape: [442, 10], values: rows.flatMap { $0.prefix(10) }),
                "target": Tensor(shape: [442], values: rows.map { $0[10] }),
            ])
        guard case .nested(let axes)? = admitted.method?.algorithm else { throw CancellationError() }
        let evaluator = NestedEvaluator(try #require(admitted.built).problem, axes.responses)
        var x = [0.0]
        func isEqual(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-10 * abs(b) }
        for iterate in expected.iterates.prefix(5) {
            let found = evaluator.evaluate(at: x)
            #expect(abs(x[0] - iterate.lam) <= 1e-10)
            #expect(isEqual(found.value, iterate.value) && isEqual(found.hypergradient[0], iterate.hypergrad))
            #expect(zip(found.responses[1], iterate.theta).allSatisfy { isEqual($0, $1) })
            #expect(isEqual(VectorMath.norm(found.responses[0]), iterate.norm))
            x[0] -= 0.1 * found.hypergradient[0]
        }
    }
}
