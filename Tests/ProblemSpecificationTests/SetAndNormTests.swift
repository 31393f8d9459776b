// A set and a norm on one variable of a level at any depth: implicit derivatives along the active faces against differences
// of nested solves, and steps that are followed against both.
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct SetAndNormTests {
    /// Of the middle level and of the innermost one.
    static let pairs = [
        (#"{"box": [-0.2, 0.4]}"#, #"{"l1": "0.2*exp(x[0])"}"#),
        (#""nonnegative""#, #"{"l1": "0.1 + 0.1*x^2"}"#),
        (#"{"box": [[0.3, -1, -1], [2, 0.1, -0.2]]}"#, #"{"elastic_net": {"l1": "0.2*exp(x)", "l2": "exp(x[1])"}}"#),
        (#"{"l2_ball": 0.5}"#, #"{"l1": "0.1*exp(x)"}"#), (#"{"l1_ball": 0.6}"#, #"{"l1": "0.1*exp(x)"}"#),
        (#""simplex""#, #"{"elastic_net": {"l1": "0.3*exp(x)", "l2": "exp(x[0])"}}"#),
        (#"{"l2_ball": 0.5}"#, #"{"group_l2": "0.2*exp(x[0])"}"#),
        (#"{"l2_ball": 9}"#, #"{"group_l2": "0.2*exp(x[0])"}"#),
        (#"{"box": [-5, 0.3]}"#, #"{"nonnegative_l1": "0.1*exp(x)"}"#),
    ]

    /// Both deeper levels have the pair; the innermost weights depend on the middle level instead.
    private func text(_ index: Int, _ method: String) -> String {
        let (set, term) = Self.pairs[index]
        return """
            {"problem": {"levels": [
              {"name": "top", "variables": {"x": {"shape": [3], "start": [0.4, -0.3, 0.2]}},
               "minimize": "0.5*sum((x - 1)^2) + sum((z - [1, 0, -1])^2) + sum(x*y) + 0.3*sum(y^2)"},
              {"name": "middle", "variables": {"y": {"shape": [3], "constraint": \(set)}},
               "minimize": "sum((y - x*[2, 1, 1] - [0.5, 0, -0.3])^2) + 0.3*sum(z^2) + 0.2*sum(y*z)", "nonsmooth": {"y": \(term)}},
              {"name": "bottom", "variables": {"z": {"shape": [3], "constraint": \(set)}},
               "minimize": "sum((z - 0.7*sin(x) - y*[1, -1, 2] - [0.2, 0.4, -0.3])^2) + 0.1*sum(z^4)",
               "nonsmooth": {"z": \(term.replacing("x", with: "y").replacing("eyp", with: "exp"))}}]},
             "method": \(method)}
            """
    }

    @Test(arguments: pairs.indices) func derivativesFollowFaces(_ index: Int) throws {
        let problem = try #require(try admit(text(index, "\"implicit\"")).built).problem
        let evaluator = NestedEvaluator(problem)
        let x = [0.4, -0.3, 0.2]
        let found = evaluator.evaluate(at: x)
        #expect(found.faults == [], "\(found.faults)")
        for entry in x.indices {
            func value(_ step: Double) -> Double {
                var moved = x
                moved[entry] += step
                return evaluator.evaluateValue(at: moved).value
            }
            let difference = (value(1e-5) - value(-1e-5)) / 2e-5
            #expect(abs(found.hypergradient[entry] - difference) <= 1e-6 * max(1, abs(difference)), "\(difference)")
        }
        // Steps that are followed end at the same points.
        let method = #"{"name": "unrolled", "lower_solver": {"step": 0.2, "steps": 60}}"#
        guard case .nested(let axes)? = try admit(text(index, method)).method?.algorithm else {
            throw CancellationError()
        }
        let followed = NestedEvaluator(problem, axes.responses).evaluate(at: x)
        let error = VectorMath.norm(VectorMath.subtract(followed.hypergradient, found.hypergradient))
        #expect(error <= 1e-8 * VectorMath.norm(found.hypergradient), "\(error)")
    }

    /// y = 2x − ½ and z = y − ¼ where neither a bound nor a kink holds them: F = (2x − 1.75)² + (x − 1)².
    @Test(arguments: ["implicit", "tsg"]) func aRunIsSolved(_ method: String) throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"start": 0.6}}, "minimize": "(z - 1)^2 + (x - 1)^2"},
              {"variables": {"y": {"constraint": {"box": [0, 3]}}}, "minimize": "0.5*(y - 2*x)^2", "nonsmooth": {"y": {"l1": "0.5"}}},
              {"variables": {"z": {"constraint": {"box": [-1, 1.5]}}}, "minimize": "0.5*(z - y)^2", "nonsmooth": {"z": {"l1": "0.25"}}}]},
             "method": "\(method)", "tolerances": {"hypergradient": 1e-7}}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged, "\(result.termination) \(result.remarks)")
        #expect(abs(result.x[0] - 0.9) <= 1e-7 && abs(result.y[0] - 1.3) <= 1e-7 && abs(result.y[1] - 1.05) <= 1e-7)
        #expect(abs(result.objectives[0] - 0.0125) <= 1e-9)
    }
}
