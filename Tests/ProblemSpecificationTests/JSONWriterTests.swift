// Numbers read back to the same bits; the layouts are fixed to the byte.

import ProblemSpecification
import Testing

@Suite struct JSONWriterTests {
    @Test func randomBitPatternsReadBackToTheSameBits() throws {
        var random = TestRandom(seed: 2)
        var values: [Double] = []
        while values.count < 100_000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { values.append(value) }
        }
        let text = JSONWriter.bytes(.numbers(JSONNumbers(values: values, allIntegers: false)))
        guard case .numbers(let numbers) = try JSONParser.parse(text) else {
            Issue.record("not a dense array")
            return
        }
        #expect(zip(values, numbers.values).allSatisfy { $0.bitPattern == $1.bitPattern })
    }

    @Test func everydayDecimalsAreRoundedAsTheStandardLibraryDoes() throws {
        var random = TestRandom(seed: 3)
        for _ in 0..<100_000 {
            let digits = Int.random(in: 1...19, using: &random)
            let significand = UInt64.random(in: 0...UInt64(pow10(digits) - 1), using: &random)
            let literal = "\(significand)e\(Int.random(in: -30...30, using: &random))"
            let value = try JSONParser.parse(literal).double
            if value?.bitPattern != Double(literal)?.bitPattern { Issue.record("\(literal)") }
        }
    }

    private func pow10(_ exponent: Int) -> UInt64 {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    @Test(arguments: [
        "9007199254740993e0", "9007199254740992.5", "9007199254740993.0", "4503599627370496.5", "4503599627370497.5",
        "0.1", "0.30000000000000004", "1e23", "8.5e-23", "9e27", "1.7976931348623157e308", "5e-324", "2.5e-324",
        "2.2250738585072011e-308", "123456789012345678e-5", "9999999999999999999e27", "0.000000000000000000000000001",
        "7205759403792793.5", "36028797018963966", "18014398509481985e1",
    ])
    func hardDecimalsAreRoundedAsTheStandardLibraryDoes(_ literal: String) throws {
        #expect(try JSONParser.parse(literal).double?.bitPattern == Double(literal)?.bitPattern)
    }

    @Test(
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-3, "-3"), (0.1, "0.1"), (1e15, "1000000000000000"),
            (9_007_199_254_740_991, "9007199254740991"), (0x1p53, "9007199254740992"), (1e100, "1e+100"),
            (.leastNonzeroMagnitude, "5e-324"),
            (1e-7, "1e-07"), (2.5, "2.5"), (.nan, "null"), (.infinity, "null"),
        ] as [(Double, String)])
    func writesTheFewestDigits(_ value: Double, _ text: String) {
        #expect(JSONWriter.number(value) == text)
    }

    @Test func laysOutEveryStyle() throws {
        let value = try JSONParser.parse(
            "{\"b\":[1,2.5,-0.0],\"a\":{},\"c\":[[1],\"x\\u0001\\u001f\\\"\\\\\\n\"],\"é\":null}")
        #expect(
            JSONWriter.string(value)
                == "{\"b\":[1,2.5,-0],\"a\":{},\"c\":[[1],\"x\\u0001\\u001f\\\"\\\\\\n\"],\"é\":null}")
        #expect(
            JSONWriter.string(value, style: .canonical)
                == "{\"a\":{},\"b\":[1,2.5,-0],\"c\":[[1],\"x\\u0001\\u001f\\\"\\\\\\n\"],\"é\":null}")
        #expect(
            JSONWriter.string(value, style: .pretty) == """
                {
                  "b": [1, 2.5, -0],
                  "a": {},
                  "c": [
                    [1],
                    "x\\u0001\\u001f\\"\\\\\\n"
                  ],
                  "é": null
                }
                """)
    }

    @Test func deepValuesDoNotExhaustTheStack() {
        var value = JSONValue.null
        for _ in 0..<5_000 { value = .array([value]) }
        #expect(JSONWriter.bytes(value).count == 10_004)
    }

    @Test func nonfiniteNumbersHaveNames() {
        #expect(JSONValue.jsonNumber(.nan) == .null && JSONValue.nonfiniteName(.nan) == "NaN")
        #expect(JSONValue.jsonNumber(-.infinity) == .null && JSONValue.nonfiniteName(-.infinity) == "-Infinity")
        #expect(JSONValue.nonfiniteName(.infinity) == "Infinity")
        #expect(JSONValue.jsonNumber(1.5) == .number(1.5) && JSONValue.nonfiniteName(1.5) == nil)
    }
}
