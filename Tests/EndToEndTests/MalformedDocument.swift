// Documents that no solver should see, each with the place and the kind of fault that must be named.
import Foundation
import Testing

/// A document to be refused.
struct MalformedDocument: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fileName: String
    let bytes: Data
    /// What standard error begins with: pointer, line and column in a formula, code.
    let place: String
    /// A part of the sentence.
    let saying: String

    init(_ name: String, _ text: String, at place: String, says saying: String, file: String = "document.json") {
        self.init(name, Data(text.utf8), at: place, says: saying, file: file)
    }

    init(_ name: String, _ bytes: Data, at place: String, says saying: String, file: String = "document.json") {
        testDescription = name
        fileName = file
        self.bytes = bytes
        self.place = place
        self.saying = saying
    }

    /// A whole document with some of its parts replaced.
    static func document(
        problem: String = "", x: String = #"{"shape": [2]}"#, y: String = #"{"shape": [2]}"#,
        upper: String = "sum((y - 1)^2) + sum(x^2)", lower: String = "sum((y - x)^2)", rest: String = ""
    ) -> String {
        """
        {"problem": {\(problem) "levels": [
          {"variables": {"x": \(x)}, "minimize": "\(upper)"},
          {"variables": {"y": \(y)}, "minimize": "\(lower)"}]}\(rest)}
        """
    }

    static let all = texts + yaml + fields + shapes + names + formulas + data + methods + unsupported + memory

    /// Data files that the documents name.
    static let tables = [
        "table.csv": "a,b,label\n1,2,0\n3,4,1\n5,6,2\n", "ragged.csv": "a,b\n1,2\n3\n", "words.csv": "a,b\n1,x\n",
        "empty.csv": "",
    ]

    private static let upper = "/problem/levels/0/minimize"
    private static let lower = "/problem/levels/1/minimize"
    private static let variable = "/problem/levels/0/variables/x"

    /// Texts that are no JSON.
    private static let texts = [
        Self("an empty file", "", at: "  malformed-json", says: "line 1, column 1: expected a value"),
        Self("truncated text", #"{"problem": {"levels": ["#, at: "  malformed-json", says: "line 1, column 25"),
        Self("binary garbage", Data((0...255).reversed()), at: "  malformed-json", says: "the byte 0xFF"),
        Self("zero bytes", Data(count: 4096), at: "  malformed-json", says: "line 1, column 1"),
        Self("UTF-16", Data([0xFF, 0xFE, 0x7B, 0x00]), at: "  malformed-json", says: "line 1, column 1"),
        Self("NaN", #"{"seed": NaN}"#, at: "  malformed-json", says: "NaN, which JSON does not have"),
        Self(
            "infinity", #"{"seed": -Infinity}"#, at: "  malformed-json",
            says: "found Infinity, which JSON does not have"),
        Self("1e999", #"{"seed": 1e999}"#, at: "  not-finite", says: "1e999 is larger than any double"),
        Self("nesting 65 deep", nested(65), at: "  nesting-too-deep", says: "line 1, column 65"),
        Self("nesting 100,000 deep", nested(100_000), at: "  nesting-too-deep", says: "deeper than 64 levels"),
        Self("open objects", String(repeating: #"{"a":"#, count: 100_000), at: "  nesting-too-deep", says: "64 levels"),
        Self("a name twice", #"{"seed": 1, "seed": 2}"#, at: "  duplicate-key", says: #"the name "seed" occurs twice"#),
        Self("a trailing comma", #"{"seed": 1,}"#, at: "  malformed-json", says: "line 1, column 12"),
        Self("a comment", "// seed\n{}", at: "  malformed-json", says: "JSON has no comments"),
        Self("two documents", "{}\n{}", at: "  malformed-json", says: "line 2, column 1"),
        Self("half a surrogate pair", #"{"a": "\ud800"}"#, at: "  malformed-json", says: "surrogate pair"),
        Self("a list", "[1, 2]", at: "  wrong-type", says: "wanted a job document, came an array of 2 numbers"),
        Self("no problem", "{}", at: "  missing-field", says: #"has no "problem""#),
    ]

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    /// Texts that are no YAML, or too much of it.
    private static let yaml = [
        Self("an alias bomb", bomb, at: "  limit-exceeded", says: "with its aliases expanded", file: "bomb.yaml"),
        Self(
            "YAML indented wrongly", "problem:\n  levels:\n - x\n", at: "  malformed-json", says: "line 3",
            file: "a.yaml"),
        Self("YAML with tabs", "problem:\n\tlevels: 1\n", at: "  malformed-json", says: "line 2", file: "a.yaml"),
        Self(
            "a YAML name twice", "seed: 1\nseed: 2\n", at: "  duplicate-key", says: #""seed" occurs twice"#,
            file: "a.yml"),
        Self("YAML merge keys", "a: &x {b: 1}\nc:\n  <<: *x\n", at: "  malformed-json", says: "line 3", file: "a.yaml"),
        Self(
            "deep YAML", String(repeating: "[", count: 100_000), at: "  nesting-too-deep",
            says: "deeper than 64 levels", file: "a.yaml"
        ),
    ]

    /// Ten names, each nine times the one before: 3.5 thousand million values.
    private static let bomb: String = {
        let names = Array("abcdefghij").map(String.init)
        let lines = zip(names, names.dropFirst()).map { before, name in
            "\(name): &\(name) [" + [String](repeating: "*\(before)", count: 9).joined(separator: ", ") + "]"
        }
        return (["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"] + lines).joined(separator: "\n")
    }()

    /// Values of the wrong kind, fields that are not there or not known.
    private static let fields = [
        Self("a number for a problem", #"{"problem": 5}"#, at: "/problem  wrong-type", says: "came the number 5"),
        Self(
            "a mistyped field", document(problem: #""dta": {},"#), at: "/problem/dta  unknown-field",
            says: #"did you mean "data"?"#),
        Self(
            "no levels", #"{"problem": {"levels": []}}"#, at: "/problem/levels  out-of-range",
            says: "at least one level"),
        Self("nine levels", levels(9), at: "/problem/levels  limit-exceeded", says: "at most 8 levels"),
        Self(
            "a level without variables", #"{"problem": {"levels": [{"minimize": "1"}]}}"#,
            at: "/problem/levels/0  missing-field", says: #"a level has "variables""#),
        Self(
            "a level without an objective", #"{"problem": {"levels": [{"variables": {"x": {}}}]}}"#,
            at: "/problem/levels/0  missing-field", says: "exactly one of"),
        Self(
            "negative iterations", document(rest: #", "limits": {"iterations": -1}"#),
            at: "/limits/iterations  out-of-range", says: "came the number -1"),
        Self(
            "a word for seconds", document(rest: #", "limits": {"time_seconds": "ten"}"#),
            at: "/limits/time_seconds  wrong-type", says: #"came the string "ten""#),
        Self("a broken seed", document(rest: #", "seed": 1.5"#), at: "/seed  wrong-type", says: "came the number 1.5"),
    ]

    private static func levels(_ count: Int) -> String {
        let levels = (1...count).map { #"{"variables": {"x\#($0)": {}}, "minimize": "x\#($0)^2"}"# }
        return #"{"problem": {"levels": ["# + levels.joined(separator: ", ") + "]}}"
    }

    private static let shapes = [
        Self(
            "a shape that overflows", document(x: #"{"shape": [4000000000, 4000000000]}"#),
            at: "\(variable)/shape  shape-overflow", says: "the shape [4000000000, 4000000000]"),
        Self(
            "a variable larger than memory",
            document(x: #"{"shape": [40000, 40000]}"#, rest: #", "limits": {"memory_bytes": 8000000000}"#),
            at: "\(variable)/shape  limit-exceeded", says: "1600000000 numbers"),
        Self(
            "random data larger than memory",
            document(
                problem: #""data": {"A": {"random": {"normal": [40000, 40000]}}},"#,
                upper: "sum(y) + sum(x^2) + sum(A)",
                rest: #", "limits": {"memory_bytes": 8000000000}"#), at: "/problem/data/A  limit-exceeded",
            says: "more memory than the 8000000000 bytes"),
        Self(
            "a negative dimension", document(x: #"{"shape": [-2]}"#), at: "\(variable)/shape/0  out-of-range",
            says: "came the number -2"),
        Self(
            "a dimension beyond any integer", document(x: #"{"shape": [1e300]}"#),
            at: "\(variable)/shape/0  out-of-range", says: "came the number 1e+300"),
        Self(
            "a start of another shape", document(x: #"{"shape": [2], "start": [1, 2, 3]}"#),
            at: "\(variable)/start  shape-mismatch", says: "has shape [2], its start has [3]"),
        Self(
            "a ragged start", document(x: #"{"shape": [2], "start": [[1], [2, 3]]}"#),
            at: "\(variable)/start/1  shape-mismatch", says: "ragged array"),
        Self(
            "an empty box", document(x: #"{"shape": [2], "constraint": {"box": [1, 0]}}"#),
            at: "\(variable)/constraint/box  out-of-range", says: "the lower bound 1 is above the upper bound 0"),
        Self(
            "arrays of different length",
            document(
                problem: #"""
                    "data": {"a": {"value": [1, 2]}, "b": {"value": [1, 2, 3]}},
                    "samples": {"rows": {"arrays": ["a", "b"]}},
                    """#), at: "/problem/samples/rows  shape-mismatch", says: "a has 2, b has 3"),
    ]

    private static let names = [
        Self(
            "one name for two things", document(problem: #""data": {"x": {"value": 1}},"#),
            at: "\(variable)  duplicate-name", says: "already the name of a data entry"),
        Self(
            "the name of a function", document(problem: #""data": {"sum": {"value": 1}},"#),
            at: "/problem/data/sum  invalid-name", says: "the name of a function"),
        Self(
            "cyclic definitions", document(problem: #""definitions": {"a": "b + 1", "b": "a + 1"},"#),
            at: "/problem/definitions/a  1:1  cyclic-definition", says: "b → a → b"),
        Self(
            "samples of an unknown array", document(problem: #""samples": {"rows": {"arrays": ["X"]}},"#),
            at: "/problem/samples/rows/arrays/0  unknown-name", says: #"no data entry "X""#),
    ]

    private static let formulas = [
        Self(
            "half a sum", document(upper: "sum(x^2 + ) + sum(y)"), at: "\(upper)  1:11  syntax-error",
            says: "an operand must follow '+'"),
        Self(
            "a fault on the second line", document(upper: #"sum(x^2)\n  + sum(y @@ x)"#),
            at: "\(upper)  2:12  syntax-error", says: "an operand must stand before '@'"),
        Self("an unknown name", document(upper: "sum(x^2) + sum(z)"), at: "\(upper)  1:16  unknown-name", says: "'z'"),
        Self(
            "an unknown function", document(upper: "summ(x)"), at: "\(upper)  1:1  unknown-function",
            says: "mean 'sum'?"),
        Self(
            "a call of the system", document(upper: "__import__('os')"), at: "\(upper)  1:12  syntax-error",
            says: "quotes"),
        Self(
            "shapes that do not fit", document(lower: "sum((outer(x, y) @ outer(x, x)[0, :1] - y)^2)"),
            at: "\(lower)  1:18  shape-mismatch", says: "the inner dimensions 2 and 1 differ"),
        Self(
            "an objective of two numbers", document(upper: "x + y"), at: "\(upper)  1:3  shape-mismatch",
            says: "an objective is one number; this is [2]"),
        Self(
            "no argument", document(upper: "sum()"), at: "\(upper)  1:1  wrong-argument-count", says: "came 0 arguments"
        ),
        Self("an index too far", document(upper: "x[5]"), at: "\(upper)  1:3  index-out-of-range", says: "size 2"),
        Self("no variable", document(upper: "1 + 2"), at: "\(upper)  1:3  level-error", says: "depends on no variable"),
        Self(
            "a product that overflows",
            document(x: #"{"shape": [100000]}"#, upper: "sum(outer(x, x))", lower: "sum(y^2)"),
            at: "\(upper)  1:5  shape-overflow", says: "10000000000 numbers"),
        Self(
            "a constant that overflows", document(upper: "sum(x) + 1e308 * 10"),
            at: "\(upper)  1:16  constant-not-finite", says: "inf"),
        Self(
            "a formula of a mebibyte", document(upper: "sum(x" + String(repeating: "+x", count: 524_288) + ")"),
            at: "\(upper)  limit-exceeded", says: "at most 65536 bytes"),
        Self(
            "a million parentheses", document(upper: parentheses(1_000_000)), at: "\(upper)  limit-exceeded",
            says: "2000004"),
        Self(
            "201 parentheses", document(upper: parentheses(201)), at: "\(upper)  1:201  nesting-too-deep",
            says: "200 deep"),
        Self(
            "30,000 parentheses", document(upper: parentheses(30_000)), at: "\(upper)  1:201  nesting-too-deep",
            says: "200 deep"),
    ]

    private static func parentheses(_ count: Int) -> String {
        String(repeating: "(", count: count) + "x[0]" + String(repeating: ")", count: count)
    }

    private static func dataset(_ fields: String) -> String {
        document(problem: #""data": {"A": {\#(fields)}},"#, upper: "sum(y) + sum(x^2) + sum(A)")
    }

    private static let data = [
        Self(
            "a missing file", dataset(#""dataset": "nowhere""#), at: "/problem/data/A  data-error",
            says: "put nowhere.csv beside the document"),
        Self(
            "a ragged table", dataset(#""dataset": "ragged""#), at: "/problem/data/A  data-error",
            says: "line 3: wanted 2 cells as in the first row, came 1"),
        Self(
            "an empty table", dataset(#""dataset": "empty""#), at: "/problem/data/A  data-error",
            says: "no rows of data"),
        Self(
            "a missing column", dataset(#""dataset": "table", "columns": ["a", "lable"]"#),
            at: "/problem/data/A  data-error", says: "did you mean \"label\"?"),
        Self(
            "a word in a column", dataset(#""dataset": "words", "columns": "b""#), at: "/problem/data/A  data-error",
            says: #"row 1, column "b": wanted a number, came "x""#),
        Self(
            "a way out of the folder", dataset(#""dataset": "../../etc/passwd""#), at: "/problem/data/A  data-error",
            says: "a data set's name is"),
        Self(
            "rows that are none", dataset(#""dataset": "table", "rows": "a:b""#),
            at: "/problem/data/A/rows  wrong-type",
            says: #"came "a:b""#),
        Self(
            "a label outside its set",
            #"""
            {"problem": {"data": {"X": {"dataset": "table", "columns": ["a", "b"]},
                                  "y": {"dataset": "table", "columns": "label"}},
             "samples": {"rows": {"arrays": ["X", "y"]}},
             "levels": [{"variables": {"w": {"shape": [2]}}, "minimize": "mean(binary_cross_entropy(X @ w, y))"}]}}
            """#, at: "\(upper)  1:34  label-outside-set", says: "entry 2 is 2"),
    ]

    private static let memoryLimit = #", "limits": {"memory_bytes": 8000000000}"#

    /// Documents within the limits of the language that no memory holds.
    static let memory = [
        Self(
            "an outer product larger than memory",
            document(
                x: #"{"shape": [40000]}"#, upper: "sum(y) + sum(sin(outer(x, x)))", lower: "sum((y - x[:2])^2)",
                rest: memoryLimit), at: "/problem  limit-exceeded", says: "the job may use 8000000000"),
        Self(
            "a broadcast larger than memory",
            document(
                problem: #""data": {"a": {"random": {"normal": [50000]}}},"#, x: #"{"shape": [40000]}"#,
                upper: "sum(y) + sum((reshape(a, [50000, 1]) - x)^2)", lower: "sum((y - x[:2])^2)", rest: memoryLimit),
            at: "/problem  limit-exceeded", says: "data 400000, programs"),
        Self(
            "a lower Hessian product larger than memory",
            document(
                y: #"{"shape": [40000]}"#, upper: "sum(y) + sum(x)", lower: "sum((y - x[0])^2) + sum(sin(outer(y, y)))",
                rest: memoryLimit), at: "/problem  limit-exceeded", says: "the job may use 8000000000"),
        Self(
            "labels larger than memory",
            document(
                problem: #""data": {"a": {"random": {"normal": [40000]}}},"#,
                lower: "sum((y - x)^2) + mean(binary_cross_entropy(y[0] * outer(a, a), outer(a, a)))", rest: memoryLimit
            ), at: "\(lower)  limit-exceeded", says: "to look at the labels takes"),
        Self(
            "iterates of itd larger than memory",
            document(rest: #", "method": {"name": "itd", "lower_solver": {"steps": 1000000000000}}"# + memoryLimit),
            at: "/problem  limit-exceeded", says: "itd needs"),
        Self(
            "a history of l-bfgs larger than memory",
            document(
                rest: #", "method": {"name": "aid-cg", "lower_solver": {"name": "l-bfgs", "memory": 1000000000000}}"#
                    + memoryLimit), at: "/problem  limit-exceeded", says: "aid-cg needs"),
    ]

    private static let methods = [
        Self(
            "a mistyped method", document(rest: #", "method": "aid_cg""#), at: "/method  unknown-name",
            says: #"did you mean "aid-cg"?"#),
        Self(
            "batches without samples", document(rest: #", "method": {"name": "soba"}"#),
            at: "/method/name  wrong-argument", says: "the problem has no samples"),
        Self(
            "a truncation of nothing",
            document(rest: #", "method": {"name": "aid-cg", "hypergradient": {"truncate": 3}}"#),
            at: "/method/hypergradient/truncate  wrong-argument", says: "only itd has steps to truncate"),
        Self(
            "an estimator that the method does not have",
            document(rest: #", "method": {"name": "aid-cg", "estimator": "sgd"}"#),
            at: "/method/estimator  wrong-argument", says: "takes full gradients"),
        Self(
            "batches of a logarithm",
            #"""
            {"problem": {"data": {"X": {"value": [1, 2, 3]}}, "samples": {"rows": {"arrays": ["X"], "batch": 1}},
             "levels": [{"variables": {"l": {}}, "minimize": "(w - 1)^2"},
                        {"variables": {"w": {}}, "minimize": "log(mean((X - w)^2) + 1) + exp(l) * w^2"}]},
             "method": "soba"}
            """#, at: "\(lower)  1:1  not-affine-in-expectations", says: "a biased estimate"),
    ]

    /// Parts of the problem language that this version refuses by name.
    private static let unsupported = [
        Self(
            "an outermost fixed point",
            #"""
            {"problem": {"levels": [{"variables": {"x": {}}, "fixed_point": {"x": "0.5 * x + y"}},
                                    {"variables": {"y": {}}, "minimize": "(y - 1)^2"}]}}
            """#, at: "/problem/levels/0/fixed_point  level-error", says: "may stand at any level below it"),
        Self("a later method", document(rest: #", "method": "gaffo""#), at: "/method  unsupported", says: #""gaffo""#),
        Self(
            "several sets on a lower level",
            document(y: #"{"shape": [2], "constraint": ["nonnegative", {"l2_ball": 1}]}"#),
            at: "/problem/levels/1/variables/y/constraint  unsupported", says: "list of sets"),
        Self("a convolution", document(upper: "conv2d(x, y)"), at: "\(upper)  1:1  unsupported", says: "conv2d"),
    ]
}
