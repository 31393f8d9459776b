// Which members a document asks for, and the document that each of them is.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

@Suite struct EnsembleRequestTests {
    private static let base = """
        {"problem": {"data": {"c": {"value": [1, 2]}},
          "levels": [{"variables": {"x": {"shape": [2], "start": {"uniform": [-1, 1]}}}, "minimize": "sum((x - c)^2)"}]},
         "method": "aid-cg", "seed": 5}
        """

    private func read(_ changes: String...) throws -> (source: JSONValue, request: EnsembleRequest) {
        var source = try JSONParser.parse(Self.base)
        for change in changes { source = try source.applying(JSONAssignment(change)) }
        var diagnostics = Diagnostics()
        let document = DocumentDecoder.decode(source, into: &diagnostics)
        #expect(diagnostics.isEmpty, "\(diagnostics.rendered)")
        return (source, try #require(document?.ensemble))
    }

    private func documents(_ source: JSONValue, _ request: EnsembleRequest) throws -> [JSONValue] {
        try (0..<request.memberCount).map { try request.document(of: request.member($0), in: source) }
    }

    @Test func aDocumentWithoutTheWordsHasOneRun() throws {
        var diagnostics = Diagnostics()
        let document = DocumentDecoder.decode(try JSONParser.parse(Self.base), into: &diagnostics)
        #expect(document?.ensemble == nil)
    }

    @Test func theLastAxisVariesFastest() throws {
        let (source, request) = try read(
            #"sweep={"over": {"/tolerances/lower": [1e-3, 1e-4], "/problem/data/c/value": [[1, 1], [2, 2], [3, 3]]}}"#)
        #expect(request.memberCount == 6 && request.pointCount == 6)
        let found = try documents(source, request).map {
            [$0["tolerances"]?["lower"]?.double ?? 0, $0["problem"]?["data"]?["c"]?["value"]?[0]?.double ?? 0]
        }
        #expect(found == [[1e-3, 1], [1e-3, 2], [1e-3, 3], [1e-4, 1], [1e-4, 2], [1e-4, 3]])
    }

    @Test func pairedListsGoTogether() throws {
        let (source, request) = try read(
            #"sweep={"over": {"/tolerances/lower": [1e-3, 1e-4], "/limits/iterations": [10, 20]}, "product": false}"#)
        let found = try documents(source, request).map {
            [$0["tolerances"]?["lower"]?.double ?? 0, $0["limits"]?["iterations"]?.double ?? 0]
        }
        #expect(found == [[1e-3, 10], [1e-4, 20]])
    }

    /// The first restart is the document itself; seeds are words of the generator's own stream.
    @Test func restartsHaveSeedsOfTheirOwn() throws {
        let (source, request) = try read("restarts=4")
        let found = try documents(source, request)
        #expect(found[0] == (try JSONParser.parse(Self.base)))
        let seeds = found.map { $0["seed"]?.double ?? -1 }
        #expect(Set(seeds).count == 4 && seeds.allSatisfy { $0 >= 0 && $0 < 0x1p53 && $0 == $0.rounded() })
        let hash = RandomStream.hash("restarts")
        for (restart, seed) in seeds.enumerated().dropFirst() {
            let block = Philox.block(
                counter: (
                    UInt32(restart / 2), 0, UInt32(truncatingIfNeeded: hash), UInt32(hash >> 32)
                ), key: (5, 0))
            let (low, high) = restart.isMultiple(of: 2) ? (block.0, block.1) : (block.2, block.3)
            #expect(seed == Double((UInt64(high) << 32 | UInt64(low)) >> 11))
        }
    }

    @Test func restartsFollowTheSeedsOfTheSweep() throws {
        let (source, request) = try read(
            #"sweep={"over": {"/seed": [5, 9007199254740993]}}"#, #"restarts={"count": 3}"#)
        let found = try documents(source, request).map { $0["seed"]?.described }
        #expect(request.memberCount == 6 && Set(found).count == 6)
        #expect(
            found[0] == JSONValue.integer(5).described && found[3] == JSONValue.integer(9_007_199_254_740_993).described
        )
        let alone = try read("restarts=3")
        #expect(try documents(alone.source, alone.request).map { $0["seed"]?.described } == Array(found[..<3]))
    }

    /// A method, and an axis of it, may be given by name alone.
    @Test func placesInsideNamesAreMade() throws {
        let (source, request) = try read(
            #"sweep={"over": {"/method/lower_solver/step": [0.1, 0.2], "/method/upper_step/step": [1]}}"#,
            #"method={"name": "itd", "lower_solver": "gradient-descent"}"#)
        let method = try documents(source, request)[1]["method"]
        #expect(method?["lower_solver"]?["name"]?.text == "gradient-descent")
        #expect(method?["lower_solver"]?["step"]?.double == 0.2 && method?["upper_step"]?["step"]?.double == 1)
        let named = try read(#"sweep={"over": {"/method/upper_step/step": [1]}}"#)
        #expect(try documents(named.source, named.request)[0]["method"]?["name"]?.text == "aid-cg")
    }

    @Test func membersDoNotAskForMembers() throws {
        let (source, request) = try read(
            #"sweep={"over": {"/seed": [1, 2]}, "halving": {"iterations": 5}}"#, "restarts=2")
        #expect(request.halving == Halving(iterations: 5, factor: 3))
        for document in try documents(source, request) {
            #expect(document["sweep"] == nil && document["restarts"] == nil)
        }
    }

    // MARK: - Limits

    private func faults(_ changes: String...) throws -> [String] {
        var source = try JSONParser.parse(Self.base)
        for change in changes { source = try source.applying(JSONAssignment(change)) }
        var diagnostics = Diagnostics()
        #expect((DocumentDecoder.decode(source, into: &diagnostics) == nil) == diagnostics.hasErrors)
        return diagnostics.kept.map { "\($0.code.rawValue) \($0.pointer)" }
    }

    private func list(_ count: Int) -> String { "[" + (1...count).map(String.init).joined(separator: ",") + "]" }

    @Test func sixtyFourMembersAndNoMore() throws {
        #expect(try faults("restarts=64").isEmpty)
        #expect(try faults("restarts=65") == ["out-of-range /restarts"])
        #expect(try faults("sweep={\"over\": {\"/seed\": \(list(64))}}").isEmpty)
        #expect(try faults("sweep={\"over\": {\"/seed\": \(list(65))}}") == ["limit-exceeded /sweep"])
        let grid = "sweep={\"over\": {\"/seed\": \(list(8)), \"/limits/iterations\": \(list(4))}}"
        #expect(try faults(grid, "restarts=2").isEmpty)
        #expect(try faults(grid, "restarts=3") == ["limit-exceeded /sweep"])
        let pairs = grid.replacing("{\"over\"", with: "{\"product\": false, \"over\"")
        #expect(try faults(pairs) == ["shape-mismatch /sweep/over"])
    }

    /// Products beyond the largest integer do not trap.
    @Test func hugeGridsAreRefused() throws {
        let names = (0..<64).map { "\"/problem/definitions/d\($0)\": \(list(60))" }.joined(separator: ",")
        #expect(try faults("sweep={\"over\": {\(names)}}") == ["limit-exceeded /sweep"])
        let more = (0..<65).map { "\"/problem/definitions/d\($0)\": [1]" }.joined(separator: ",")
        #expect(try faults("sweep={\"over\": {\(more)}}") == ["limit-exceeded /sweep/over"])
    }
}
