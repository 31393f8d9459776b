// Settings out of range, for every parameter of every method that the table lists; and settings that do not suit a problem.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Testing

@Suite struct BadSettingTests {
    private static let sampled = """
        {"data": {"a": {"value": [1, 2, 3]}, "b": {"value": [1, 0]}},
         "samples": {"train": {"arrays": ["a"], "batch": 2}, "test": {"arrays": ["b"], "batch": 2}},
         "levels": [
           {"variables": {"x": {"start": 0, "constraint": {"box": [-5, 5]}}}, "minimize": "mean((w - b)^2)"},
           {"variables": {"w": {"start": "0.5*x"}}, "minimize": "mean((w - a)^2) + exp(x) * w^2"}]}
        """

    /// Values next to the range that its words describe.
    private static func outside(_ range: String) -> [String]? {
        switch range.prefix(while: { $0 != "," && $0 != "{" }).trimmingPrefix(" ") {
        case "whole number from 1": ["0", "-1", "1.5", "\"many\""]
        case "positive number": ["0", "-1", "\"auto!\""]
        case "number from 0": ["-1", "\"none\""]
        case "number from 0 to below 1": ["-1", "1", "2"]
        case "number above 0": ["0", "-1", "2"]
        case "true or false": ["1", "\"yes\""]
        case "full or zero": ["1", "\"none\""]
        default: nil
        }
    }

    @Test(arguments: MethodTable.presets.map(\.name)) func parametersOutOfRange(_ name: String) throws {
        let row = try #require(MethodTable.presets.first { $0.name == name })
        for parameter in row.parameters {
            let values = try #require(Self.outside(parameter.range), "\(parameter.range)")
            for value in values {
                let method =
                    "{\"name\": \"\(name)\", \"\(parameter.axis.rawValue)\": {\"\(parameter.name)\": \(value)}}"
                let admitted = try admit("{\"problem\": \(Self.sampled), \"method\": \(method)}")
                let fault = try #require(admitted.faults.first, "\(method) was taken")
                #expect(fault.pointer == "/method/\(parameter.axis.rawValue)/\(parameter.name)", "\(fault)")
                #expect(fault.message.hasPrefix("wanted "), "\(fault)")
            }
        }
    }

    private static let threeLevels = """
        {"levels": [{"variables": {"x": {}}, "minimize": "(x - 1)^2 + z^2"},
                    {"variables": {"y": {}}, "minimize": "(y - x)^2"},
                    {"variables": {"z": {}}, "minimize": "(z - y)^2"}]}
        """

    /// The table's defaults are what a method takes without them.
    @Test(arguments: Preset.allCases.filter { $0 != .unrolled }) func defaultsAreThoseOfTheTable(_ preset: Preset)
        throws
    {
        let row = try #require(MethodTable.presets.first { $0.name == preset.rawValue })
        var assignments = ["method={\"name\": \"\(preset.rawValue)\"}"]
        for parameter in row.parameters where !parameter.range.contains("only") {
            switch parameter.value {
            case .number(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .whole(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .flag(let value): assignments.append("method.\(parameter.path)=\(value)")
            case .rule(let words): if words == "auto" { assignments.append("method.\(parameter.path)=\(words)") }
            }
        }
        let problem = preset == .tsg ? Self.threeLevels : Self.sampled
        let plain = try admit("{\"problem\": \(problem), \"method\": \"\(preset.rawValue)\"}")
        let spelled = try admit("{\"problem\": \(problem), \"method\": \"auto\"}", assignments)
        #expect(plain.places == [] && spelled.places == [], "\(plain.faults) \(spelled.faults)")
        #expect(spelled.method?.algorithm == plain.method?.algorithm)
    }

    // MARK: - Settings that do not suit a problem

    @Test(arguments: [
        ("\"batch\": 2", "\"batch\": 4", "\"soba\"", "/problem/samples/train/batch", "at most 3"),
        ("\"batch\": 2}, \"test\"", "\"batch\": 0}, \"test\"", "\"soba\"", "/problem/samples/train/batch", ""),
        ("", "", #"{"name": "gda", "hypergradient": {"weight": 2}}"#, "/method/hypergradient/weight", "at most 1"),
        ("", "", #"{"name": "meha", "lower_solver": {"steps": 2}}"#, "/method/lower_solver/steps", "pgdo"),
        ("", "", #"{"name": "meha", "lower_solver": {"step": 0.1}}"#, "/method/lower_solver/step", "upper_step.step"),
        ("", "", #"{"name": "bvfim", "lower_solver": "adam"}"#, "/method/lower_solver", "leave"),
        ("", "", #"{"name": "di", "lower_solver": {"warm_start": true}}"#, "/method/lower_solver/warm_start", "leave"),
        ("", "", #"{"name": "di", "lower_solver": "l-bfgs"}"#, "/method/lower_solver", "use gradient-descent"),
        ("", "", #"{"name": "pgdo", "upper_step": "l-bfgs"}"#, "/method/upper_step", "use adam"),
        (
            "", "", #"{"name": "itd", "hypergradient": {"growth": 1}}"#, "/method/hypergradient/growth",
            "leave growth out"
        ),
        (
            "", "", #"{"name": "itd", "hypergradient": {"radius": 1}}"#, "/method/hypergradient/radius",
            "leave radius out"
        ),
        (
            "\"minimize\": \"mean((w - a)^2) + exp(x) * w^2\"", "\"fixed_point\": {\"w\": \"0.5*w + mean(a)*x\"}",
            "\"aid-cg\"", "/method", "gmres"
        ),
        (
            "\"minimize\": \"mean((w - a)^2) + exp(x) * w^2\"", "\"fixed_point\": {\"w\": \"0.5*w + mean(a)*x\"}",
            "\"pgdo\"", "/method", "use aid"
        ),
        (
            "\"samples\": {\"train\": {\"arrays\": [\"a\"], \"batch\": 2}, \"test\": {\"arrays\": [\"b\"], \"batch\": 2}},",
            "",
            "\"saba\"", "/method", "samples"
        ),
    ]) func settingsThatDoNotSuit(
        _ part: String, _ replacement: String, _ method: String, _ pointer: String, _ hint: String
    ) throws {
        let problem = part.isEmpty ? Self.sampled : Self.sampled.replacing(part, with: replacement, maxReplacements: 1)
        let admitted = try admit("{\"problem\": \(problem), \"method\": \(method)}")
        #expect(admitted.method == nil)
        let fault = try #require(admitted.faults.first)
        #expect(fault.pointer == pointer || fault.pointer == pointer + "/name", "\(admitted.faults)")
        #expect("\(fault.message) \(fault.hint ?? "")".contains(hint), "\(fault)")
    }
}
