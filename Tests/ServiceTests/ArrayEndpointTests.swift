// Arrays of results in three forms, and long logs as short series.
import DataFormats
import HTTPServer
import JobQueue
import ProblemSpecification
import Service
import Tensors
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ArrayEndpointTests {
        private static let result = """
            {"state":"succeeded","variables":{"s":1.5,"v":[1,2.5,null],"m":[[1,2,3],[4,5,6]],
             "t":[[[1,2],[3,4]],[[5,6],[7,8]]],"e":[]}}
            """

        private func withResult(_ body: (APIClient, String) async throws -> Void) async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let early = try await client.get("/v1/jobs/\(id)/result/variables/s")
                #expect(early.status == 409 && early.problem == "result-not-ready")
                let outcome = Outcome.succeeded(Termination(rawValue: "converged"), result: Array(Self.result.utf8))
                try await house.finish(try await house.claim(), outcome)
                try await body(client, "/v1/jobs/\(id)/result/variables")
            }
        }

        @Test func anArrayIsWrittenAsItIsAskedFor() async throws {
            try await withResult { client, path in
                for (name, json) in [("s", "1.5"), ("v", "[1,2.5,null]"), ("m", "[[1,2,3],[4,5,6]]"), ("e", "[]")] {
                    let answer = try await client.get("\(path)/\(name)")
                    #expect(answer.text == "\(json)\n" && answer["vary"] == "Accept")
                }
                for (name, csv) in [
                    ("s", "s\r\n1.5\r\n"), ("v", "v\r\n1\r\n2.5\r\nnan\r\n"),
                    ("m", "m_0,m_1,m_2\r\n1,2,3\r\n4,5,6\r\n"), ("t", "t_0,t_1\r\n1,2\r\n3,4\r\n5,6\r\n7,8\r\n"),
                    ("e", "e\r\n"),
                ] {
                    let answer = try await client.get("\(path)/\(name)", "Accept: text/csv")
                    #expect(answer.text == csv && answer["content-type"] == "text/csv")
                }
                #expect(try await client.get("\(path)/none").status == 404)
                #expect(try await client.get("\(path)/s", "Accept: image/png").status == 406)
            }
        }

        @Test(
            arguments: [
                ("s", [], [1.5]), ("v", [3], [1, 2.5, .nan]), ("m", [2, 3], [1, 2, 3, 4, 5, 6]),
                ("t", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), ("e", [0], []),
            ] as [(String, [Int], [Double])])
        func whatNumPyWouldReadIsWhatWasFound(_ name: String, _ shape: [Int], _ values: [Double]) async throws {
            try await withResult { client, path in
                let answer = try await client.request(
                    "GET", "\(path)/\(name)", ["Accept: application/x-npy, text/csv;q=0.5"])
                #expect(answer["content-type"] == "application/x-npy")
                let tensor = try NPYReader.read(answer.body, byteLimit: 10_000)
                #expect(tensor.shape == shape)
                #expect(tensor.values.map(\.bitPattern) == values.map(\.bitPattern))
            }
        }

        private static func list(_ count: Int) -> String { "[\((0..<count).map { "\($0)" }.joined(separator: ","))]" }

        /// 10,000 entries are sent as they are, one more by a reference that leads to them.
        @Test func longArraysGoByReferenceUnlessAskedFor() async throws {
            try await withHouse { house in
                let client = try house.client()
                let half = Self.list(5_001)
                let result = """
                    {"state":"succeeded","variables":{"s":1.5,"v":\(Self.list(10_000)),"w":\(Self.list(10_001)),\
                    "m":[\(half),\(half)]},"result_sha256":"x"}
                    """
                for outcome in [
                    Outcome.succeeded(Termination(rawValue: "converged"), result: Array(result.utf8)),
                    .failed(nil, JobFailure(code: "diverged", detail: "-"), partial: Array(result.utf8)),
                ] {
                    let id = try await house.submit(client)
                    try await house.finish(try await house.claim(), outcome)
                    let end = if case .failed = outcome { "?partial=true" } else { "" }
                    let path = "/v1/jobs/\(id)/result"
                    let document = try await client.get(path + end).json
                    #expect(document["variables"]?["s"]?.double == 1.5)
                    #expect(document["variables"]?["v"]?.elements?.count == 10_000)
                    #expect(document["result_sha256"]?.text == "x")
                    for (name, shape) in [("w", [10_001]), ("m", [2, 5_001])] {
                        let reference = document["variables"]?[name]
                        #expect(reference?["shape"] == .list(shape.map(JSONValue.integer)))
                        #expect(reference?["entries"] == .integer(shape.reduce(1, *)))
                        let href = try #require(reference?["href"]?.text)
                        #expect(href == "\(path)/variables/\(name)\(end)")
                        let array = try await client.get(href).json
                        #expect(array == (try JSONParser.parse(Array(result.utf8)))["variables"]?[name])
                    }
                    let separator = end.isEmpty ? "?" : "&"
                    #expect(try await client.get("\(path)\(end)\(separator)arrays=inline").text == result + "\n")
                    #expect(try await client.get("\(path)\(end)\(separator)arrays=all").status == 400)
                }
            }
        }

        @Test func resultsAnswerConditionsAndRanges() async throws {
            try await withResult { client, path in
                let result = String(path.dropLast("/variables".count))
                for (path, type) in [(result, "application/json"), ("\(path)/m", "application/x-npy")] {
                    let accept = "Accept: \(type)"
                    let whole = try await client.get(path, accept)
                    let tag = try #require(whole["etag"])
                    #expect(tag == "\"\(Digest.sha256(whole.body))\"" && whole["accept-ranges"] == "bytes")
                    let same = try await client.get(path, accept, "If-None-Match: \(tag)")
                    #expect(same.status == 304 && same["etag"] == tag && same.body.isEmpty)
                    #expect(try await client.get(path, accept, "If-Match: \"x\"").problem == "precondition-failed")
                    let part = try await client.get(path, accept, "Range: bytes=3-9")
                    #expect(part.status == 206 && part.body == Array(whole.body[3...9]))
                    #expect(part["content-range"] == "bytes 3-9/\(whole.body.count)" && part["content-type"] == type)
                    let none = try await client.get(path, accept, "Range: bytes=100000-")
                    #expect(none.problem == "range-not-satisfiable")
                    #expect(none["content-range"] == "bytes */\(whole.body.count)")
                    #expect(try await client.request("HEAD", path, [accept])["etag"] == tag)
                }
            }
        }

        @Test func arraysOfARunningJobAreThoseOfItsNewestIterate() async throws {
            for iterate in [nil, "{\"p\":[3,4]}"] {
                var setup = Setup()
                setup.iterate = iterate
                try await withHouse(setup) { house in
                    let client = try house.client()
                    let path = "/v1/jobs/\(try await house.submit(client))/result/variables"
                    #expect(try await client.get("\(path)/p?partial=true").status == (iterate == nil ? 409 : 200))
                    let lease = try await house.claim()
                    let told = EventDraft(
                        type: "progress", time: House.now().calendar, data: Array("{\"iterate\":{\"p\":[1,2]}}".utf8))
                    _ = try await house.store.append([told], under: lease)
                    let answer = try await client.get("\(path)/p?partial=true")
                    #expect(answer.text == (iterate == nil ? "[1,2]\n" : "[3,4]\n"))
                    #expect(try await client.get("\(path)/q?partial=true").status == 404)
                    #expect(try await client.get("\(path)/p").problem == "result-not-ready")
                    try await house.finish(lease)
                    #expect(try await client.get("\(path)/x?partial=true").text == "[1,2.5]\n")
                }
            }
        }

        @Test func aShortLogIsItsOwnSeries() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let empty = try await client.get("/v1/jobs/\(id)/progress").json
                #expect(empty["last"] == .null && empty["points"] == .integer(0))
                let lease = try await house.claim()
                try await house.append(3, to: lease)
                let progress = try await client.get("/v1/jobs/\(id)/progress?fields=step&max_points=20").json
                #expect(progress["series"]?["iteration"] == .list([.integer(0), .integer(1), .integer(2)]))
                #expect(progress["series"]?["seq"] == .list([.integer(3), .integer(4), .integer(5)]))
                #expect(progress["series"]?["step"] == .array([.null, .null, .null]))
                #expect(progress["last"]?["iteration"] == .integer(2) && progress["read_through"] == .integer(5))
            }
        }

        @Test(arguments: ["max_points=19", "max_points=2001", "fields=stepp", "fields=", "field=step"])
        func aSeriesRefusesWhatItDoesNotKnow(_ query: String) async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                #expect(try await client.get("/v1/jobs/\(id)/progress?\(query)").status == 400)
            }
        }

        @Test func aLongLogKeepsItsEndsAndItsExtremes() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                let count = 1_203
                for start in stride(from: 0, to: count, by: 401) {
                    let drafts = (start..<start + 401).map { index -> EventDraft in
                        let objective = index == 777 ? -50 : index == 901 ? 4_000 : Double(index % 13)
                        let data =
                            "{\"iteration\":\(index),\"upper_objective\":\(objective),\"hypergradient_norm\":null}"
                        return EventDraft(type: "progress", time: House.now().calendar, data: Array(data.utf8))
                    }
                    _ = try await house.store.append(drafts, under: lease)
                }
                for limit in [20, 100, 1_202] {
                    let series = try await client.get("/v1/jobs/\(id)/progress?max_points=\(limit)").json["series"]
                    let iterations = (series?["iteration"]?.elements ?? []).compactMap(\.double)
                    #expect(iterations.count <= limit && iterations.count >= 4 && iterations == iterations.sorted())
                    #expect(Set(iterations).isSuperset(of: [0, 777, 901, 1_202]), "\(limit)")
                }
                let whole = try await client.get("/v1/jobs/\(id)/progress?max_points=1203").json["series"]
                #expect(whole?["iteration"]?.elements?.count == count)
            }
        }

        @Test func aReaderMayAskForFewerPoints() async throws {
            try await withHouse { house in
                let client = try house.client()
                let id = try await house.submit(client)
                let lease = try await house.claim()
                let start = House.now().calendar
                let drafts = (0..<10).map { index in
                    EventDraft(
                        type: "progress", time: start.advanced(by: .milliseconds(100 * index)),
                        data: Array("{\"iteration\":\(index)}".utf8))
                }
                _ = try await house.store.append(drafts, under: lease)
                try await house.finish(lease)
                func iterations(_ text: String) throws -> [JSONValue] {
                    try text.split(separator: "\n").compactMap { line in
                        try JSONParser.parse(Array(line.utf8))["data"]?["iteration"]
                    }
                }
                let kept: [JSONValue] = [0, 4, 8, 9].map { .integer($0) }
                _ = try await client.stream("/v1/jobs/\(id)/events?max_rate=3")
                // Every third of a second, and the last before the end.
                #expect(try iterations(try await client.rest()) == kept)
                let page = try await client.get("/v1/jobs/\(id)/events?max_rate=3", "Accept: application/json")
                let items = try page.json["items"]?.elements ?? []
                #expect(items.compactMap { $0["data"]?["iteration"] } == kept)
                #expect(try await client.get("/v1/jobs/\(id)/events?max_rate=0").status == 400)
            }
        }
    }
}
