// `submit`, `watch`, `list`, `result`, `stop` and `cancel` against a real service: output, exit statuses, reconnecting.
import Dispatch
import Foundation
import ServiceHarness
import Synchronization
import Testing

/// Where a thread leaves the server that it started.
private final class Successor: Sendable {
    let server = Mutex<Result<ServedProcess, any Error>?>(nil)
}

@Suite struct RemoteCommandTests {
    private let folder: ServedFolder

    init() throws { folder = try ServedFolder() }

    /// Writes a document beside the data folder.
    private func document(_ text: String) throws -> String {
        let path = folder.scratch.path("document.json")
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func ask(_ server: ServedProcess, _ words: String..., errors: StreamEnd = .captured) throws -> Finished {
        try Executable.run(words + ["--server", try server.url()], errors: errors)
    }

    @Test func submitPrintsTheJobAndWatchItsResult() throws {
        let server = try folder.serve()
        let submitted = try ask(server, "submit", Repository.example("ridge-per-feature"))
        let job = submitted.output.trimmingCharacters(in: .newlines)
        #expect(submitted.ending == .status(0) && job.wholeMatch(of: #/job_[0-9A-Z]{26}/#) != nil)
        let watched = try ask(server, "watch", job)
        #expect(watched.ending == .status(0))
        let result = try Reading(Array(watched.output.utf8))
        #expect(result["termination"]?.text == "converged" && result["job"]?.text == job)
        let lines = watched.errors.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("iteration ") && $0.contains("  hypergradient ") })
        #expect(lines.last == "\(job) succeeded: converged")
        let again = try ask(server, "result", job)
        #expect(again.output == watched.output && again.ending == .status(0))
        let table = try ask(server, "list", "--state", "succeeded")
        #expect(table.output.split(separator: "\n").contains { $0.hasPrefix("\(job)  succeeded  converged") })
        #expect(try Reading(Array(try ask(server, "list", "--json").output.utf8))["items"]?.items.count == 1)
    }

    @Test func dataSetsArePutListedAndDeleted() throws {
        let server = try folder.serve()
        let file = Repository.root.appending(path: "Examples/diabetes.csv").path
        let put = try ask(server, "datasets", "put", file, "--name", "patients.csv")
        let dataset = try Reading(Array(put.output.utf8))
        #expect(put.ending == .status(0) && dataset["name"]?.text == "patients.csv")
        let again = try ask(server, "datasets", "put", file)
        #expect(try Reading(Array(again.output.utf8))["name"]?.text == "diabetes.csv")
        #expect(try ask(server, "datasets", "put", file, "--name", "p", "--format", "csv").ending == .status(0))
        let lines = try ask(server, "datasets", "list").output.split(separator: "\n")
        #expect(lines.count == 4 && lines[0].hasPrefix("NAME") && lines[3].hasPrefix("patients.csv  ds_"))
        #expect(lines[3].contains("  csv     442×11  "))
        #expect(
            try Reading(Array(try ask(server, "datasets", "list", "--json").output.utf8))["items"]?.items.count == 3)
        #expect(try ask(server, "datasets", "delete", "patients.csv").ending == .status(0))
        let gone = try ask(server, "datasets", "delete", "patients.csv")
        #expect(gone.ending == .status(2) && gone.errors.contains("there is no data set 'patients.csv' (not-found)"))
        let unknown = try ask(server, "datasets", "put", file, "--name", "p")
        #expect(unknown.ending == .status(2) && unknown.errors.contains("(unsupported-media-type)"))
        let missing = try ask(server, "datasets", "put", "/nowhere/x.csv")
        #expect(
            missing.ending == .status(2)
                && missing.errors.contains("/nowhere/x.csv cannot be read: No such file or directory"))
    }

    @Test func submitWatchesWhatItChanges() throws {
        let server = try folder.serve()
        let path = try document(SampleDocuments.quick)
        let run = try ask(server, "submit", path, "--watch", "--set", "limits.iterations=0", "--progress", "ndjson")
        #expect(run.ending == .status(1))
        #expect(try Reading(Array(run.output.utf8))["termination"]?.text == "iteration_limit")
        let events = try run.errors.split(separator: "\n").dropFirst().compactMap { try StreamedEvent(String($0)) }
        #expect(events.map(\.seq) == Array(1...max(1, events.count)) && events.last?.type == "end")
    }

    @Test func aTerminalShowsABarAndASparkline() throws {
        let server = try folder.serve()
        let run = try ask(server, "submit", Repository.example("ridge-per-feature"), "--watch", errors: .terminal)
        #expect(run.ending == .status(0))
        #expect(run.errors.contains("\r░") || run.errors.contains("\n░"))
        #expect(run.errors.contains(#/[▁▂▃▄▅▆▇█]+/#) && run.errors.contains("  hypergradient "))
    }

    @Test func faultsOfADocumentAreShown() throws {
        let server = try folder.serve()
        let run = try ask(
            server, "submit", Repository.example("quadratic"), "--set", "problem.levels.1.minimize=(y - 3 * z)^2")
        #expect(run.ending == .status(2) && run.output.isEmpty)
        #expect(run.errors.contains("/problem/levels/1/minimize  1:10  unknown-name\n"))
        #expect(run.errors.contains("no data, variable or definition is called 'z'"))
    }

    @Test func stopKeepsTheBestPointAndCancelDoesNot() throws {
        let server = try folder.serve(workers: 2)
        let client = JobClient(port: try server.port())
        let stopped = try client.submit(SampleDocuments.endless)
        let cancelled = try client.submit(SampleDocuments.endless)
        for job in [stopped, cancelled] { try client.underWay(job) }
        #expect(try ask(server, "result", stopped).ending == .status(1))
        let stopping = try ask(server, "stop", stopped)
        #expect(stopping.ending == .status(0) && ["stopping\n", "succeeded\n"].contains(stopping.output))
        let result = try ask(server, "result", stopped, "--wait")
        #expect(result.ending == .status(1) && result.output.contains(#""termination": "user_stop""#))
        let queued = try client.submit(SampleDocuments.endless)
        let immediate = try ask(server, "cancel", queued)
        #expect(immediate.ending == .status(0))
        #expect(try ask(server, "cancel", cancelled).ending == .status(0))
        _ = try client.ended(cancelled)
        let none = try ask(server, "result", cancelled, "--wait")
        #expect(none.ending == .status(1) && none.errors.contains("(no-result)") && none.output.isEmpty)
    }

    /// A point on the way would be there at once.
    @Test func whoWaitsIsGivenTheEnd() throws {
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        let job = try client.submit(SampleDocuments.unrolled(iterations: 200, checkpointSeconds: 10))
        try client.underWay(job)
        let result = try ask(server, "result", job, "--wait", "--partial")
        #expect(result.output.contains(#""termination": "iteration_limit""#))
        let cancelled = try client.submit(SampleDocuments.endless)
        try client.underWay(cancelled)
        #expect(try ask(server, "cancel", cancelled).ending == .status(0))
        let partial = try ask(server, "result", cancelled, "--wait", "--partial")
        #expect(partial.output.contains("\"variables\"") && partial.output.contains(#""termination": "user_stop""#))
    }

    @Test func aWatchOutlivesItsServer() throws {
        let first = try folder.serve()
        let port = try first.port()
        let client = JobClient(port: port)
        let job = try client.submit(SampleDocuments.unrolled(iterations: 1_000_000, checkpointSeconds: 0.05))
        try client.underWay(job)
        let data = folder.data
        // A thread of its own: this one waits for the watch.
        let restart = DispatchQueue(label: "restart")
        let next = Successor()
        restart.async {
            let result = Result {
                // Not before the watch has begun.
                _ = try client.reach(job, "a reader") { _ in
                    try exchange(port, "GET", "/metrics").text.contains("stackelberg_stream_clients 1\n")
                }
                _ = try client.reach(job, "a state") { _ in
                    try client.log(job).contains { $0.type == "checkpoint" }
                }
                try first.crash()
                // The next server has to be found where the first one was.
                let server = try ServedProcess(
                    executable: Executable.path, data: data, workers: 1, options: ["--port", "\(port)"])
                _ = try server.url()
                _ = try client.reach(job, "another attempt") { $0["attempt"]?.integer ?? 0 > 1 }
                try client.underWay(job)
                _ = try exchange(port, "POST", "/v1/jobs/\(job)/stop", [])
                return server
            }
            next.server.withLock { $0 = result }
        }
        let watched = try Executable.run(
            ["watch", job, "--progress", "ndjson", "--server", "http://127.0.0.1:\(port)"])
        restart.sync {}
        let server = try #require(try next.server.withLock { $0 }?.get())
        #expect(watched.ending == .status(1), "\(watched.errors.suffix(500))")
        let events = try watched.errors.split(separator: "\n").compactMap { try StreamedEvent(String($0)) }
        #expect(events.map(\.seq) == Array(1...max(1, events.count)) && events.last?.type == "end")
        #expect(events.contains { $0.line.contains("resumed_from") })
        #expect(try Reading(Array(watched.output.utf8))["termination"]?.text == "user_stop")
        withExtendedLifetime(server) {}
    }

    @Test func whatIsNotThereIsSaid() throws {
        let server = try folder.serve()
        let missing = try ask(server, "watch", "job_00000000000000000000000000")
        #expect(missing.ending == .status(2))
        #expect(missing.errors == "error: there is no job job_00000000000000000000000000 (not-found)\n")
        let odd = try ask(server, "stop", "../../etc")
        #expect(odd.ending == .status(2) && odd.errors.contains("(not-found)"))
        let url = try server.url()
        try server.crash()
        let away = try Executable.run(["list", "--server", url])
        #expect(away.ending == .status(2))
        #expect(away.errors.contains("did not answer: ") && away.errors.contains("Connection refused"))
        let malformed = try Executable.run(["list", "--server", "localhost:8080"])
        #expect(malformed.ending == .status(2) && malformed.errors.contains("--server wants a URL"))
    }
}
