// Documents that mean harm: refused by a worker in bounded time and memory while the server answers others.
import Foundation
import ServiceHarness
import Synchronization
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

    static let all = [
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
        HostileDocument("definitions that double", doubling(levels: 60), [202, 422]),
        HostileDocument("random data larger than memory", random(rows: 100_000_000)),
        HostileDocument("random data near the limit of admission", random(rows: 3_000_000), [202, 422]),
        HostileDocument("a data set outside its folder", dataset("../../../../etc/passwd")),
        HostileDocument("a body beyond the limit", String(repeating: " ", count: 17 << 20), [413]),
        HostileDocument("ten thousand faults", faulty(count: 10_000)),
    ]

    /// d1 = d0 + d0, d2 = d1 + d1, …: small as a graph, 2^levels as a text.
    private static func doubling(levels: Int) -> String {
        let definitions = (1...levels).map { "\"d\($0)\": \"d\($0 - 1) * d\($0 - 1) + 1\"" }.joined(separator: ", ")
        return problem(upper: "d\(levels)").replacing(
            "{\"levels\"", with: "{\"definitions\": {\"d0\": \"x - y\", \(definitions)}, \"levels\"")
    }

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

@Suite struct HostileDocumentTests {
    @Test func areRefusedWhileOthersAreAnswered() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let isOver = Mutex(false)
        let slowest = Mutex(0.0)
        let others = Thread {
            while !isOver.withLock({ $0 }) {
                let began = ContinuousClock.now
                let status = (try? exchange(port, "GET", "/livez"))?.status
                let took = began.duration(to: .now).components
                slowest.withLock {
                    $0 = max($0, status == 200 ? Double(took.seconds) + Double(took.attoseconds) * 1e-18 : .infinity)
                }
                usleep(10_000)
            }
        }
        others.start()
        for document in HostileDocument.all {
            let began = ContinuousClock.now
            let answer = try exchange(port, "POST", "/v1/jobs", Array(document.text.utf8))
            #expect(document.statuses.contains(answer.status), "\(document.testDescription): \(answer.status)")
            #expect(answer.body.count < 100_000, "\(document.testDescription)")
            #expect(began.duration(to: .now) < .seconds(20), "\(document.testDescription)")
            if answer.status == 202, let id = try answer.json["id"]?.text {
                #expect(try exchange(port, "POST", "/v1/jobs/\(id)/cancel").status < 300)
            }
        }
        isOver.withLock { $0 = true }
        while !others.isFinished { usleep(5_000) }
        #expect(slowest.withLock { $0 } < 2)
        #expect(ProcessTable.residentBytes(of: server.processID) < 512 << 20)
        #expect(try folder.spool == [])
        // And honest work is done as before.
        let client = JobClient(port: port)
        #expect(try client.ended(try client.submit(SampleDocuments.quick))["state"]?.text == "succeeded")
    }
}
