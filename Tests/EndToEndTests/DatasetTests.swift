// Data sets in a real service: looked through by a worker, given to jobs, and whole or not there whatever is killed.
import Foundation
import Glibc
import ServiceHarness
import Testing

@Suite struct DatasetTests {
    private let folder: ServedFolder

    init() throws { folder = try ServedFolder() }

    private func files(_ part: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.data.appending(path: part).path)
    }

    private func put(
        _ port: Int, _ name: String, _ bytes: [UInt8], type: String = "text/csv", fields: [String: String] = [:]
    ) throws -> Answer {
        try exchange(
            port, "PUT", "/v1/datasets/\(name)", bytes, fields: fields.merging(["Content-Type": type]) { $1 },
            seconds: 90)
    }

    private func example(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: Repository.root.appending(path: "Examples/\(name)")))
    }

    /// The example with another data set.
    private func ridge(on dataset: String) throws -> String {
        String(decoding: try example("ridge-per-feature.json"), as: UTF8.self)
            .replacing("\"dataset\": \"diabetes\"", with: "\"dataset\": \"\(dataset)\"")
    }

    private func result(_ client: JobClient, _ document: String) throws -> String {
        let job = try client.submit(document)
        _ = try client.ended(job)
        return try client.hash(job)
    }

    @Test func namesAndIdsGiveTheSameBitsAsAFile() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let client = JobClient(port: port)
        let made = try put(port, "mine", try example("diabetes.csv"))
        #expect(made.status == 201)
        let id = try #require(try made.json["id"]?.text)
        #expect(try made.json["shape"]?.items.map(\.integer) == [442, 11])
        let local = try Executable.run(["solve", Repository.example("ridge-per-feature")])
        let expected = try #require(try Reading(Array(local.output.utf8))["result_sha256"]?.text)
        for reference in ["diabetes", "mine", id] {
            #expect(try result(client, ridge(on: reference)) == expected, "\(reference)")
        }
        let report = try exchange(port, "POST", "/v1/validate", Array(ridge(on: "mine").utf8))
        #expect(try report.json["valid"]?.flag == true)
        let missing = try exchange(port, "POST", "/v1/jobs?dry_run=true", Array(ridge(on: "nobodys").utf8))
        #expect(missing.status == 422 && missing.text.contains("PUT /v1/datasets"))
    }

    @Test func arraysAndLabelledRowsAreSelectedAsTheyAre() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        // [[1, 2], [3, 4], [5, 6]] in float32, column by column, big-endian.
        let header = "{'descr': '>f4', 'fortran_order': True, 'shape': (3, 2), }\n"
        let numbers = [Float](arrayLiteral: 1, 3, 5, 2, 4, 6).flatMap { value in
            withUnsafeBytes(of: value.bitPattern.bigEndian) { Array($0) }
        }
        let array = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + numbers
        #expect(try put(port, "array", array, type: "application/x-npy").status == 201)
        #expect(try put(port, "rows", Array("1 1:2\n2 2:3\n".utf8), type: "text/x-libsvm").status == 201)
        func solve(_ data: String, _ formula: String) throws -> Answer {
            let document = """
                {"problem": {"data": {"A": {\(data)}},
                 "levels": [{"variables": {"x": {"start": 0}}, "minimize": "(x - \(formula))^2"}]}}
                """
            return try exchange(
                port, "POST", "/v1/jobs", Array(document.utf8), fields: ["Prefer": "wait=60"], seconds: 90)
        }
        for (data, formula, expected) in [
            ("\"dataset\": \"array\"", "(A[2, 0] + 10 * A[0, 1])", 25.0),
            ("\"dataset\": \"array\", \"rows\": \"1:\"", "sum(A)", 18.0),
            ("\"dataset\": \"rows\", \"array\": \"labels\"", "sum(A)", 3.0),
            ("\"dataset\": \"rows\", \"array\": \"features\"", "sum(A @ [1, 1])", 5.0),
        ] {
            let answer = try solve(data, formula)
            let text = answer.text
            let value = text.firstMatch(of: #/"variables":\{"x":([-0-9.e]+)/#).flatMap { Double($0.1) }
            #expect(answer.status == 200 && abs((value ?? .nan) - expected) < 1e-4 * expected, "\(data): \(text)")
        }
        for (data, sentence) in [
            ("\"dataset\": \"array\", \"columns\": \"a\"", "is an array without names of columns"),
            ("\"dataset\": \"array\", \"array\": \"labels\"", "is one array"),
            ("\"dataset\": \"rows\"", "holds labelled sparse rows"),
            ("\"dataset\": \"array\", \"rows\": \"3:\"", "the row range selects none of the 3 rows"),
        ] {
            let refused = try solve(data, "sum(A)")
            #expect(refused.status == 422 && refused.text.contains(sentence), "\(refused.text)")
        }
    }

    @Test func aNameThatMovesOnLeavesItsJobsAlone() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let client = JobClient(port: port)
        #expect(try put(port, "mine", try example("diabetes.csv")).status == 201)
        let expected = try result(client, ridge(on: "mine"))
        let blocker = try client.submit(SampleDocuments.endless)
        let waiting = try client.submit(try ridge(on: "mine"))
        #expect(try exchange(port, "DELETE", "/v1/datasets/mine").status == 409)
        #expect(try put(port, "mine", Array("a\n1\n".utf8)).status == 200)
        #expect(try exchange(port, "DELETE", "/v1/datasets/mine").status == 204)
        try server.crash()
        // Another start, which removes what nothing needs.
        let next = try folder.serve(workers: 1)
        let later = JobClient(port: try next.port())
        #expect(try exchange(later.port(), "POST", "/v1/jobs/\(blocker)/cancel").status < 300)
        _ = try later.ended(waiting)
        #expect(try later.hash(waiting) == expected)
        #expect(try files("blobs").count == 1)
    }

    @Test func whatIsCutOffIsNotThere() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        #expect(try put(port, "whole", Array("a\n1\n".utf8)).status == 201)
        let orphan = folder.data.appending(path: "blobs/" + String(repeating: "ab", count: 32))
        try Data("nobody's".utf8).write(to: orphan)
        let socket = try Socket(port: port, seconds: 30)
        let half = "PUT /v1/datasets/half.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\na\n"
        try socket.send(Array(half.utf8) + [UInt8](repeating: 49, count: 2_000_000))
        let deadline = ContinuousClock.now + .seconds(30)
        while try files("uploads").isEmpty, ContinuousClock.now < deadline { usleep(5_000) }
        #expect(try files("uploads").count == 1)
        try server.crash()
        let next = try folder.serve(workers: 1)
        let list = try exchange(try next.port(), "GET", "/v1/datasets").json
        #expect(list["items"]?.items.map { $0["name"]?.text } == ["whole"])
        #expect(try files("uploads").isEmpty && files("blobs").count == 1)
        #expect(try exchange(try next.port(), "GET", "/v1/datasets/whole/content").text == "a\n1\n")
    }

    /// A client that goes away in the middle leaves nothing either.
    @Test func aClientThatLeavesLeavesNothing() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        do {
            let socket = try Socket(port: port, seconds: 30)
            try socket.send(
                Array("PUT /v1/datasets/half.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n".utf8)
                    + [UInt8](repeating: 49, count: 600_000))
            let deadline = ContinuousClock.now + .seconds(30)
            while try files("uploads").isEmpty, ContinuousClock.now < deadline { usleep(5_000) }
        }
        let deadline = ContinuousClock.now + .seconds(30)
        while try !files("uploads").isEmpty, ContinuousClock.now < deadline { usleep(5_000) }
        #expect(try files("uploads").isEmpty && files("blobs").isEmpty)
    }

    /// The disk is full in the middle of a body: for this server any file's 600 kB are all there is. Nothing is left of what had
    /// come, what was there is whole, jobs go on, and with room the same upload succeeds.
    @Test(arguments: [false, true]) func aDiskThatFillsUpCostsTheUploadOnly(_ isChunked: Bool) throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        #expect(try put(port, "whole", Array("a\n1\n".utf8)).status == 201)
        let table = Array("a\n".utf8) + (0..<1_200_000).map { UInt8($0 % 8 == 7 ? 10 : 49) }
        try Self.limitFiles(of: server.processID, to: "600000")
        for _ in 0..<2 {
            let refused = try isChunked ? inChunks(port, "t", table) : put(port, "t", table)
            #expect(refused.status == 507 && refused.text.contains("/problems/insufficient-storage"))
            #expect(refused.fields["retry-after"] == "60")
        }
        let deadline = ContinuousClock.now + .seconds(30)
        while try !files("uploads").isEmpty, ContinuousClock.now < deadline { usleep(5_000) }
        #expect(try files("uploads").isEmpty && files("blobs").count == 1)
        #expect(try exchange(port, "GET", "/v1/datasets/t").status == 404)
        #expect(try exchange(port, "GET", "/v1/datasets/whole/content").text == "a\n1\n")
        let client = JobClient(port: port)
        #expect(try client.ended(try client.submit(SampleDocuments.quick))["state"]?.text == "succeeded")
        try Self.limitFiles(of: server.processID, to: "unlimited")
        let again = try isChunked ? inChunks(port, "t", table) : put(port, "t", table)
        #expect(again.status == 201, "\(again.text.prefix(300))")
        #expect(try exchange(port, "GET", "/v1/datasets/t/content").body == table)
        #expect(try files("blobs").count == 2)
    }

    private func inChunks(_ port: Int, _ name: String, _ bytes: [UInt8]) throws -> Answer {
        let chunks = stride(from: 0, to: bytes.count, by: 100_000).flatMap { start in
            let chunk = bytes[start..<min(start + 100_000, bytes.count)]
            return Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
        }
        let connection = try HTTPConnection(port: port, seconds: 90)
        return try connection.exchange(
            "PUT", "/v1/datasets/\(name)", chunks + Array("0\r\n\r\n".utf8),
            fields: ["Content-Type": "text/csv", "Transfer-Encoding": "chunked"])
    }

    /// The soft limit alone, so that it can be taken back.
    private static func limitFiles(of process: Int32, to bytes: String) throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
        tool.arguments = ["--pid", "\(process)", "--fsize=\(bytes):"]
        try tool.run()
        tool.waitUntilExit()
        guard tool.terminationStatus == 0 else { throw HarnessError("prlimit: \(tool.terminationStatus)") }
    }

    @Test func bytesThatTakeTooMuchCostTheirUploadOnly() throws {
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let wide = try put(port, "wide", Array("1 2000000000:1\n".utf8), type: "text/x-libsvm")
        #expect(wide.status == 422, "\(wide.text)")
        let liar = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
        let array = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(liar.utf8.count), 0] + Array(liar.utf8)
        let refused = try put(port, "liar", array, type: "application/x-npy")
        #expect(refused.status == 422 && refused.text.contains("wanted 8000000000000 bytes"))
        #expect(try put(port, "fine", Array("a\n1\n".utf8)).status == 201)
    }

    @Test func quotasAndScopesHold() throws {
        let data = ["--data", folder.data.path]
        func key(_ words: String...) throws -> String {
            try Executable.run(["keys", "create", "--owner"] + words + data).output
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let ann = ["Authorization": "Bearer \(try key("ann", "--storage-bytes", "10"))"]
        let bob = ["Authorization": "Bearer \(try key("bob"))"]
        let reader = ["Authorization": "Bearer \(try key("ann", "--scope", "jobs:read"))"]
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let table = Array("a\n1\n".utf8)
        #expect(try put(port, "t", table, fields: reader).status == 403)
        #expect(try put(port, "t", table, fields: ann).status == 201)
        #expect(try put(port, "u", table, fields: ann).status == 201)
        #expect(try put(port, "v", Array("a\n123456\n".utf8), fields: ann).status == 429)
        #expect(try put(port, "v", Array("a\n123\n".utf8), fields: ann).status == 201)
        #expect(try put(port, "w", [UInt8](repeating: 49, count: 11), fields: ann).status == 429)
        #expect(try put(port, "t", table, fields: bob).status == 201)
        #expect(try put(port, "t", table).status == 401)
        for (fields, count) in [(ann, 3), (reader, 3), (bob, 1)] {
            let list = try exchange(port, "GET", "/v1/datasets", fields: fields).json
            #expect(list["items"]?.items.count == count)
        }
        let id = try #require(try exchange(port, "GET", "/v1/datasets/t", fields: bob).json["id"]?.text)
        #expect(try exchange(port, "GET", "/v1/datasets/\(id)", fields: ann).status == 404)
        #expect(try exchange(port, "GET", "/v1/datasets/\(id)/content", fields: ann).status == 404)
        #expect(try exchange(port, "DELETE", "/v1/datasets/\(id)", fields: ann).status == 404)
        #expect(try exchange(port, "DELETE", "/v1/datasets/t", fields: reader).status == 403)
        let document =
            "{\"problem\": {\"data\": {\"A\": {\"dataset\": \"\(id)\"}}, "
            + "\"levels\": [{\"variables\": {\"x\": {}}, \"minimize\": \"(x - sum(A))^2\"}]}}"
        let refused = try exchange(port, "POST", "/v1/jobs", Array(document.utf8), fields: ann)
        #expect(refused.status == 422 && refused.text.contains("there is no data set \(id)"))
        #expect(try exchange(port, "POST", "/v1/jobs", Array(document.utf8), fields: bob).status == 202)
    }
}
