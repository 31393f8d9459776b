// Data sets through real requests: formats, names, digests, limits, owners, and what jobs are given.
import DataFormats
import Foundation
import JobQueue
import ProblemSpecification
import Service
import Tensors
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct DatasetEndpointTests {
        private static let table = "a,b\n1,2.5\n3,\n"

        private func put(
            _ client: APIClient, _ name: String, _ text: String = table, _ fields: String...
        ) async throws -> Answer {
            let type = fields.contains { $0.lowercased().hasPrefix("content-type") } ? [] : ["Content-Type: text/csv"]
            return try await client.request("PUT", "/v1/datasets/\(name)", type + fields, body: Array(text.utf8))
        }

        private func files(_ house: House, _ folder: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: house.folder.appending(path: folder).path)
        }

        @Test func aTableIsDescribedAndSentBackAsItCame() async throws {
            try await withHouse { house in
                let client = try house.client()
                let made = try await put(client, "t")
                #expect(made.status == 201)
                let id = try #require(try made.json["id"]?.text)
                #expect(made["location"] == "/v1/datasets/\(id)")
                #expect(try made.json["shape"] == .list([.integer(2), .integer(2)]))
                #expect(try made.json["type"]?.text == "float64")
                #expect(try made.json["minimum"]?.double == 1 && made.json["maximum"]?.double == 3)
                #expect(try made.json["missing"]?.double == 1 && made.json["bytes"]?.double == 13)
                #expect(try made.json["sha256"]?.text == Digest.sha256(Array(Self.table.utf8)))
                #expect(try made.json["used_by"] == .array([]))
                #expect(try made.json["columns"]?.elements?.map { $0["type"]?.text } == ["integer", "float64"])
                for reference in ["t", id] {
                    #expect(try await client.get("/v1/datasets/\(reference)").json == made.json)
                    let content = try await client.get("/v1/datasets/\(reference)/content")
                    #expect(content.text == Self.table && content["content-type"] == "text/csv")
                    #expect(content["etag"] == "\"\(Digest.sha256(Array(Self.table.utf8)))\"")
                    #expect(content["content-disposition"] == "attachment; filename=\"t\"")
                }
                #expect(try await put(client, "t").status == 200)
                #expect(try files(house, "blobs").count == 1 && files(house, "uploads").isEmpty)
            }
        }

        @Test func contentAnswersConditionsAndRanges() async throws {
            try await withHouse { house in
                let client = try house.client()
                let tag = "\"\(Digest.sha256(Array(Self.table.utf8)))\""
                _ = try await put(client, "t")
                let path = "/v1/datasets/t/content"
                let whole = try await client.get(path)
                #expect(whole["repr-digest"]?.hasPrefix("sha-256=:") == true && whole["accept-ranges"] == "bytes")
                #expect(try await client.get(path, "If-None-Match: \(tag)").status == 304)
                #expect(try await client.get(path, "If-Match: \"x\"").problem == "precondition-failed")
                let part = try await client.get(path, "Range: bytes=4-9")
                #expect(part.status == 206 && part.text == "1,2.5\n" && part["content-range"] == "bytes 4-9/13")
                let none = try await client.get(path, "Range: bytes=13-")
                #expect(none.problem == "range-not-satisfiable" && none["content-range"] == "bytes */13")
                let head = try await client.request("HEAD", path)
                #expect(head.status == 200 && head["content-length"] == "13")
            }
        }

        @Test func aPutMayAskForWhatItReplaces() async throws {
            try await withHouse { house in
                let client = try house.client()
                let tag = "\"\(Digest.sha256(Array(Self.table.utf8)))\""
                #expect(try await put(client, "t", Self.table, "If-Match: *").problem == "precondition-failed")
                #expect(try await put(client, "t", Self.table, "If-None-Match: *").status == 201)
                for condition in ["If-None-Match: *", "If-None-Match: \(tag)", "If-Match: \"x\"", "If-Match: W/\(tag)"]
                {
                    let refused = try await put(client, "t", "a\n9\n", condition)
                    #expect(refused.status == 412 && refused.problem == "precondition-failed", "\(condition)")
                }
                #expect(try await client.get("/v1/datasets/t/content").text == Self.table)
                #expect(try files(house, "blobs").count == 1 && files(house, "uploads").isEmpty)
                #expect(try await put(client, "t", "a\n9\n", "If-Match: \(tag)").status == 200)
                #expect(try await put(client, "t", "a\n8\n", "If-Match: \(tag)").status == 412)
                #expect(try await put(client, "t", "a\n8\n", "If-None-Match: \(tag)").status == 200)
            }
        }

        @Test func aDeletionMayAskForWhatItForgets() async throws {
            try await withHouse { house in
                let client = try house.client()
                let tag = "\"\(Digest.sha256(Array(Self.table.utf8)))\""
                for wanted in [tag, "\"x\", \(tag)", "*"] {
                    #expect(try await put(client, "t", Self.table).status == 201)
                    for condition in ["If-Match: \"x\"", "If-Match: W/\(tag)", "If-None-Match: *"] {
                        let refused = try await client.request("DELETE", "/v1/datasets/t", [condition])
                        #expect(refused.status == 412 && refused.problem == "precondition-failed", "\(condition)")
                    }
                    #expect(try await client.request("DELETE", "/v1/datasets/t", ["If-Match: \(wanted)"]).status == 204)
                }
            }
        }

        /// Refused before the body is sent, so that nobody sends it for nothing.
        @Test func aConditionThatFailsIsToldBeforeTheBody() async throws {
            try await withHouse { house in
                _ = try await put(try house.client(), "t")
                let client = try house.client()
                try await client.send(
                    "PUT /v1/datasets/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nIf-None-Match: *\r\n"
                        + "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
                #expect(try await client.head("PUT", "/v1/datasets/t").status == 412)
            }
        }

        /// Of many that would be the first, one is.
        @Test func oneOfManyIsTheFirst() async throws {
            try await withHouse { house in
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            try await put(try house.client(), "t", "a\n\(number)\n", "If-None-Match: *").status
                        }
                    }
                    return try await group.reduce(into: [Int]()) { $0.append($1) }.sorted()
                }
                #expect(statuses == [201] + Array(repeating: 412, count: 7))
            }
        }

        @Test(arguments: ["POST /v1/datasets", "PUT /v1/datasets/t", "POST /v1/jobs", "POST /v1/validate"])
        func aBodyMustBeThere(_ line: String) async throws {
            try await withHouse { house in
                let client = try house.client()
                try await client.send("\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let words = line.split(separator: " ").map(String.init)
                #expect(try await client.head(words[0], words[1]).status == 411)
            }
        }

        @Test func formatsComeFromQueryTypeOrName() async throws {
            try await withHouse { house in
                let client = try house.client()
                let array = NPYWriter.bytes(try Tensor(shape: [2, 2], values: [1, 2, 3, .nan]))
                let rows = Array("1 1:2\n-1 3:4\n".utf8)
                let table = Array(Self.table.utf8)
                let cases: [(String, [String], [UInt8], String)] = [
                    ("a.npy", [], array, "npy"), ("a", ["Content-Type: application/x-npy"], array, "npy"),
                    ("a?format=npy", ["Content-Type: application/octet-stream"], array, "npy"),
                    ("b.LIBSVM", [], rows, "libsvm"), ("b.svm", [], rows, "libsvm"),
                    ("b", ["Content-Type: text/x-libsvm"], rows, "libsvm"), ("c.csv", [], table, "csv"),
                    ("c", ["Content-Type: text/csv; charset=utf-8"], table, "csv"),
                    ("c.npy", ["Content-Type: text/csv"], table, "csv"),
                ]
                for (name, fields, body, format) in cases {
                    let answer = try await client.request("PUT", "/v1/datasets/\(name)", fields, body: body)
                    #expect(answer.status < 300, "\(name): \(answer.text)")
                    #expect(try answer.json["format"]?.text == format)
                }
                #expect(try await client.get("/v1/datasets/a/content").body == array)
                #expect(try await client.get("/v1/datasets/b").json["labels"]?["minimum"]?.double == -1)
                for (fields, name) in [
                    (["Content-Type: application/x-www-form-urlencoded"], "t.csv"), ([], "t"),
                    (["Content-Type: application/x-npz"], "t"), (["Content-Type: application/x-ndjson"], "t"),
                    (["Content-Type: application/json"], "t.csv"), (["Content-Type: application/octet-stream"], "t"),
                    (["Content-Type: text/csv", "Content-Type: text/csv"], "t"),
                ] {
                    let refused = try await client.request("PUT", "/v1/datasets/\(name)", fields, body: table)
                    #expect(refused.problem == "unsupported-media-type", "\(fields)")
                    #expect(refused.detail.contains("text/csv") && refused.detail.contains("?format="))
                }
                let form = try await client.request(
                    "POST", "/v1/datasets", ["Content-Type: application/x-www-form-urlencoded"], body: table)
                #expect(form.detail.hasSuffix("with curl, use -T file"))
                #expect(try await client.request("PUT", "/v1/datasets/t?format=xls", body: table).status == 400)
            }
        }

        @Test func whatIsNoDataSetIsRefusedAndLeavesNothing() async throws {
            try await withHouse { house in
                let client = try house.client()
                for (text, type) in [
                    ("", "text/csv"), ("a,b\n", "text/csv"), ("a,b\n1\n", "text/csv"), ("\"", "text/csv"),
                    ("1,2\n", "application/x-npy"), ("\u{93}NUMPY", "application/x-npy"),
                    ("1 0:1 0:2", "text/x-libsvm"),
                    ("1 2000000000000:1", "text/x-libsvm"),
                ] {
                    let refused = try await put(client, "t", text, "Content-Type: \(type)")
                    #expect(refused.status == 422 && refused.problem == "invalid-dataset", "\(text): \(refused.text)")
                }
                #expect(try await client.get("/v1/datasets").json["items"] == .array([]))
                #expect(try files(house, "blobs").isEmpty && files(house, "uploads").isEmpty)
            }
        }

        @Test func namesAreLettersDigitsDotsAndDashes() async throws {
            try await withHouse { house in
                let client = try house.client()
                let longest = String(repeating: "x", count: 128)
                for name in ["a", "A.b_c-9", "...", ".x", "-", longest] {
                    #expect(try await put(client, name).status == 201, "\(name)")
                    #expect(try await client.get("/v1/datasets/\(name)").json["name"]?.text == name)
                }
                for name in [longest + "x", "ds_x", "ds_", "a%2Fb", "a%20b", "%C3%A4", "a:b", "~", "a%0Ab"] {
                    // A path that is none ends its connection.
                    let client = try house.client()
                    #expect(try await put(client, name).status == 400, "\(name)")
                }
                #expect(try files(house, "blobs") == [Digest.sha256(Array(Self.table.utf8))])
            }
        }

        @Test func digestsAreVerifiedOverWhatWasSent() async throws {
            try await withHouse { house in
                let client = try house.client()
                func field(_ bytes: [UInt8], _ algorithm: DigestAlgorithm) -> String {
                    let digest = RunningDigest(algorithm)
                    digest.add(bytes)
                    return "Content-Digest: \(algorithm.rawValue)=:\(Data(digest.finish()).base64EncodedString()):"
                }
                let plain = Array(Self.table.utf8)
                let other = Array("a\n2\n".utf8)
                for algorithm in DigestAlgorithm.allCases {
                    #expect(try await put(client, "t", Self.table, field(plain, algorithm)).status < 300)
                    let refused = try await put(client, "u", Self.table, field(other, algorithm))
                    #expect(refused.status == 422 && refused.problem == "digest-mismatch")
                }
                #expect(try await client.get("/v1/datasets/u").status == 404)
                #expect(try await put(client, "u", Self.table, "Content-Digest: sha-256=:x:").status == 400)
                #expect(try await put(client, "u", Self.table, "Content-Digest: md5=:AAAA:").status == 201)
                // Stored deflate blocks in gzip, as `gzip` of zlib writes them for incompressible data: RFC 1952.
                let coded = Gzip.stored(plain)
                let gzip = ["Content-Type: text/csv", "Content-Encoding: gzip"]
                let sent = try await client.request(
                    "PUT", "/v1/datasets/g", gzip + [field(coded, .sha256)], body: coded)
                #expect(sent.status == 201, "\(sent.text)")
                #expect(try sent.json["sha256"]?.text == Digest.sha256(plain))
                let wrong = try await client.request(
                    "PUT", "/v1/datasets/h", gzip + [field(plain, .sha256)], body: coded)
                #expect(wrong.problem == "digest-mismatch")
                let broken = try await client.request("PUT", "/v1/datasets/h", gzip, body: Array(coded.dropLast(3)))
                #expect(broken.problem == "malformed-request")
                #expect(try files(house, "uploads").isEmpty)
            }
        }

        @Test func aBodyIsTakenUpToTheLimitAndNoFurther() async throws {
            var setup = Setup()
            setup.limits.uploads.bytes = 4_000
            try await withHouse(setup) { house in
                let longest = "a\n" + String(repeating: "1", count: 3_997) + "\n"
                #expect(longest.utf8.count == 4_000)
                #expect(try await put(try house.client(), "t", longest).status == 201)
                let refused = try await put(try house.client(), "u", "1" + longest)
                #expect(refused.status == 413 && refused.problem == "content-too-large")
                // Nothing announces the length of chunks.
                let client = try house.client()
                try await client.send(
                    "PUT /v1/datasets/u.csv HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "fa1\r\n\(longest)1\r\n0\r\n\r\n")
                #expect(try await client.head("PUT", "/v1/datasets/u.csv").status == 413)
                #expect(try files(house, "blobs").count == 1)
            }
        }

        @Test func refusalsComeBeforeTheBody() async throws {
            var setup = Setup()
            setup.limits.uploads.bytes = 4_000
            setup.limits.uploads.reservedBytes = 1 << 60
            try await withHouse(setup) { house in
                for (name, type, length, status) in [
                    ("ds_x", "text/csv", 10, 400), ("t", "text/plain", 10, 415), ("t", "text/csv", 4_001, 413),
                    ("t", "text/csv", 10, 507),
                ] {
                    let client = try house.client()
                    try await client.send(
                        "PUT /v1/datasets/\(name) HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(type)\r\n"
                            + "Content-Length: \(length)\r\nExpect: 100-continue\r\n\r\n")
                    #expect(try await client.head("PUT", "/v1/datasets/\(name)").status == status)
                }
                house.status.beginDraining()
                let client = try house.client()
                #expect(try await put(client, "t").problem == "draining")
            }
        }

        @Test func listsGoPageByPage() async throws {
            try await withHouse { house in
                let client = try house.client()
                for number in 0..<3 { _ = try await put(client, "n\(number)") }
                let first = try await client.get("/v1/datasets?limit=2")
                #expect(try first.json["items"]?.elements?.map { $0["name"]?.text } == ["n2", "n1"])
                let cursor = try #require(try first.json["next_cursor"]?.text)
                #expect(first["link"] == "</v1/datasets?limit=2&cursor=\(cursor)>; rel=\"next\"")
                let second = try await client.get("/v1/datasets?limit=2&cursor=\(cursor)")
                #expect(try second.json["items"]?.elements?.map { $0["name"]?.text } == ["n0"])
                #expect(try second.json["next_cursor"] == .null && second["link"] == nil)
                for query in ["limit=0", "limit=201", "cursor=x", "lmit=2", "cursor=job_00000000000000000000000000"] {
                    #expect(try await client.get("/v1/datasets?\(query)").status == 400, "\(query)")
                }
            }
        }

        @Test func jobsAreGivenTheBytesOfTheMoment() async throws {
            try await withHouse { house in
                let client = try house.client()
                _ = try await put(client, "t")
                let first = Digest.sha256(Array(Self.table.utf8))
                let document = #"{"problem": {"data": {"X": {"dataset": "t"}, "Y": {"dataset": "other"}}}}"#
                let job = try await house.submit(client, document)
                let checked = try await client.post("/v1/validate", document)
                #expect(try checked.json["uploads"]?.elements?.compactMap(\.text) == ["t"])
                #expect(
                    try await client.get("/v1/datasets/t").json["used_by"]?.elements?.compactMap(\.text) == ["\(job)"])
                let refused = try await client.request("DELETE", "/v1/datasets/t")
                #expect(refused.status == 409 && refused.problem == "dataset-in-use")
                #expect(try await put(client, "t", "a\n7\n").status == 200)
                #expect(try await client.get("/v1/datasets/t").json["used_by"] == .array([]))
                #expect(try await client.get("/v1/jobs/\(job)/problem").json["datasets"]?["t"]?.text == first)
                #expect(try await client.request("DELETE", "/v1/datasets/t").status == 204)
                #expect(try await client.request("DELETE", "/v1/datasets/t").status == 404)
                // The job's own bytes stay as long as it does.
                let keep =
                    { try await house.store.neededBlobs(among: $0) }
                    as @Sendable (Set<String>) async throws -> Set<String>
                #expect(try await house.blobs.sweep(olderThan: 0, at: .distantFuture, needed: keep) == 1)
                #expect(try files(house, "blobs") == [first])
                _ = try await client.request("DELETE", "/v1/jobs/\(job)?force=true")
                #expect(try await house.blobs.sweep(olderThan: 0, at: .distantFuture, needed: keep) == 1)
                #expect(try files(house, "blobs").isEmpty)
            }
        }

        @Test func postedBytesGoByTheirId() async throws {
            try await withHouse { house in
                let client = try house.client()
                func post() async throws -> Answer {
                    try await client.request(
                        "POST", "/v1/datasets", ["Content-Type: text/csv"], body: Array(Self.table.utf8))
                }
                let made = try await post()
                #expect(try made.status == 201 && made.json["name"] == .null)
                let again = try await post()
                #expect(try again.status == 200 && again.json == made.json)
                let id = try #require(try made.json["id"]?.text)
                let document = "{\"problem\": {\"data\": {\"X\": {\"dataset\": \"\(id)\"}}}}"
                let job = try await house.submit(client, document)
                let problem = try await client.get("/v1/jobs/\(job)/problem").json
                #expect(try problem["datasets"]?[id]?.text == made.json["sha256"]?.text)
                #expect(try await client.request("DELETE", "/v1/datasets/\(id)?force=true").status == 204)
            }
        }
    }
}

/// gzip without compression: one stored block.
enum Gzip {
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(bytes.count)
        let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1]
        let sizes = [count, ~count].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let tail = [checksum(bytes), UInt32(bytes.count)].flatMap { word in
            (0..<4).map { UInt8(word >> ($0 * 8) & 255) }
        }
        return head + sizes + bytes + tail
    }

    /// CRC-32 of RFC 1952 §8.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
    }
}
