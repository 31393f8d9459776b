// What a document may hold, at each limit and one beyond.
import ExpressionLanguage
import ProblemSpecification
import Testing

@Suite struct DocumentLimitTests {
    private static func decode(_ text: String) throws -> (hasDocument: Bool, faults: [String]) {
        var diagnostics = Diagnostics()
        let document = DocumentDecoder.decode(try JSONParser.parse(text), into: &diagnostics)
        return (document != nil, diagnostics.kept.map { "\($0.code.rawValue) \($0.pointer)" })
    }

    private static func members(_ prefix: String, _ count: Int, _ value: String) -> String {
        (0..<count).map { "\"\(prefix)\($0)\": \(value)" }.joined(separator: ", ")
    }

    private static func problem(definitions: Int, variables: Int) -> String {
        """
        {"problem": {"definitions": {\(members("d", definitions, "1"))},
          "levels": [{"variables": {\(members("x", variables, "{}"))}, "minimize": "x0^2"}]}}
        """
    }

    @Test func countsNamesOfAllKinds() throws {
        let limit = Problem.nameLimit
        #expect(try Self.decode(Self.problem(definitions: limit - 1, variables: 1)).hasDocument)
        let full = try Self.decode(Self.problem(definitions: limit, variables: 1))
        #expect(full.faults == ["limit-exceeded /problem/levels/0/variables/x0"])
        let wide = try Self.decode(Self.problem(definitions: 0, variables: limit + 1))
        #expect(wide.faults == ["limit-exceeded /problem/levels/0/variables"])
    }

    @Test func countsCharactersOfNames() throws {
        func document(_ name: String) -> String {
            "{\"problem\": {\"levels\": [{\"variables\": {\"\(name)\": {}}, \"minimize\": \"1\"}]}}"
        }
        let longest = String(repeating: "λ", count: 100)
        #expect(try Self.decode(document(longest)).hasDocument)
        let faults = try Self.decode(document(longest + "x")).faults
        #expect(faults == ["invalid-name /problem/levels/0/variables/\(longest)x"])
        let cut = "/problem/levels/0/variables/\(String(repeating: "λ", count: 200))…"
        #expect(try Self.decode(document(String(repeating: longest, count: 2_000))).faults == ["invalid-name \(cut)"])
    }

    @Test func countsLevels() throws {
        let level = #"{"variables": {"x": {}}, "minimize": "x^2"}"#
        let levels = Array(repeating: level, count: Problem.levelLimit + 1).joined(separator: ", ")
        let decoded = try Self.decode("{\"problem\": {\"levels\": [\(levels)]}}")
        #expect(decoded.faults == ["limit-exceeded /problem/levels"])
    }
}
