// Problems of two to five levels of which one, at any place, has no solution of its own: what
// is wrong stands in the result, with the level's name.
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct LevelDiagnosisTests {
    /// What one level of a chain is made of instead.
    struct Case: Sendable, CustomTestStringConvertible {
        let levels: Int
        let place: Int
        let kind: String
        let formula: String
        let sense: String
        let words: String

        var testDescription: String { "\(kind), level \(place) of \(levels)" }
    }

    /// In v, the level's variable, and u, that of the level above (1 at the top).
    private static let kinds = [
        (kind: "flat", formula: "nothing*(v - u)^2", sense: "minimize", words: "level L# is "),
        (kind: "unbounded", formula: "-v*(1 + nothing*u)", sense: "minimize", words: "level L# leave"),
        (kind: "maximised", formula: "0.5*(v - u - 0.1)^2", sense: "maximize", words: "level L# "),
        (kind: "infimum at infinity", formula: "exp(-v)*(1 + nothing*u)", sense: "minimize", words: "level L# leave"),
        (kind: "not convex", formula: "v^4 - v^2 + nothing*u", sense: "minimize", words: "level L# has no minimum"),
    ]

    static let cases: [Case] = (2...5).flatMap { levels in
        (0..<levels).flatMap { place in
            // On the outermost level a small gradient is all that is asked for.
            kinds.filter { place > 0 || $0.kind != "infimum at infinity" }.map { kind in
                Case(
                    levels: levels, place: place, kind: kind.kind,
                    formula: kind.formula.replacing("v", with: "v\(place)").replacing(
                        "u", with: place == 0 ? "1" : "v\(place - 1)"), sense: kind.sense,
                    words: kind.words.replacing("#", with: "\(place)"))
            }
        }
    }

    private func document(_ item: Case) -> String {
        let levels = (0..<item.levels).map { level in
            let above = level == 0 ? "1" : "v\(level - 1)"
            let coupling = level < item.levels - 1 ? " + 0.1*v\(item.levels - 1)^2" : ""
            let formula = level == item.place ? item.formula : "0.5*(v\(level) - \(above))^2\(coupling)"
            return """
                {"name": "L\(level)", "variables": {"v\(level)": {}},
                 "\(level == item.place ? item.sense : "minimize")": "\(formula)"}
                """
        }
        return """
            {"problem": {"data": {"nothing": {"value": 0}}, "levels": [\(levels.joined(separator: ","))]},
             "method": "implicit", "limits": {"iterations": 60}}
            """
    }

    @Test(arguments: cases) func isNamed(_ item: Case) throws {
        let (_, result) = try run(document(item))
        #expect(
            result.remarks.contains { $0.contains(item.words) && $0.contains(": ") },
            "\(result.termination) \(result.remarks)")
        #expect(result.x.allSatisfy(\.isFinite) && result.y.allSatisfy(\.isFinite))
    }

    /// A level without a solution, or with many on which F depends, is no success; on the outermost level a saddle is none.
    @Test(arguments: cases.filter { $0.levels == 3 && ($0.kind != "flat" || $0.place > 0) })
    func isNoSuccess(_ item: Case) throws {
        // Apart from 0, where starts are, lest everything vanish there.
        let (_, result) = try run(document(item).replacing("(v2 - v1)^2", with: "(v2 - v1 - 1)^2"))
        #expect(!result.termination.isSuccess, "\(result.termination) \(result.remarks)")
    }

    /// F depends on z alone: what it is has one answer, whatever w is.
    @Test func aVariableThatNothingDependsOnIsNoFailure() throws {
        let text = """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {}}, "minimize": "(x - 1)^2 + z^2"},
              {"name": "y", "variables": {"y": {}, "w": {}}, "minimize": "(y - x)^2 + 0*w"},
              {"name": "z", "variables": {"z": {}}, "minimize": "(z - y)^2"}]}}
            """
        let (_, result) = try run(text)
        #expect(result.termination == .converged && abs(result.x[0] - 0.5) <= 1e-9, "\(result.termination) \(result.x)")
        #expect(result.remarks.contains { $0.hasPrefix("the Hessian of level y is singular") }, "\(result.remarks)")
    }

    /// y = x, but no Hessian says so: a run that takes y for constant must not seem to have found F's minimum, 5/6.
    @Test func aKinkedLevelBelowIsNoSuccess() throws {
        let text = """
            {"problem": {"levels": [
              {"name": "x", "variables": {"x": {}}, "minimize": "(x - 1)^2 + 0.2*z^2"},
              {"name": "y", "variables": {"y": {}}, "minimize": "abs(y - x)"},
              {"name": "z", "variables": {"z": {}}, "minimize": "(z - y)^2"}]}}
            """
        let (_, result) = try run(text)
        #expect(result.termination != .converged || abs(result.x[0] - 5.0 / 6) <= 1e-6, "\(result.x)")
        #expect(!result.remarks.isEmpty)
    }

    /// Maps with no fixed point, or with nothing but fixed points, and objectives without a value where solvers begin.
    @Test(arguments: [
        (#""fixed_point": {"v": "v + 1 + u^2"}"#, "level L was not solved, no step"),
        (#""fixed_point": {"v": "v + 0*u*w"}"#, "the matrix of level L"),
        (#""fixed_point": {"v": "log(v) + u"}"#, "the map of level L is not finite where"),
        (#""minimize": "v - log(v) + 0*u""#, "the objective of level L, or its gradient, is not finite where"),
        (
            #""minimize": "v - log(v) + 0*u", "nonsmooth": {"v": {"l1": "1"}}"#,
            "the objective of level L, or its gradient, is not finite where"
        ),
    ]) func mapsAndDomainsAreNamed(_ level: String, _ words: String) throws {
        let text = """
            {"problem": {"levels": [
              {"variables": {"u": {"start": 0.2}}, "minimize": "(u - 1)^2 + w^2"},
              {"name": "L", "variables": {"v": {}}, \(level)},
              {"variables": {"w": {}}, "minimize": "(w - v)^2"}]}, "limits": {"iterations": 20}}
            """
        let (_, result) = try run(text)
        #expect(result.remarks.contains { $0.contains(words) && $0.contains(": ") }, "\(result.remarks)")
    }

    /// By the method for two levels, which is what `auto` takes.
    @Test(arguments: cases.filter { $0.levels == 2 && $0.kind != "infimum at infinity" }) func isNamedWithTwoLevels(
        _ item: Case
    ) throws {
        let text = document(item).replacing("\"method\": \"implicit\",", with: "")
        let (_, result) = try run(text)
        #expect(
            result.remarks.contains { $0.contains("L\(item.place)") && $0.contains(": ") },
            "\(result.termination) \(result.remarks)")
    }

    /// Steps that are followed know no minimum, but grow without end where there is none.
    @Test(arguments: 1...2) func stepsThatGrowAreNamed(_ place: Int) throws {
        let item = Case(
            levels: 3, place: place, kind: "", formula: "0.5*(v\(place) - v\(place - 1) - 0.1)^2", sense: "maximize",
            words: "the steps of level L\(place) grow without bound")
        let text = document(item).replacing(
            "\"implicit\"", with: #"{"name": "unrolled", "lower_solver": {"step": 0.9, "steps": 40}}"#)
        let problem = try #require(try admit(text).built).problem
        guard case .nested(let axes)? = try admit(text).method?.algorithm else { throw CancellationError() }
        let found = NestedEvaluator(problem, axes.responses).evaluateValue(at: [1])
        #expect(found.faults.first?.sentence.hasPrefix(item.words) == true, "\(found.faults)")
    }
}
