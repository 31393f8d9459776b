// How runs end, and what they say, where the level below is hard or impossible to solve: closed forms tell what is right.

import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct RunEndTests {
    private func document(_ upper: String, _ lower: String, x: String, y: String, _ rest: String = "") -> String {
        """
        {"problem": {"levels": [{"name": "u", "variables": {"x": {"start": \(x)}}, "minimize": "\(upper)"},
         {"name": "l", "variables": {"y": {"start": \(y)}}, \(lower)}]}\(rest)}
        """
    }

    /// y = x, so that F = (x − 1)² + x²; a tolerance on ‖g_y‖ is met long before.
    @Test(arguments: ["1e-12*(y-x)^2", "1e-200*(y-x)^2", "1e-13*(y-x)^2+1e-15*(y-x)^4"])
    func aFlatLowerObjectiveDoesNotPassForSolved(_ lower: String) throws {
        let text = document("(y-1)^2+x^2", "\"minimize\": \"\(lower)\"", x: "5", y: "3")
        for method in ["\"aid-cg\"", "\"auto\""] {
            let (_, result) = try run(text, ["method=\(method)"])
            let isThere = abs(result.x[0] - 0.5) < 1e-4
            #expect(
                result.termination == .stalled && result.remarks.contains { $0.hasPrefix("not converged: ") }
                    || result.termination == .converged && isThere,
                "\(method) \(result.termination) \(result.x) \(result.remarks)")
        }
    }

    /// Steps of 2y + x and 1.1y + x lead away from the fixed points.
    @Test(arguments: ["2*y+x", "1.1*y+x"], ["\"itd\"", "\"itd-forward\""])
    func stepsOfAnExpandingMapAreNamed(_ map: String, _ method: String) throws {
        let text = document("y^2+x^2", "\"fixed_point\": {\"y\": \"\(map)\"}", x: "0.1", y: "1")
        let (_, result) = try run(text, ["method=\(method)"])
        #expect(result.termination == .diverged)
        #expect(
            result.remarks.contains { $0.contains("the steps of level l grow without bound") }, "\(result.remarks)")
    }
}
