// `serve` as a process: how it starts, is refused, drains, and what dies with it.
import Foundation
import Glibc
import ServiceHarness
import Testing

/// A data folder and the servers on it.
struct ServedFolder {
    let scratch: Scratch
    var data: URL { scratch.folder.appending(path: "data") }

    init() throws { scratch = try Scratch() }

    func serve(workers: Int = 1, _ options: String..., variables: [String] = []) throws -> ServedProcess {
        try ServedProcess(
            executable: Executable.path, data: data, workers: workers, options: options, variables: variables)
    }

    /// What lies in the spool.
    var spool: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: data.appending(path: "spool").path) }
    }
}

extension JobClient {
    /// Waits until the job has told of an iterate.
    func underWay(_ id: String) throws {
        _ = try reach(id, "an iterate") { $0["progress"]?["iteration"]?.integer ?? 0 > 0 || Self.isFinal($0) }
    }
}

@Suite struct ServeCommandTests {
    @Test func theFirstLineIsTheURL() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let url = try server.url()
        #expect(url.wholeMatch(of: #/http://127\.0\.0\.1:[1-9][0-9]*/#) != nil)
        #expect(try exchange(try server.port(), "GET", "/readyz").status == 200)
        server.kill(SIGTERM)
        #expect(try server.wait(seconds: 25) == .status(0))
    }

    @Test func aPortInUseIsRefused() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let other = folder.scratch.path("other")
        let second = try Executable.run(["serve", "--port", "\(port)", "--data", other])
        #expect(second.ending == .status(2) && second.output.isEmpty)
        #expect(second.errors.contains("error: cannot listen on 127.0.0.1 port \(port): "))
        #expect(second.errors.contains("Address already in use"))
    }

    @Test func aSecondServerOnTheFolderIsRefusedAndTouchesNothing() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        _ = try server.url()
        let waiting = folder.data.appending(path: "spool/document.json")
        try Data().write(to: waiting)
        let second = try Executable.run(["serve", "--port", "0", "--data", folder.data.path])
        #expect(second.ending == .status(2) && second.output.isEmpty)
        #expect(second.errors.contains("error: the data folder \(folder.data.path) cannot be used: "))
        #expect(FileManager.default.fileExists(atPath: waiting.path))
        try server.crash()
        // The next one takes over and tidies up.
        _ = try folder.serve().url()
        #expect(try folder.spool == [])
    }

    @Test(arguments: [SIGTERM, SIGINT]) func drainsWhileAJobRunsWhichGoesOn(_ signal: Int32) throws {
        let folder = try ServedFolder()
        let document = SampleDocuments.unrolled(iterations: 200, checkpointSeconds: 3_600)
        let first = try folder.serve()
        var client = JobClient(port: try first.port())
        let undisturbed = try client.submit(document)
        _ = try client.ended(undisturbed)
        let expected = try client.hash(undisturbed)
        let id = try client.submit(document)
        try client.underWay(id)
        let workers = ProcessTable.children(of: first.processID)
        first.kill(signal)
        #expect(try first.wait(seconds: 25) == .status(0))
        #expect(ProcessTable.areGone(workers, within: 5))
        let second = try folder.serve()
        client = JobClient(port: try second.port())
        let job = try client.ended(id)
        #expect(job["state"]?.text == "succeeded" && job["failures"]?.integer == 0)
        #expect(try client.hash(id) == expected)
        #expect(faults(inLog: try client.log(id)).isEmpty)
        #expect(try folder.spool == [])
    }

    @Test func aSecondSignalEndsAtOnce() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        let id = try client.submit(SampleDocuments.endless)
        try client.underWay(id)
        // A worker that does not answer holds the drain up.
        let workers = ProcessTable.children(of: server.processID)
        for worker in workers { kill(worker, SIGSTOP) }
        server.kill(SIGTERM)
        let deadline = ContinuousClock.now + .seconds(10)
        while !server.logText.contains("draining"), ContinuousClock.now < deadline { usleep(5_000) }
        server.kill(SIGTERM)
        #expect(try server.wait(seconds: 3) == .status(1))
        #expect(ProcessTable.areGone(workers, within: 5))
    }

    @Test func healthIsAnExitStatus() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = "\(try server.port())"
        #expect(try Executable.run(["healthcheck", "--port", port]).ending == .status(0))
        try server.crash()
        #expect(try Executable.run(["healthcheck", "--port", port]).ending == .status(1))
    }

    @Test func aStreamOutlivesItsServer() throws {
        let folder = try ServedFolder()
        let first = try folder.serve()
        let id = try JobClient(port: try first.port()).submit(SampleDocuments.unrolled(iterations: 200))
        var events: [StreamedEvent] = []
        _ = try? JobClient(port: try first.port()).follow(id, after: 0) {
            events.append($0)
            if events.count == 60 { try first.crash() }
            return true
        }
        let second = try folder.serve()
        let client = JobClient(port: try second.port())
        let rest = try client.followToEnd(id, within: 60)
        // What was seen is never taken back: the whole log begins with it.
        let whole = try client.followToEnd(id, within: 60).events
        #expect(events.count >= 60 && Array(whole.prefix(events.count)) == events)
        let again = try client.follow(id, after: events.count) { event in
            #expect(event == whole[event.seq - 1])
            events.append(event)
            return true
        }
        #expect(again && events == whole && rest.events == whole)
        #expect(faults(inLog: try client.log(id)).isEmpty)
    }
}
