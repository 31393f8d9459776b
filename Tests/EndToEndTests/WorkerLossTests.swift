// What happens to workers costs a job at most, and never the server.
import Foundation
import Glibc
import ServiceHarness
import Testing

@Suite struct WorkerLossTests {
    @Test func noWorkerOutlivesAKilledServer() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2)
        let client = JobClient(port: try server.port())
        let ids = try (0..<2).map { _ in try client.submit(SampleDocuments.endless) }
        for id in ids { try client.underWay(id) }
        let workers = ProcessTable.children(of: server.processID)
        // Two solve, one has admitted; one of them is stopped and could not notice anything.
        #expect(workers.count == 3)
        kill(workers[0], SIGSTOP)
        try server.crash()
        #expect(ProcessTable.areGone(workers, within: 60))
    }

    @Test func idleWorkersThatDieAreNobodysFailure() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        for _ in 0..<3 {
            let id = try client.submit(SampleDocuments.quick)
            let job = try client.ended(id)
            #expect(job["state"]?.text == "succeeded" && job["failures"]?.integer == 0)
            let workers = ProcessTable.children(of: server.processID)
            for worker in workers { kill(worker, SIGKILL) }
            #expect(ProcessTable.areGone(workers, within: 5))
        }
    }

    /// An illegal instruction is how a trap of Swift ends a process.
    @Test(arguments: [SIGKILL, SIGILL, SIGSEGV]) func aJobWhoseWorkersDieFailsAndNothingElse(_ signal: Int32) throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2)
        let client = JobClient(port: try server.port())
        let id = try client.submit(SampleDocuments.endless)
        var other: String?
        for attempt in 1...3 {
            let job = try client.reach(id, "attempt \(attempt)") { $0["attempt"]?.integer == attempt }
            #expect(job["failures"]?.integer == attempt - 1)
            if other == nil { other = try client.submit(SampleDocuments.unrolled(iterations: 100)) }
            kill(try #require(try Self.worker(of: id, try server.port())), signal)
        }
        let job = try client.ended(id)
        #expect(job["state"]?.text == "failed" && job["termination"]?.text == "worker_lost")
        #expect(job["failure"]?["detail"]?.text?.contains("signal \(signal)") == true)
        #expect(faults(inLog: try client.log(id)).isEmpty)
        #expect(try client.ended(try #require(other))["state"]?.text == "succeeded")
    }

    @Test func aStoppedWorkerIsGivenUp() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2, "--worker-silence", "3")
        let client = JobClient(port: try server.port())
        let id = try client.submit(SampleDocuments.unrolled(iterations: 200))
        try client.underWay(id)
        kill(try #require(try Self.worker(of: id, try server.port())), SIGSTOP)
        let other = try client.submit(SampleDocuments.quick)
        #expect(try client.ended(other)["state"]?.text == "succeeded")
        let job = try client.ended(id)
        // A busy machine may keep a worker from its beats for three seconds too.
        #expect(job["state"]?.text == "succeeded" && (2...3).contains(job["attempt"]?.integer ?? 0))
        #expect(faults(inLog: try client.log(id)).isEmpty)
    }

    /// A suspended terminal, or a machine that sleeps: nobody had the time to say or to hear anything.
    @Test func aServerThatWasStoppedHoldsItAgainstNobody() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2, "--worker-silence", "2")
        let client = JobClient(port: try server.port())
        let id = try client.submit(SampleDocuments.unrolled(iterations: 200))
        try client.underWay(id)
        let worker = try #require(try Self.worker(of: id, try server.port()))
        server.kill(SIGSTOP)
        kill(worker, SIGSTOP)
        usleep(2_500_000)
        server.kill(SIGCONT)
        // Longer than the server takes to look, and far from two seconds.
        usleep(600_000)
        kill(worker, SIGCONT)
        let job = try client.ended(id)
        #expect(job["state"]?.text == "succeeded" && job["failures"]?.integer == 0)
        #expect(!server.logText.contains("worker lost"), "\(server.logText)")
    }

    @Test func filesOfJobsThatAreNoMoreGoAtTheStart() throws {
        let folder = try ServedFolder()
        let first = try folder.serve()
        let client = JobClient(port: try first.port())
        let id = try client.submit(SampleDocuments.unrolled(iterations: 200))
        try client.underWay(id)
        try first.crash()
        let jobs = folder.data.appending(path: "jobs")
        let orphan = jobs.appending(path: "job_01JZ0000000000000000000000")
        try FileManager.default.createDirectory(at: orphan, withIntermediateDirectories: false)
        try Data("state".utf8).write(to: orphan.appending(path: "state"))
        let second = try folder.serve()
        let port = try second.port()
        #expect(!FileManager.default.fileExists(atPath: orphan.path))
        let job = try JobClient(port: port).ended(id)
        #expect(job["state"]?.text == "succeeded" && job["attempt"]?.integer == 2)
        #expect(second.logText.contains("the files of 1 jobs that need none were removed"))
    }

    @Test func aJobWhoseWorkersAreStoppedFailsWithTheReason() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2, "--worker-silence", "1")
        let port = try server.port()
        let client = JobClient(port: port)
        let document = SampleDocuments.endless.trimmingCharacters(in: .whitespacesAndNewlines)
        let id = try client.submit(document.dropLast() + ", \"retry\": {\"max_attempts\": 2}}")
        var attempt = 0
        while true {
            let job = try client.reach(id, "the next attempt") {
                JobClient.isFinal($0) || ($0["attempt"]?.integer ?? 0) > attempt
            }
            if JobClient.isFinal(job) { break }
            attempt = job["attempt"]?.integer ?? 0
            if let worker = try Self.worker(of: id, port) { kill(worker, SIGSTOP) }
        }
        let job = try client.ended(id)
        #expect(job["state"]?.text == "failed" && job["termination"]?.text == "worker_lost")
        #expect(job["failure"]?["detail"]?.text == "no progress for 1.0 seconds" && job["failures"]?.integer == 2)
        #expect(faults(inLog: try client.log(id)).isEmpty)
        #expect(try client.ended(try client.submit(SampleDocuments.quick))["state"]?.text == "succeeded")
    }

    /// Its beats go on, and prove nothing.
    @Test func aWorkerThatComputesWithoutProgressIsGivenUp() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 2, "--worker-silence", "1")
        let client = JobClient(port: try server.port())
        let id = try client.submit(Self.unending)
        let other = try client.submit(SampleDocuments.quick)
        #expect(try client.ended(other)["state"]?.text == "succeeded")
        let job = try client.ended(id)
        #expect(job["state"]?.text == "failed" && job["termination"]?.text == "worker_lost", "\(job)")
        #expect(job["failure"]?["detail"]?.text == "no progress for 1.0 seconds")
    }

    /// One evaluation of many seconds.
    private static let unending = """
        {"problem": {"data": {"A": {"random": {"normal": [1500, 1500]}}},
           "levels": [
             {"variables": {"x": {"shape": [1]}}, "minimize": "sum((y - 1)^2) + sum(x^2)"},
             {"variables": {"y": {"shape": [1]}}, "minimize": "sum((y - x)^2) + y[0]^2 * mean(POWERS)"}]},
         "method": {"name": "aid-cg"}, "retry": {"max_attempts": 1}}
        """.replacing("POWERS", with: (0..<20).reduce("A") { product, _ in "tanh(\(product) @ A + y[0])" })

    @Test func aWorkerThatRunsOutOfMemoryCostsItsJobAndNothingElse() throws {
        let folder = try ServedFolder()
        // Vectors come from the kernel each time, so that a worker which has all it needs runs out of memory too.
        let server = try folder.serve(workers: 2, variables: ["MALLOC_MMAP_THRESHOLD_=65536"])
        let client = JobClient(port: try server.port())
        let id = try client.submit(Self.allocating)
        var other: String?
        for attempt in 1...3 {
            _ = try client.reach(id, "attempt \(attempt)") { $0["attempt"]?.integer == attempt }
            if other == nil { other = try client.submit(SampleDocuments.unrolled(iterations: 50)) }
            // What admission has priced fits; that the machine gives less than it promised is what is tried here.
            try Self.starve(try #require(try Self.worker(of: id, try server.port())))
        }
        let job = try client.ended(id)
        #expect(job["state"]?.text == "failed" && job["termination"]?.text == "worker_lost", "\(job)")
        #expect(faults(inLog: try client.log(id)).isEmpty)
        let survivor = try #require(other)
        #expect(try client.ended(survivor)["state"]?.text == "succeeded")
        #expect(try client.job(survivor)["failures"]?.integer == 0)
    }

    /// Vectors of 1.6 MB, allocated anew in every one of very many iterations.
    private static let allocating = """
        {"problem": {"levels": [
           {"variables": {"x": {"shape": [200000]}}, "minimize": "sum((y - 1)^2) + sum(x^2)"},
           {"variables": {"y": {"shape": [200000]}}, "minimize": "sum((y - x)^2)"}]},
         "method": {"name": "aid-cg", "upper_step": {"step": 1e-9}}, "limits": {"iterations": 1000000000},
         "progress": {"iterates": "none"}}
        """

    /// Lets a process have no more memory than it has.
    private static func starve(_ process: Int32) throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
        tool.arguments = ["--pid", "\(process)", "--data=65536:"]
        try tool.run()
        tool.waitUntilExit()
    }

    /// The process that solves a job; an attempt is in the store a moment before its worker is told of it.
    static func worker(of id: String, _ port: Int) throws -> Int32? {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let workers = try exchange(port, "GET", "/v1/workers").json["items"]?.items ?? []
            if let worker = workers.first(where: { $0["job"]?.text == id }), let process = worker["process_id"]?.integer
            {
                return Int32(exactly: process)
            }
            usleep(5_000)
        }
        return nil
    }
}
