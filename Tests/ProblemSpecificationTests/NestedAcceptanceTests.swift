// Hypergradients through any number of levels against exact values and against differences of fresh nested solves:
// P3 and P9–P15 of the acceptance problems.
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

/// A problem of formulas, one level after the other.
private func problem(_ levels: [String], data: String = "{}") throws -> MultilevelProblem {
    let text = """
        {"problem": {"data": \(data), "levels": [\(levels.joined(separator: ",\n"))]}}
        """
    let admitted = try admit(text)
    return try #require(admitted.built, "\(admitted.faults)").problem
}

private func level(_ variable: String, _ shape: [Int], _ kind: String, _ formula: String) -> String {
    let objective = kind == "fixed_point" ? "{\"\(variable)\": \"\(formula)\"}" : "\"\(formula)\""
    return
        "{\"name\": \"\(variable)\", \"variables\": {\"\(variable)\": {\"shape\": \(shape)}}, \"\(kind)\": \(objective)}"
}

private func level(_ variable: String, _ shape: [Int], _ formula: String) -> String {
    level(variable, shape, "minimize", formula)
}

private func level(_ variable: String, _ kind: String, _ formula: String) -> String {
    level(variable, [], kind, formula)
}

private func level(_ variable: String, _ formula: String) -> String { level(variable, [], "minimize", formula) }

private func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(b))
}

/// F and ∇F, held against differences of fresh nested solves.
@discardableResult
private func evaluate(
    _ problem: MultilevelProblem, at x: [Double], at location: SourceLocation = #_sourceLocation
) -> NestedEvaluation {
    let found = NestedEvaluator(problem).evaluate(at: x)
    #expect(found.faults == [], sourceLocation: location)
    let step = 1e-3
    for index in x.indices {
        func value(_ factor: Double) -> Double {
            var moved = x
            moved[index] += factor * step
            return NestedEvaluator(problem).evaluateValue(at: moved).value
        }
        let difference = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
        #expect(
            isClose(found.hypergradient[index], difference, 1e-6),
            "\(index): \(found.hypergradient[index]) and \(difference)", sourceLocation: location)
    }
    return found
}

@Suite struct NestedAcceptanceTests {
    // MARK: - Three levels

    @Test func p9TrilevelQuadratic() throws {
        let p9 = try problem([
            level("x", "0.5*(x-1)^2 + 0.5*(z-2)^2"), level("y", "0.5*(y-2*x)^2 + 0.5*z^2"),
            level("z", "0.5*(z-x-y)^2"),
        ])
        #expect(isClose(evaluate(p9, at: [0]).hypergradient[0], -4))
        let optimum = evaluate(p9, at: [16.0 / 13])
        #expect(isClose(optimum.value, 1.0 / 26) && isClose(optimum.hypergradient[0], 0))
        #expect(isClose(optimum.responses[0][0], 8.0 / 13) && isClose(optimum.responses[1][0], 24.0 / 13))
    }

    /// Dropping z_yx would give 119/125, dropping z_yy 2.
    @Test func p10ThirdDerivatives() throws {
        let a = try problem([
            level("x", "0.5*(x-1)^2 + z^2 + y"), level("y", "0.5*(y-1)^2 + 0.5*z^2"), level("z", "0.5*(z-x*y)^2"),
        ])
        #expect(isClose(evaluate(a, at: [2]).hypergradient[0], 93.0 / 125))
        let optimum = evaluate(a, at: [1.41792546907519])
        #expect(isClose(optimum.value, 0.641333060494439) && isClose(optimum.hypergradient[0], 0))
        #expect(isClose(optimum.responses[0][0], 0.332169341556993))
        let b = try problem([
            level("x", "0.5*z^2 + 0.5*x^2"), level("y", "0.5*(y-x)^2 + z"), level("z", "0.5*(z-exp(y))^2"),
        ])
        #expect(isClose(evaluate(b, at: [1]).hypergradient[0], 1.5))
        let second = evaluate(b, at: [-0.170835428364118])
        #expect(isClose(second.value, 0.143357365773458) && isClose(second.hypergradient[0], 0))
        #expect(isClose(second.responses[0][0], -0.678309553776010))
        #expect(isClose(second.responses[1][0], 0.507474125411892))
    }

    @Test func p12VectorTrilevel() throws {
        let p12 = try problem(
            [
                level("x", [2], "0.5*sum((x-a)^2) + 0.5*sum((z-b)^2) + 0.5*sum(y^2)"),
                level("y", [3], "0.5*dot(y, M@y) - dot(y, D@x) + 0.5*sum(z^2) - dot(y, E@z)"),
                level("z", [2], "0.5*dot(z, H@z) - dot(z, B@x + C@y)"),
            ],
            data: """
                {"a": {"value": [1, -1]}, "b": {"value": [2, 1]}, "H": {"value": [[2, 1], [1, 3]]},
                 "B": {"value": [[1, 0], [2, -1]]}, "C": {"value": [[1, 0, 1], [0, 2, -1]]},
                 "M": {"value": [[4, 1, 0], [1, 5, 1], [0, 1, 6]]}, "D": {"value": [[1, 2], [0, 1], [-1, 1]]},
                 "E": {"value": [[1, 0], [0, 1], [1, 1]]}}
                """)
        let start = evaluate(p12, at: [0, 0])
        #expect(isClose(start.hypergradient[0], -4696.0 / 1915) && isClose(start.hypergradient[1], 491.0 / 1915))
        let optimum = evaluate(p12, at: [3_267_029.0 / 2_051_950, -388_578.0 / 1_025_975])
        #expect(isClose(optimum.value, 3_076_459.0 / 2_051_950))
        #expect(optimum.hypergradient.allSatisfy { isClose($0, 0) })
    }

    @Test func p15TrilevelFromTheLiterature() throws {
        let p15 = try problem(
            [
                level("x", [1], "dot(h, x) + dot(k, y) + dot(l, z) + 0.5*sum(x^2) + dot(x, y) + dot(x, z)"),
                level("y", [1], "2*sum(y^2) - dot(y, x) - dot(y, z)"),
                level("z", [1], "0.5*sum(z^2) - dot(z, x) - dot(z, y)"),
            ],
            data: """
                {"h": {"value": [3.745401188473625]}, "k": {"value": [9.50714306409916]},
                 "l": {"value": [7.319939418114051]}}
                """)
        let start = evaluate(p15, at: [1.5])
        #expect(isClose(start.responses[0][0], 1.5) && isClose(start.responses[1][0], 3))
        let optimum = evaluate(p15, at: [-3.9846318698286987])
        #expect(isClose(optimum.value, -55.57051898319092) && isClose(optimum.hypergradient[0], 0))
    }

    /// d = 50, with the published linear terms: optimum and response, from the published start and at the optimum.
    @Test func p15InFiftyDimensions() throws {
        struct Published: Decodable {
            let hx, hy, hz, x0, optimum: [Double]
            let value: Double

            enum CodingKeys: String, CodingKey {
                case hx, hy, hz, x0
                case optimum = "x_star"
                case value = "F_star"
            }
        }
        let file = try #require(
            Bundle.module.url(forResource: "tsg-quadratic2", withExtension: "json", subdirectory: "Fixtures"))
        let published = try JSONDecoder().decode(Published.self, from: Data(contentsOf: file))
        func level(_ variable: String, _ start: [Double]?, _ formula: String) -> String {
            let start = start.map { ", \"start\": \($0)" } ?? ""
            return "{\"variables\": {\"\(variable)\": {\"shape\": [50]\(start)}}, \"minimize\": \"\(formula)\"}"
        }
        let levels = [
            level("x", published.x0, "dot(h, x) + dot(k, y) + dot(l, z) + 0.5*sum(x^2) + dot(x, y) + dot(x, z)"),
            level("y", nil, "2*sum(y^2) - dot(y, x) - dot(y, z)"),
            level("z", nil, "0.5*sum(z^2) - dot(z, x) - dot(z, y)"),
        ]
        let text = """
            {"problem": {"data": {"h": {"value": \(published.hx)}, "k": {"value": \(published.hy)},
              "l": {"value": \(published.hz)}}, "levels": [\(levels.joined(separator: ","))]},
             "tolerances": {"hypergradient": 1e-9}}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged)
        #expect(isClose(result.objectives[0], published.value))
        #expect(zip(result.x, published.optimum).allSatisfy { isClose($0, $1) })
        #expect(zip(result.y.prefix(50), published.optimum).allSatisfy { isClose($0, $1) })
        #expect(zip(result.y.suffix(50), published.optimum).allSatisfy { isClose($0, 2 * $1) })
        let problem = try #require(try admit(text).built).problem
        let found = NestedEvaluator(problem).evaluate(at: published.optimum)
        #expect(isClose(found.value, published.value) && found.hypergradient.allSatisfy { isClose($0, 0) })
        #expect(zip(found.responses[0], published.optimum).allSatisfy { isClose($0, $1) })
    }

    // MARK: - n levels

    private func chain(_ n: Int) throws -> MultilevelProblem {
        let sum = (1..<n).map { "x\($0)" }.joined(separator: "-")
        return try problem(
            (1...n).map { i in
                let formula =
                    i == 1
                    ? "0.5*(x1-1)^2 + 0.5*(x\(n)-1)^2"
                    : i == n ? "0.5*(x\(n)-\(sum))^2" : "0.5*(x\(i)-x\(i - 1))^2 + 0.5*x\(n)^2"
                return level("x\(i)", formula)
            })
    }

    struct Chain: Sendable {
        let n: Int
        let slope: Double
        let optimum: Double
        let value: Double
    }

    static let chains = [
        Chain(n: 2, slope: -2, optimum: 1, value: 0), Chain(n: 3, slope: -2, optimum: 1, value: 0),
        Chain(n: 4, slope: -1.75, optimum: 1.12, value: 0.02),
        Chain(n: 5, slope: -1.64, optimum: 1025.0 / 881, value: 81.0 / 1762),
        Chain(n: 6, slope: -1381.0 / 881, optimum: 1_216_661.0 / 1_026_161, value: 145_161.0 / 2_052_322),
    ]

    @Test(arguments: chains) func p11Chain(_ exact: Chain) throws {
        let chain = try chain(exact.n)
        #expect(isClose(evaluate(chain, at: [0]).hypergradient[0], exact.slope))
        let found = evaluate(chain, at: [exact.optimum])
        #expect(isClose(found.value, exact.value) && isClose(found.hypergradient[0], 0))
    }

    /// Neither nodes nor solves double with a level: nodes and solution nodes grow with n², solves with n²/2.
    @Test func p11GrowsSlowly() throws {
        var nodes: [Int] = []
        for n in 2...8 {
            let evaluator = NestedEvaluator(try chain(n))
            _ = evaluator.evaluate(at: [0.3])
            nodes.append(evaluator.size.nodes)
            #expect(evaluator.size.solutions == (n - 1) * (n - 1))
            #expect(evaluator.solver.counts.solves <= n * (n - 1) / 2)
        }
        let growth = zip(nodes, nodes.dropFirst()).map { $1 - $0 }
        #expect(nodes[0] <= 40 && growth[0] <= 50, "\(nodes)")
        #expect(zip(growth, growth.dropFirst()).allSatisfy { $1 - $0 <= 5 }, "\(nodes)")
    }

    // MARK: - Fixed points

    @Test func p13Equilibrium() throws {
        let beta = atanh(0.5) - 0.25
        let p13 = try problem([
            level("u", [2], "w"), level("w", "fixed_point", "tanh(u[0]*w + u[1])"),
        ])
        let found = evaluate(p13, at: [0.5, beta])
        #expect(isClose(found.value, 0.5))
        #expect(isClose(found.hypergradient[0], 0.6) && isClose(found.hypergradient[1], 1.2))
    }

    /// Plain conjugate gradients would give 7.435897.
    @Test func p3NonSymmetricMap() throws {
        let p3 = try problem(
            [level("lambda", "w[0] + w[1]"), level("w", [2], "fixed_point", "A@w + lambda*b")],
            data: """
                {"A": {"value": [[0.5, 0.4], [-0.1, 0.3]]}, "b": {"value": [1, 2]}}
                """)
        let found = evaluate(p3, at: [1])
        #expect(isClose(found.hypergradient[0], 80.0 / 13))
        #expect(isClose(found.responses[0][0], 50.0 / 13) && isClose(found.responses[0][1], 30.0 / 13))
    }

    @Test func p14TwoTasks() throws {
        let p14 = try problem(
            [
                level("lambda", "mean(0.5*(w-b)^2)"),
                level("w", [2], "sum(0.5*(w-a)^2 + 0.5*(w-lambda)^2)"),
            ],
            data: """
                {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}}
                """)
        #expect(isClose(evaluate(p14, at: [0.5]).hypergradient[0], -0.125))
        #expect(isClose(evaluate(p14, at: [1]).value, 0.125))
    }

    /// A maximising level, and a fixed point between two minimising ones.
    @Test func mixedLevels() throws {
        let mixed = try problem([
            level("x", "0.5*(x-1)^2 + y*z + 0.1*w^2"), level("y", "maximize", "-0.5*(y - sin(x))^2 - 0.2*y*w"),
            level("w", "fixed_point", "0.4*tanh(w + y*z) + 0.1*x"), level("z", "0.5*(z - x*y)^2 + 0.1*exp(z)"),
        ])
        evaluate(mixed, at: [0.7])
    }
}
