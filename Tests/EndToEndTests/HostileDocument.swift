// Documents that mean harm: what costs more than it seems, what is written as no document should be.
import Testing

/// A document that nobody should have to solve.
struct HostileDocument: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    /// What it may be refused with.
    let statuses: Set<Int>

    private init(_ name: String, _ text: String, _ statuses: Set<Int> = [422]) {
        testDescription = name
        self.text = text
        self.statuses = statuses
    }

    private static func problem(upper: String = "(y - 6)^2", lower: String = "(y - x)^2", shape: String = "[]")
        -> String
    {
        """
        {"problem": {"levels": [
          {"variables": {"x": {"shape": \(shape), "start": 0}}, "minimize": "\(upper)"},
          {"variables": {"y": {"shape": \(shape), "start": 0}}, "minimize": "\(lower)"}]}}
        """
    }

    /// A problem with more to it than its levels.
    private static func document(_ parts: String = "", upper: String = "(y - 6)^2", rest: String) -> String {
        problem(upper: upper).replacing("{\"levels\"", with: "{\(parts)\"levels\"").dropLast() + rest + "}"
    }

    static let all = large + texts + names + numbers

    private static let large = [
        HostileDocument("a shape that overflows", problem(shape: "[4294967296, 4294967296, 4294967296]")),
        HostileDocument("a shape as large as memory", problem(shape: "[1000000000000]")),
        HostileDocument("negative dimensions", problem(shape: "[-1]")),
        HostileDocument(
            "a formula of a million nodes",
            problem(upper: Array(repeating: "x", count: 1_000_000).joined(separator: "+"))),
        HostileDocument(
            "a formula below the text limit",
            problem(upper: Array(repeating: "exp(x*y)", count: 7_000).joined(separator: "+")), [202, 422]),
        HostileDocument(
            "deep parentheses",
            problem(upper: String(repeating: "(", count: 30_000) + "x" + String(repeating: ")", count: 30_000))),
        HostileDocument("deep unary signs", problem(upper: String(repeating: "-", count: 60_000) + "x"), [202, 422]),
        HostileDocument("deep JSON", String(repeating: "[", count: 100_000), [400]),
        HostileDocument(
            "deep JSON that is closed", String(repeating: "[", count: 65) + String(repeating: "]", count: 65), [400]),
        HostileDocument(
            "definitions that double",
            document(definitions(60) { "d\($0 - 1) * d\($0 - 1) + 1" }, upper: "d60", rest: ""), [202, 422]),
        HostileDocument("random data larger than memory", random(rows: 100_000_000)),
        HostileDocument("random data near the limit of admission", random(rows: 3_000_000), [202, 422]),
        HostileDocument("a data set outside its folder", dataset("../../../../etc/passwd")),
        HostileDocument("a body beyond the limit", String(repeating: " ", count: 17 << 20), [413]),
        HostileDocument("ten thousand faults", faulty(count: 10_000)),
        HostileDocument(
            "a row of three hundred parts", problem(upper: "sum(stack([\(list(300) { "x*\($0)" })])^2) + y^2"),
            [202, 422]),
        HostileDocument("a thousand dimensions", problem(shape: "[\(list(1_000) { _ in "1" })]")),
        HostileDocument(
            "a product of a million factors",
            problem(upper: "prod(x) + sum(y)", lower: "sum((y - x)^2)", shape: "[1000000]"), [202, 422]),
        HostileDocument(
            "a chain of three hundred definitions",
            document(definitions(300) { "sin(d\($0 - 1)) + \($0) * x" }, upper: "d300", rest: ""), [202, 422]),
    ]

    /// Texts that some reader of JSON somewhere takes.
    private static let texts = [
        HostileDocument("nothing", "", [400]), HostileDocument("a number", "3"),
        HostileDocument("NaN", #"{"problem": NaN}"#, [400]), HostileDocument("infinity", #"{"seed": Infinity}"#, [400]),
        HostileDocument("a name twice", #"{"problem": {}, "problem": {}}"#, [400]),
        HostileDocument("half a surrogate pair", #"{"problem": {"name": "\ud800"}}"#, [400]),
        HostileDocument("a byte order mark", "\u{FEFF}" + problem(), [400]),
        HostileDocument("a number beyond all doubles", #"{"seed": 1e400}"#, [400]),
        HostileDocument("zeros", String(repeating: "\0", count: 10_000), [400]),
    ]

    private static let names = [
        HostileDocument("two hundred thousand variables", variables(count: 200_000)),
        HostileDocument("two thousand variables", variables(count: 2_000), [202, 422]),
        HostileDocument(
            "a thousand levels",
            "{\"problem\": {\"levels\": [\(list(1_000) { "{\"variables\": {\"x\($0)\": {}}, \"minimize\": \"x\($0)^2\"}" })]}}"
        ),
        HostileDocument(
            "an axis named like a variable",
            document("\"data\": {\"X\": {\"value\": [1, 2]}}, \"samples\": {\"x\": {\"arrays\": [\"X\"]}}, ", rest: "")),
        HostileDocument("data named like a variable", document("\"data\": {\"x\": {\"value\": 1}}, ", rest: "")),
        HostileDocument("a variable named like a function", problem().replacing("\"x\"", with: "\"sum\"")),
        HostileDocument("a name of a million letters", problem().replacing("\"x\"", with: "\"\(letters)\"")),
        HostileDocument(
            "a name of a hundred thousand accents",
            problem().replacing("\"x\"", with: "\"x\(String(repeating: "\u{301}", count: 100_000))\"")),
        HostileDocument(
            "a cycle of three thousand definitions",
            document(definitions(3_000) { "d\($0 % 3_000 + 1) + 1" }, upper: "d5", rest: "")),
        HostileDocument(
            "definitions that all need each other",
            document(definitions(200) { _ in everyDefinition }, upper: "d5", rest: "")),
    ]

    /// Numbers at the edge of what can be counted.
    private static let numbers = [
        HostileDocument("a literal beyond all doubles", problem(upper: "(y - 1e309)^2")),
        HostileDocument("constants that overflow", problem(upper: "(y - 1e308 * 1e308)^2")),
        HostileDocument("an index beyond all integers", problem(upper: "y[1e300] + y[99999999999999999999]")),
        HostileDocument("a start near infinity", problem().replacing("\"start\": 0", with: "\"start\": 1e308"), [202]),
        HostileDocument(
            "limits without limit",
            document(
                rest: #", "limits": {"iterations": \#(Int.max), "oracle_calls": \#(Int.max), "#
                    + #""time_seconds": 1e308, "memory_bytes": \#(Int.max)}, "progress": {"every": \#(Int.max)}, "#
                    + #""checkpoint": {"every_seconds": 1e308}"#), [202]),
        HostileDocument(
            "a memory without limit", method(#""aid-cg", "lower_solver": {"name": "l-bfgs", "memory": \#(Int.max)}"#)),
        HostileDocument("steps without limit", method(#""itd", "lower_solver": {"steps": \#(Int.max)}"#)),
        HostileDocument(
            "steps that overshoot", method(#""itd", "lower_solver": {"step": 1e308, "steps": 9}"#), [202]),
        HostileDocument(
            "a batch without limit",
            document(
                "\"data\": {\"X\": {\"value\": [1, 2]}}, \"samples\": {\"t\": {\"arrays\": [\"X\"], \"batch\": \(Int.max)}}, ",
                upper: "mean((X * y - 6)^2)", rest: ", \"method\": \"soba\", \"limits\": {\"iterations\": 9}")),
    ]

    private static let letters = String(repeating: "x", count: 1_000_000)
    private static let everyDefinition = (1...200).map { "d\($0)" }.joined(separator: "+")

    private static func list(_ count: Int, _ element: (Int) -> String) -> String {
        (0..<count).map(element).joined(separator: ", ")
    }

    /// d0 = x − y, d1, d2, …
    private static func definitions(_ count: Int, _ formula: (Int) -> String) -> String {
        let all = (1...count).map { "\"d\($0)\": \"\(formula($0))\"" }.joined(separator: ", ")
        return "\"definitions\": {\"d0\": \"x - y\", \(all)}, "
    }

    private static func variables(count: Int) -> String {
        "{\"problem\": {\"levels\": [{\"variables\": {\(list(count) { "\"x\($0)\": {}" })}, \"minimize\": \"x0^2\"}]}}"
    }

    private static func method(_ method: String) -> String { document(rest: ", \"method\": {\"name\": \(method)}") }

    private static func random(rows: Int) -> String {
        let data = "\"data\": {\"A\": {\"random\": {\"normal\": [\(rows), 100], \"seed\": 1}}}"
        return problem(upper: "sum(A) * (y - 6)^2").replacing("{\"levels\"", with: "{\(data), \"levels\"")
    }

    private static func dataset(_ name: String) -> String {
        problem(upper: "sum(A) * y^2").replacing(
            "{\"levels\"", with: "{\"data\": {\"A\": {\"dataset\": \"\(name)\"}}, \"levels\"")
    }

    private static func faulty(count: Int) -> String {
        let fields = (0..<count).map { "\"z\($0)\": 1" }.joined(separator: ", ")
        return "{\(fields), \(problem().dropFirst())"
    }
}
