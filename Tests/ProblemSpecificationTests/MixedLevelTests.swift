// Random problems of three and four levels whose levels are solved or followed, minimised or maximised, fixed points, over
// sets and with norms, in all mixtures: hypergradients against differences of fresh evaluations of the same problem, which
// is truncated where steps are followed.
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct MixedLevelTests {
    /// What one level below the outermost is, and how it responds.
    enum Kind: CaseIterable {
        case minimised, maximised, boxed, onBall, withNorm, fixedPoint
        case followed, followedMaximum, followedBoxed, followedNorm, repeated

        /// The level's entry of `levels` in the method.
        var method: String {
            switch self {
            case .minimised, .maximised, .boxed, .onBall, .withNorm, .fixedPoint: "{}"
            case .followed, .followedMaximum, .followedBoxed, .followedNorm:
                #"{"solver": {"step": 0.2, "steps": 3}}"#
            case .repeated: #"{"solver": {"name": "fixed-point", "steps": 4}}"#
            }
        }
    }

    /// A level of two variables near a nonlinear function of all others.
    private static func level(_ index: Int, of n: Int, _ kind: Kind, _ stream: inout RandomStream) -> String {
        func number() -> String { "\((1000 * (2 * stream.uniform() - 1)).rounded() / 1000)" }
        let target = (0..<n).filter { $0 != index }.map { other in
            "\(number())*\(other % 2 == 0 ? "tanh" : "sin")(v\(other)) + 0.2*\(number())*v\(other)[0]"
        }.joined(separator: " + ")
        let distance = "sum((v\(index) - 0.4*(\(target)) - \(number()))^2) + 0.05*sum(v\(index)^4)"
        let objective = index == n - 1 ? distance : "\(distance) + 0.05*sum(v\(n - 1)^2)"
        func entry(_ kind: String, _ formula: String, set: String = "", more: String = "") -> String {
            """
            {"name": "L\(index)", "variables": {"v\(index)": {"shape": [2]\(set)}}, "\(kind)": \(formula)\(more)}
            """
        }
        let box = #", "constraint": {"box": [-0.2, 0.25]}"#
        let norm = ", \"nonsmooth\": {\"v\(index)\": {\"l1\": \"0.1*exp(0.3*v0[0])\"}}"
        return switch kind {
        case .minimised, .followed: entry("minimize", "\"\(objective)\"")
        case .maximised, .followedMaximum: entry("maximize", "\"1 - (\(objective))\"")
        case .boxed, .followedBoxed: entry("minimize", "\"\(objective)\"", set: box)
        case .onBall: entry("minimize", "\"\(objective)\"", set: #", "constraint": {"l2_ball": 0.3}"#)
        case .withNorm, .followedNorm: entry("minimize", "\"\(objective)\"", more: norm)
        case .fixedPoint, .repeated:
            entry("fixed_point", "{\"v\(index)\": \"0.3*tanh(v\(index) + \(target)) + 0.1*v0\"}")
        }
    }

    private static func check(_ kinds: [Kind], seed: UInt64, _ location: SourceLocation = #_sourceLocation) throws {
        var stream = RandomStream(seed: seed, stream: "mixed")
        let n = kinds.count + 1
        let top = """
            {"name": "L0", "variables": {"v0": {"shape": [2]}},
             "minimize": "\((0..<n).map { "sum((v\($0) - 0.\($0 + 1))^2)" }.joined(separator: " + "))"}
            """
        let deeper = kinds.indices.map { level($0 + 1, of: n, kinds[$0], &stream) }
        let text = """
            {"problem": {"levels": [\(([top] + deeper).joined(separator: ",\n"))]},
             "method": {"name": "implicit", "levels": [\(kinds.map(\.method).joined(separator: ", "))]}}
            """
        let admitted = try admit(text)
        let problem = try #require(admitted.built, "\(admitted.faults)", sourceLocation: location).problem
        guard case .nested(let axes)? = admitted.method?.algorithm else { throw CancellationError() }
        let x = [0.3 + 0.2 * stream.uniform(), -0.4 + 0.2 * stream.uniform()]
        let evaluator = NestedEvaluator(problem, axes.responses)
        let found = evaluator.evaluate(at: x)
        #expect(found.faults == [], "\(kinds)", sourceLocation: location)
        let step = 2e-4
        for index in x.indices {
            func value(_ factor: Double) -> Double {
                var moved = x
                moved[index] += factor * step
                return evaluator.evaluateValue(at: moved).value
            }
            let difference = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
            let scale = max(1, VectorMath.norm(found.hypergradient))
            #expect(
                abs(found.hypergradient[index] - difference) <= 1e-6 * scale,
                "\(kinds), seed \(seed): \(found.hypergradient[index]) and \(difference)", sourceLocation: location)
        }
    }

    /// Every kind above and below some others.
    @Test(arguments: Kind.allCases) func threeLevels(_ middle: Kind) throws {
        let kinds = Kind.allCases
        let place = kinds.firstIndex(of: middle) ?? 0
        for shift in [1, 4, 7] {
            try Self.check([middle, kinds[(place + shift) % kinds.count]], seed: UInt64(shift))
        }
    }

    @Test(
        arguments: [
            [.followed, .minimised, .fixedPoint], [.minimised, .repeated, .withNorm],
            [.maximised, .followedBoxed, .minimised], [.boxed, .fixedPoint, .followedNorm],
            [.followedMaximum, .maximised, .boxed], [.onBall, .followed, .withNorm],
        ] as [[Kind]]) func fourLevels(_ kinds: [Kind]) throws
    {
        try Self.check(kinds, seed: 11)
    }
}
