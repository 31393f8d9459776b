// Jobs changed, tried again and started from one another, by a real server with real workers.
import Foundation
import Glibc
import ServiceHarness
import Testing

@Suite struct JobChangeTests {
    private func ask(
        _ port: Int, _ method: String, _ path: String, _ body: String, status: Int = 200
    ) throws -> Reading {
        let answer = try exchange(port, method, path, Array(body.utf8))
        guard answer.status == status else { throw HarnessError("\(path): \(answer.status) \(answer.text)") }
        return try answer.json
    }

    @Test func aRunningJobGoesOnUnderItsNewLimits() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2)
        let port = try server.port()
        let client = JobClient(port: port)
        let id = try client.submit(SampleDocuments.endless)
        try client.underWay(id)
        // It stands still meanwhile, or it would be past any limit on some machine.
        let worker = try #require(try WorkerLossTests.worker(of: id, port))
        kill(worker, SIGSTOP)
        let limit = (iterations(ofLog: try client.log(id)).last ?? 0) + 2_000
        _ = try ask(port, "PATCH", "/v1/jobs/\(id)", "{\"limits\":{\"iterations\":\(limit)}}")
        kill(worker, SIGCONT)
        let job = try client.ended(id)
        #expect(job["termination"]?.text == "iteration_limit" && job["attempt"]?.integer == 2)
        #expect(job["failures"]?.integer == 0)
        let log = try client.log(id)
        #expect(faults(inLog: log).isEmpty)
        #expect(iterations(ofLog: log) == Array(0...limit))
        let whole = try client.submit(SampleDocuments.unrolled(iterations: limit))
        _ = try client.ended(whole)
        #expect(try client.hash(id) == client.hash(whole))
    }

    @Test func aJobThatHasWaitedTooLongFailsAndMayBeTriedAgain() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let client = JobClient(port: port)
        let endless = try client.submit(SampleDocuments.endless)
        try client.underWay(endless)
        let quick = SampleDocuments.quick.dropLast() + ", \"limits\": {\"queue_seconds\": 0.01}}"
        let id = try client.submit(String(quick))
        let job = try client.ended(id)
        #expect(job["state"]?.text == "failed" && job["failure"]?["code"]?.text == "queue_timeout")
        _ = try ask(port, "POST", "/v1/jobs/\(id)/retry", "{}", status: 202)
        _ = try ask(port, "POST", "/v1/jobs/\(endless)/stop", "", status: 202)
        #expect(try client.ended(id)["state"]?.text == "succeeded")
    }

    @Test func aLostJobIsTriedAgainFromTheStart() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let client = JobClient(port: port)
        let fragile = SampleDocuments.endless.replacing(
            "\"limits\"", with: "\"retry\": {\"max_attempts\": 1}, \"limits\"")
        let id = try client.submit(fragile)
        try client.underWay(id)
        kill(try #require(try WorkerLossTests.worker(of: id, port)), SIGKILL)
        let lost = try client.ended(id)
        #expect(lost["termination"]?.text == "worker_lost" && lost["max_attempts"]?.integer == 1)
        // Another has the only worker while the limits change.
        let blocker = try client.submit(SampleDocuments.endless)
        try client.underWay(blocker)
        _ = try ask(port, "POST", "/v1/jobs/\(id)/retry", "{\"from\": \"start\"}", status: 202)
        _ = try ask(port, "PATCH", "/v1/jobs/\(id)", "{\"limits\": {\"iterations\": 100}}")
        _ = try ask(port, "POST", "/v1/jobs/\(blocker)/stop", "", status: 202)
        #expect(try client.ended(id)["termination"]?.text == "iteration_limit")
        #expect(iterations(ofLog: try client.log(id)).suffix(101) == Array(0...100)[...])
        let whole = try client.submit(SampleDocuments.unrolled(iterations: 100))
        _ = try client.ended(whole)
        #expect(try client.hash(id) == client.hash(whole))
    }

    @Test func aJobBeginsWhereAnotherEndedAndIsReproducible() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let client = JobClient(port: port)
        let document = try exchange(port, "GET", "/v1/examples/ridge-per-feature").text
        let first = try client.submit(document)
        #expect(try client.ended(first)["termination"]?.text == "converged")
        let end = try #require(document.lastIndex(of: "}"))
        let warm = try client.submit(document[..<end] + ", \"warm_start\": {\"job\": \"\(first)\"}}")
        #expect(try client.ended(warm)["termination"]?.text == "converged")
        let cold = try exchange(port, "GET", "/v1/jobs/\(first)/result").json
        let result = try exchange(port, "GET", "/v1/jobs/\(warm)/result").json
        let (long, short) = (try #require(cold["iterations"]?.integer), try #require(result["iterations"]?.integer))
        #expect(short < long / 4, "\(short) iterations after \(long)")
        // What was accepted is a document like any other, without the job that it came from.
        _ = try exchange(port, "DELETE", "/v1/jobs/\(first)")
        let problem = try exchange(port, "GET", "/v1/jobs/\(warm)/problem").body
        let object = try #require(try JSONSerialization.jsonObject(with: Data(problem)) as? [String: Any])
        let accepted = try JSONSerialization.data(withJSONObject: try #require(object["document"]))
        let again = try client.submit(String(decoding: accepted, as: UTF8.self))
        _ = try client.ended(again)
        #expect(try client.hash(again) == client.hash(warm))
    }
}
