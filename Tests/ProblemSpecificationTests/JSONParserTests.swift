// What RFC 8259 accepts and refuses, with the limits of this parser.

import ProblemSpecification
import Testing

@Suite struct JSONParserTests {
    @Test(arguments: [
        "[]", "[ ]", "{}", "{ }", " [] ", "\t\n\r []", "[null]", "[true,false]", "0", "-0", "1", "-1", "10", "\"\"",
        "\"a\"", "null", "true", "false", "[1,2]", "[1, 2.5]", "[1.0]", "[1e1]", "[1E1]", "[1e+1]", "[1e-1]", "[0e1]",
        "[0e+1]", "[0.5e3]", "[-0]", "[-0.0]", "[123456789]", "[123.456e-789]", "[1e-400]", "[20e1]", "[1.5,\"a\"]",
        "[[]   ]", "[1,null,3]", "[\"\\u0060\\u012a\\u12AB\"]", "[\"\\uD801\\udc37\"]",
        "[\"\\ud83d\\ude39\\ud83d\\udc8d\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\\u0000\"]", "[\"\\u0000\"]", "[\"a/*b*/c\"]", "[\"\u{7F}\"]",
        "[\"\\uDBFF\\uDFFF\"]", "[\"new\\u00A0line\"]", "[\"\u{10FFFF}\"]", "[\"\u{2028}\"]", "[\"π\"]", "[\"日本\"]",
        "{\"a\":1}", "{\"\":0}", "{\"a\":[]}", "{\"a\" : 1 , \"b\" : 2}", "{\"a\":{\"a\":{}}}", "{\"\\u0000\":1}",
        "[1,2,[3,4],5]", "[9007199254740993]", "[9223372036854775807]", "[9223372036854775808]",
        "[-9223372036854775808]", "[0.1000000000000000055511151231257827]", "\" \"", "[\"\\uFFFF\"]", "[\"\u{FEFF}\"]",
    ])
    func accepts(_ text: String) throws {
        let value = try JSONParser.parse(text)
        #expect(try JSONParser.parse(JSONWriter.bytes(value)) == normalized(value))
        #expect(try JSONParser.parse(JSONWriter.bytes(value, style: .pretty)) == normalized(value))
    }

    /// The value with integral doubles as integers, as they are written.
    private func normalized(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number):
            Int(exactly: number).map {
                abs(number) < 0x1p53 && !(number.sign == .minus && $0 == 0) ? .integer($0) : value
            }
                ?? value
        case .numbers(let numbers): .list(numbers.values.indices.map { normalized(numbers[$0]) })
        case .array(let elements): .list(elements.map(normalized))
        case .object(let members):
            .object(members.map { JSONMember(name: $0.name, value: normalized($0.value)) })
        case .null, .bool, .integer, .string: value
        }
    }

    @Test(arguments: [
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1,,2]", "[,]", "[1 2]", "[1]]", "[]1", "[1}", "{]",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{\"a\"::1}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}",
        "{\"a\":1 \"b\":2}", "{\"a\":1}}", "{\"a\":1}#", "{\"a\":1,,\"b\":2}", "{[]:1}", "[\"a\"", "[\"a", "\"", "'a'",
        "[\"\\x00\"]", "[\"\\\"]", "[\"\\u\"]", "[\"\\u12\"]", "[\"\\u123g\"]", "[\"\\U0041\"]", "[\"\\uD800\"]",
        "[\"\\uDC00\"]", "[\"\\uD800\\n\"]", "[\"\\uD800\\u0041\"]", "[\"\\uD800\\uD800\"]", "[\"\\uD800\\u\"]",
        "[\"\\a\"]", "[\"\\'\"]", "[\"\\", "[\"\n\"]", "[\"\t\"]", "[\"\u{1F}\"]", "[\"\u{0}\"]", "[01]", "[-01]",
        "[00]",
        "[-]", "[+1]", "[.5]", "[1.]", "[-.5]", "[1.e1]", "[1e]", "[1e+]", "[1E-]", "[0e]", "[1.2.3]", "[1e1.5]",
        "[--1]",
        "[0x1]", "[1_000]", "[１]", "[NaN]", "[nan]", "[Infinity]", "[-Infinity]", "[-NaN]", "[inf]", "[True]", "[None]",
        "[nul]", "[tru]", "[fals]", "[nulll]", "[truefalse]", "TRUE", "undefined", "// c\n1", "/* c */ 1", "1 // c",
        "# c",
        "[1]x", "1 2", "\u{FEFF}1", "[\u{A0}]", "[\u{0C}]", "\u{2060}[]", "[1:2]", "[\"a\":1]", "{\"a\":1:2}",
        "{\"a\"=1}",
        "[1;2]", "(1)", "<null>", "[<null>]", "*", "[\"a\",\n4\n,1,", "{\"a\": tru}", "-", "-a", "[- 1]", "[1 .5]",
        "\\u0031",
    ])
    func refuses(_ text: String) {
        #expect { try JSONParser.parse(text) } throws: { ($0 as? JSONError)?.kind == .malformed }
    }

    @Test(
        arguments: [
            ([0x22, 0xFF, 0x22], 2), ([0x22, 0x61, 0xC3, 0x28, 0x22], 3), ([0x22, 0xC0, 0xAF, 0x22], 2),
            ([0x22, 0xED, 0xA0, 0x80, 0x22], 2), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 2),
            ([0x22, 0xE2, 0x82, 0x22], 2),
            ([0x22, 0xC3, 0xA9, 0x80, 0x22], 3), ([0x22, 0x5C, 0x6E, 0xFF, 0x5C, 0x6E, 0x22], 4),
        ] as [([UInt8], Int)])
    func refusesInvalidUTF8(_ bytes: [UInt8], _ column: Int) {
        #expect {
            try JSONParser.parse(bytes)
        } throws: { error in
            (error as? JSONError)?.kind == .invalidUTF8 && (error as? JSONError)?.column == column
        }
    }

    @Test func acceptsDepthAtTheLimitOnly() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            _ = try JSONParser.parse(nested(JSONParser.depthLimit, open, close))
            #expect {
                try JSONParser.parse(nested(JSONParser.depthLimit + 1, open, close))
            } throws: { ($0 as? JSONError)?.kind == .nestingTooDeep }
        }
        #expect(throws: JSONError.self) { try JSONParser.parse(String(repeating: "[", count: 200_000)) }
    }

    @Test func acceptsSizeAtTheLimitOnly() throws {
        #expect(try JSONParser.parse("[10]", byteLimit: 4).elements == [.integer(10)])
        #expect { try JSONParser.parse("[10] ", byteLimit: 4) } throws: { ($0 as? JSONError)?.kind == .tooLarge }
    }

    @Test(arguments: ["1e309", "-1e309", "[1,2e400]", "[1,\"a\",1e999999999999]", "179769313486231580793e289"])
    func refusesOverflow(_ text: String) {
        #expect { try JSONParser.parse(text) } throws: { ($0 as? JSONError)?.kind == .numberOverflow }
    }

    @Test func refusesRepeatedNames() {
        let many = (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        for text in ["{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\(many),\"k57\":0}", "{\(many),\"k99\":0}"] {
            #expect { try JSONParser.parse(text) } throws: { ($0 as? JSONError)?.kind == .duplicateKey }
        }
    }

    @Test func namesThePlaceAndWhatCame() {
        #expect(
            throws: JSONError(
                .malformed, line: 3, column: 7, message: "expected a value, found NaN, which JSON does not have")
        ) { try JSONParser.parse("{\n\"π\": 1,\n\"日本\": NaN}") }
        #expect(throws: JSONError(.malformed, line: 1, column: 4, message: "expected a value, found ']'")) {
            try JSONParser.parse("[1,]")
        }
        #expect(
            throws: JSONError(
                .malformed, line: 1, column: 2, message: "expected a value, found the end of the text")
        ) {
            try JSONParser.parse("[")
        }
    }

    @Test func keepsIntegersAndOrder() throws {
        let text = "{\"b\":9223372036854775807,\"a\":1.0,\"c\":[1,2],\"d\":[1,2.5],\"e\":[9007199254740993],\"f\":-0}"
        let value = try JSONParser.parse(text)
        #expect(
            value
                == .object([
                    JSONMember(name: "b", value: .integer(.max)), JSONMember(name: "a", value: .number(1)),
                    JSONMember(name: "c", value: .numbers(JSONNumbers(values: [1, 2], allIntegers: true))),
                    JSONMember(name: "d", value: .numbers(JSONNumbers(values: [1, 2.5], allIntegers: false))),
                    JSONMember(name: "e", value: .array([.integer(9_007_199_254_740_993)])),
                    JSONMember(name: "f", value: .number(-0.0)),
                ]))
        #expect(value["f"]?.double?.sign == .minus)
        #expect(try JSONParser.parse("[-9223372036854775808]")[0] == .integer(.min))
        #expect(try JSONParser.parse("[9223372036854775808]")[0] == .number(0x1p63))
    }

    @Test func decodesEscapes() throws {
        #expect(try JSONParser.parse("\"a\\u00e9\\ud83d\\ude00\\n\\\"é\"").text == "a\u{e9}\u{1F600}\n\"é")
    }

    @Test func survivesMutations() {
        var random = TestRandom(seed: 1)
        let seeds = ["{\"a\":[1,2.5e3,-0],\"b\":{\"c\":\"x\\u00e9\\n\"},\"d\":[null,true]}", "[[1,2],[3,4,[5]],\"π\"]"]
        let alphabet = Array("[]{},:\"\\ue0-+.1 \n".utf8)
        for _ in 0..<20_000 {
            let seed = Array((seeds.randomElement(using: &random) ?? "").utf8)
            let bytes = random.mutated(seed, alphabet: alphabet)
            do throws(JSONError) {
                let value = try JSONParser.parse(bytes)
                #expect(throws: Never.self) { try JSONParser.parse(JSONWriter.bytes(value)) }
            } catch {
                #expect(error.line >= 1 && error.column >= 1 && error.column <= bytes.count + 1)
            }
        }
    }
}
