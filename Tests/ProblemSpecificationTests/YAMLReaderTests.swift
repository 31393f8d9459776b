// YAML documents give the same values as their JSON twins, and hostile ones are refused.

import ProblemSpecification
import Testing

@Suite struct YAMLReaderTests {
    @Test(arguments: [
        ("a: 1\nb: [1, 2.5]\n", "{\"a\":1,\"b\":[1,2.5]}"), ("- yes\n- on\n- y\n- No", "[\"yes\",\"on\",\"y\",\"No\"]"),
        ("[true, false, null, ~, True, NULL]", "[true,false,null,null,\"True\",\"NULL\"]"),
        ("['true', \"1\", '~', !!str 1]", "[\"true\",\"1\",\"~\",\"1\"]"),
        (
            "[1, -1, +1, 1., .5, 1e3, 1E-3, 0x10, 0o7, 1_000, 1:30, ., -, e1, 1e]",
            "[1,-1,1,1,0.5,1000,0.001,\"0x10\",\"0o7\",\"1_000\",\"1:30\",\".\",\"-\",\"e1\",\"1e\"]"
        ),
        ("[.inf, .nan, NaN, 2001-01-01]", "[\".inf\",\".nan\",\"NaN\",\"2001-01-01\"]"),
        ("minimize: mean((Xv @ w - yv)^2)", "{\"minimize\":\"mean((Xv @ w - yv)^2)\"}"),
        ("a:\nb: ''", "{\"a\":null,\"b\":\"\"}"),
        ("f: |\n  a +\n  b\ng: >-\n  a\n  b", "{\"f\":\"a +\\nb\\n\",\"g\":\"a b\"}"),
        ("a: &x [1, 2]\nb: *x\nc: {d: *x}", "{\"a\":[1,2],\"b\":[1,2],\"c\":{\"d\":[1,2]}}"),
        ("{\"a\": [1, {\"b\": null}]}", "{\"a\":[1,{\"b\":null}]}"), ("1: a\ntrue: b", "{\"1\":\"a\",\"true\":\"b\"}"),
        ("# comment\n---\na: 1\n...\n", "{\"a\":1}"), ("9223372036854775807", "9223372036854775807"),
        ("\"\\u00e9\\U0001F600\"", "\"é😀\""),
    ])
    func reads(_ yaml: String, _ json: String) throws {
        #expect(JSONWriter.string(try YAMLReader.read(yaml)) == json)
    }

    @Test(
        arguments: [
            ("", .malformed), ("a: 1\n---\nb: 2", .malformed), ("a: [1", .malformed), ("a: 1\na: 2", .duplicateKey),
            ("a: 1\n'a': 2", .duplicateKey), ("{[1]: 2}", .malformed), ("a: *x", .malformed), ("a: 'x", .malformed),
            ("a: 1e999", .numberOverflow), ("base: &b {a: 1}\nc:\n  <<: *b", .malformed), ("\ta: 1", .malformed),
            ("a: \u{1}", .malformed), ("a: b: c", .malformed), ("? &a [1]\n: *a", .malformed),
            ("{[&a x]: *a}", .malformed),
            ("a: &a x\n*a : 1", .malformed), ("%YAML 9.9\n--- a", .malformed),
        ] as [(String, JSONError.Kind)])
    func refuses(_ yaml: String, _ kind: JSONError.Kind) {
        #expect { try YAMLReader.read(yaml) } throws: { ($0 as? JSONError)?.kind == kind }
    }

    @Test func namesThePlace() {
        #expect {
            try YAMLReader.read("a: 1\nb:\n  c: 1\n  'c': 2")
        } throws: { error in
            (error as? JSONError)?.line == 4 && (error as? JSONError)?.column == 3
        }
    }

    @Test func acceptsDepthAtTheLimitOnly() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try YAMLReader.read(nested(YAMLReader.depthLimit))
        for depth in [YAMLReader.depthLimit + 1, 900, 100_000] {
            #expect(throws: JSONError.self) { try YAMLReader.read(nested(depth)) }
        }
    }

    @Test func refusesAliasBombs() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect { try YAMLReader.read(bomb) } throws: { ($0 as? JSONError)?.kind == .tooLarge }
    }

    @Test func acceptsAnchorsAndNodesAtTheLimitOnly() throws {
        func anchored(_ count: Int) -> String { (0..<count).map { "- &a\($0) 1\n" }.joined() }
        #expect(try YAMLReader.read(anchored(16)).elements?.count == 16)
        #expect { try YAMLReader.read(anchored(17)) } throws: { ($0 as? JSONError)?.kind == .tooLarge }
        #expect(try YAMLReader.read("[1, 2]", nodeLimit: 3).elements?.count == 2)
        #expect { try YAMLReader.read("[1, 2, 3]", nodeLimit: 3) } throws: { ($0 as? JSONError)?.kind == .tooLarge }
        #expect(try YAMLReader.read("[1]", byteLimit: 3).elements?.count == 1)
        #expect { try YAMLReader.read("[1] ", byteLimit: 3) } throws: { ($0 as? JSONError)?.kind == .tooLarge }
    }

    @Test func chainsOfDeepAnchorsAreFreedSafely() {
        var text = "- &a0 x\n"
        for level in 1..<16 {
            let open = String(repeating: "[", count: 950)
            let close = String(repeating: "]", count: 950)
            text += "- &a\(level) \(open)*a\(level - 1)\(close)\n"
        }
        #expect { try YAMLReader.read(text) } throws: { ($0 as? JSONError)?.kind == .nestingTooDeep }
    }

    @Test func survivesMutations() {
        var random = TestRandom(seed: 4)
        let seed = Array("a: &x [1, 2.5, 'q']\nb: {c: *x, \"d\": ~}\ne: |\n  text\nf:\n  - true\n  - X @ w\n".utf8)
        let alphabet = Array("[]{},:\"'&*?|>-#! \n\tx1".utf8)
        for _ in 0..<3_000 {
            let text = String(decoding: random.mutated(seed, alphabet: alphabet), as: UTF8.self)
            do throws(JSONError) {
                let value = try YAMLReader.read(text)
                #expect(throws: Never.self) { try JSONParser.parse(JSONWriter.bytes(value)) }
            } catch {
                #expect(error.line >= 1 && error.column >= 1)
            }
        }
    }
}
