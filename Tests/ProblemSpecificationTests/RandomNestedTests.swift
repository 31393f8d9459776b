// Random problems of three and four levels, vector valued, strongly convex and far from quadratic: hypergradients against
// differences of fresh nested solves, and large levels, whose matrices are never formed, against small ones.
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct RandomNestedTests {
    /// Every level's variables are pulled towards a nonlinear function of all others; deeper responses enter shallower
    /// levels.
    private func problem(levels n: Int, seed: UInt64) throws -> MultilevelProblem {
        var stream = RandomStream(seed: seed, stream: "nested")
        func number() -> String { "\((1000 * (2 * stream.uniform() - 1)).rounded() / 1000)" }
        let sizes = (0..<n).map { 1 + (Int(seed) + 2 * $0) % 3 }
        var data: [String] = []
        func matrix(_ name: String, _ rows: Int, _ columns: Int) -> String {
            let entries = (0..<rows).map { _ in "[" + (0..<columns).map { _ in number() }.joined(separator: ",") + "]" }
            data.append("\"\(name)\": {\"value\": [\(entries.joined(separator: ","))]}")
            return name
        }
        let documents = (0..<n).map { i in
            let target = (0..<n).filter { $0 != i }.map { j in
                "0.4*\(matrix("M\(i)\(j)", sizes[i], sizes[j]))@\(j % 2 == 0 ? "tanh" : "sin")(v\(j))"
            }.joined(separator: " + ")
            let coupling = "0.1*sum(log(1 + exp(v\(i)))) + 0.05*sum(v\(i)^4) + 0.05*sum(v\(n - 1)^2)"
            return """
                {"name": "v\(i)", "variables": {"v\(i)": {"shape": [\(sizes[i])]}},
                 "minimize": "sum((v\(i) - (\(target)))^2) + \(coupling)"}
                """
        }
        let text =
            "{\"problem\": {\"data\": {\(data.joined(separator: ","))}, \"levels\": [\(documents.joined(separator: ","))]}}"
        let admitted = try admit(text)
        return try #require(admitted.built, "\(admitted.faults)").problem
    }

    @Test(arguments: [3, 4], [1, 2, 3] as [UInt64]) func hypergradientsAgreeWithDifferences(_ n: Int, _ seed: UInt64)
        throws
    {
        let problem = try problem(levels: n, seed: seed)
        let evaluator = NestedEvaluator(problem)
        let x = (0..<problem.upper.dimension).map { 0.3 - 0.5 * Double($0) }
        let found = evaluator.evaluate(at: x)
        #expect(found.faults == [])
        let scale = max(1, VectorMath.norm(found.hypergradient))
        let step = 1e-3
        for index in x.indices {
            func value(_ factor: Double) -> Double {
                var moved = x
                moved[index] += factor * step
                return evaluator.evaluateValue(at: moved).value
            }
            let difference = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
            #expect(abs(found.hypergradient[index] - difference) <= 1e-6 * scale, "\(difference)")
        }
    }

    /// An evaluation depends on its point and starts alone.
    @Test func evaluationsRepeatBitForBit() throws {
        let problem = try problem(levels: 3, seed: 2)
        let x = [Double](repeating: 0.2, count: problem.upper.dimension)
        let evaluator = NestedEvaluator(problem)
        let first = evaluator.evaluate(at: x)
        _ = evaluator.evaluate(at: x.map { $0 + 1 })
        #expect(evaluator.evaluate(at: x) == first)
        #expect(NestedEvaluator(problem).evaluate(at: x) == first)
    }

    /// P15's shape in many dimensions: y = x, z = 2x, whichever way the systems are solved.
    @Test(arguments: [50, 520]) func largeLevelsAreNotFormed(_ d: Int) throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {"shape": [\(d)]}}, "minimize": "sum(y) + 0.5*sum(x^2) + dot(x, z)"},
              {"variables": {"y": {"shape": [\(d)]}}, "minimize": "2*sum(y^2) - dot(y, x) - dot(y, z)"},
              {"variables": {"z": {"shape": [\(d)]}}, "minimize": "0.5*sum(z^2) - dot(z, x) - dot(z, y)"}]}}
            """
        let problem = try #require(try admit(text).built).problem
        let x = (0..<d).map { Double($0 % 7) - 3 }
        let evaluator = NestedEvaluator(problem)
        let found = evaluator.evaluate(at: x)
        #expect(found.faults == [])
        #expect(zip(found.responses[0], x).allSatisfy { abs($0 - $1) <= 1e-10 })
        #expect(zip(found.hypergradient, x).allSatisfy { abs($0 - (1 + 5 * $1)) <= 1e-9 })
        #expect((evaluator.solver.counts.factorizations == 0) == (d > NestedSolver.denseLimit))
    }

    /// A map that is not symmetric, too large to be formed: its systems are solved by GMRES.
    @Test func largeFixedPoints() throws {
        let d = 520
        let text = """
            {"problem": {"levels": [
              {"variables": {"x": {}}, "minimize": "sum(w)"},
              {"variables": {"w": {"shape": [\(d)]}}, "fixed_point": {"w": "0.5*(cumsum(w) - w)/\(d) + x"}}]}}
            """
        let problem = try #require(try admit(text).built).problem
        let evaluator = NestedEvaluator(problem)
        let found = evaluator.evaluate(at: [2])
        #expect(found.faults == [])
        #expect(abs(found.hypergradient[0] - found.value / 2) <= 1e-9 * found.value)
        // w grows by the factor 1 + 1/2d from entry to entry.
        let ratio = 1 + 0.5 / Double(d)
        #expect(zip(found.responses[0], found.responses[0].dropFirst()).allSatisfy { abs($1 / $0 - ratio) <= 1e-10 })
    }
}
