// Jobs solved by real worker processes over a real store: killed, suspended, stopped, starved.
import Foundation
import JobQueue
import MultilevelOptimization
import ProblemSpecification
import SQLiteStore
import Service
import Testing

@Suite(.serialized) struct SupervisorTests {
    @Test func solvesAQueuedJob() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(Bench.quadratic)
        let job = try await bench.final(id)
        #expect(job.state == .succeeded && job.termination?.rawValue == "converged")
        let result = try await bench.result(id)
        #expect(abs((result["variables"]?["x"]?.double ?? .nan) - 1.8) <= 2e-9)
        let events = try await bench.events(id)
        #expect(events.map(\.seq) == Array(1...Int64(events.count)))
        #expect(events.last?.type == "end" && events.count { $0.type == "end" } == 1)
        await bench.close()
    }

    /// Too long for a frame, of a job that has written nothing before.
    @Test func aShortJobMayHaveALongResult() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(
            """
            {"problem": {"levels": [
               {"variables": {"x": {"start": 0}}, "minimize": "mean((w - 1)^2) + 0.1 * x^2"},
               {"variables": {"w": {"shape": [20000]}}, "minimize": "sum((w - x)^2)"}]},
             "limits": {"iterations": 2}}
            """)
        let job = try await bench.final(id)
        #expect(job.state == .succeeded, "\(job)")
        #expect(try await bench.result(id)["variables"]?["w"]?.elements?.count == 20_000)
        await bench.close()
    }

    /// Another attempt would have no more of it.
    @Test func aJobWithoutTimeEndsAtOnce() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(
            Bench.quadratic.replacingOccurrences(
                of: "{\"problem\"", with: "{\"limits\": {\"time_seconds\": 1e-9}, \"problem\""))
        let job = try await bench.final(id)
        #expect(job.state == .failed && job.failure?.code == "time_limit" && job.epoch == 1)
        await bench.close()
    }

    /// A thousand links stand in an event; more would be longer than a report may be.
    @Test(arguments: [(1_000, true), (1_001, false)])
    func linksToIteratesAreBounded(_ count: Int, _ areTold: Bool) async throws {
        let names = (0..<count).map { "v\($0)\(String(repeating: "x", count: 90))" }
        let variables = names.map { "\"\($0)\": {\"start\": 1}" }.joined(separator: ",")
        let bench = try await Bench()
        let id = try await bench.submit(
            """
            {"problem": {"levels": [{"variables": {\(variables)}, "minimize": "\(names[0])^2 + \(names[1])^2"}]},
             "limits": {"iterations": 1}, "progress": {"iterates": "reference"}}
            """)
        #expect(try await bench.final(id).state == .succeeded)
        let point = try #require(try await bench.events(id).first { $0.type == "progress" })
        #expect((try JSONParser.parse(point.data)["iterate_links"] != nil) == areTold)
        await bench.close()
    }

    @Test func goesOnAfterItsWorkerIsKilled() async throws {
        let bench = try await Bench()
        let undisturbed = try await bench.submit(Bench.long)
        let expected = try await bench.hash(undisturbed)
        let id = try await bench.submit(Bench.long)
        for round in 1...3 {
            try await bench.progress(id, beyond: 40 * round)
            await bench.killWorkers()
        }
        #expect(try await bench.hash(id) == expected)
        let iterations = try await bench.events(id).filter { $0.type == "progress" }.map {
            try JSONParser.parse($0.data)["iteration"]?.double ?? -1
        }
        #expect(iterations == (0..<iterations.count).map(Double.init))
        await bench.close()
    }

    @Test func goesOnInAnotherServer() async throws {
        let first = try await Bench()
        let id = try await first.submit(Bench.long)
        try await first.progress(id, beyond: 50)
        await first.drain()
        #expect(try await first.store.job(id).state == .queued)
        #expect(try await first.store.job(id).failures == 0)
        await first.store.close()
        let second = try await Bench(folder: first.folder)
        let undisturbed = try await second.submit(Bench.long)
        #expect(try await second.hash(id) == second.hash(undisturbed))
        await second.close()
    }

    /// Whenever its workers die, every member's points are told once, and its end.
    @Test(arguments: [1, 3]) func goesOnWithEveryMemberAfterItsWorkersAreKilled(workers: Int) async throws {
        let bench = try await Bench(options: Supervisor.Options(workers: workers))
        let expected = try await bench.hash(try await bench.submit(Bench.members))
        let id = try await bench.submit(Bench.members)
        for round in 0...2 {
            try await bench.wait("member \(round)") {
                let job = try await bench.store.job(id)
                if job.state.isFinal { return true }
                let page = try await bench.store.events(
                    of: id, after: max(0, job.lastSeq - 20), limit: 100, types: ["progress"])
                let last = try page.events.last.map { try JSONParser.parse($0.data) }
                return (last?["member"]?.double ?? -1) >= Double(round) && (last?["iteration"]?.double ?? 0) > 5
            }
            await bench.killWorkers()
        }
        #expect(try await bench.hash(id) == expected)
        let events = try await bench.events(id)
        let told = try events.filter { $0.type == "progress" }.map { try JSONParser.parse($0.data) }
        for member in 0..<3 {
            let iterations = told.filter { $0["member"]?.double == Double(member) }.compactMap {
                $0["iteration"]?.double
            }
            #expect(iterations == (0..<iterations.count).map(Double.init))
        }
        let ends = try events.filter { $0.type == "member" }.compactMap {
            try JSONParser.parse($0.data)["member"]?.double
        }
        #expect(ends.sorted() == [0, 1, 2])
        await bench.close()
    }

    /// Factors take buffers of BLAS, which asks for ever when they are refused; a document and what is compiled of it are not in
    /// the price.
    @Test(arguments: [1, 3]) func aJobNeedsNoMoreMemoryThanItsPrice(sideBySide: Int) async throws {
        let source = try JSONParser.parse(Bench.members).applying(JSONAssignment("method=aid-direct"))
        let job = try Admission.admit(
            try DocumentLoader.decode(source, datasets: DatasetLocator(folders: [], hint: "")), machineBytes: 1 << 30)
        let others = (sideBySide - 1) * job.price.totalBytes
        var options = Supervisor.Options(workers: 3)
        options.memoryBytes = job.price.totalBytes + others
        let bench = try await Bench(options: options)
        let id = try await bench.submit(JSONWriter.string(source))
        #expect(try await bench.final(id).state == .succeeded)
        await bench.close()
    }

    @Test func stopsWithTheBestPoint() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(Bench.endless)
        try await bench.progress(id, beyond: 5)
        _ = try await bench.store.stop(id, at: bench.clock.timestamp())
        bench.supervisor.wake(for: .asked(id))
        let job = try await bench.final(id)
        #expect(job.state == .succeeded && job.termination?.rawValue == "user_stop")
        await bench.close()
    }

    @Test func cancels() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(Bench.endless)
        try await bench.progress(id, beyond: 5)
        _ = try await bench.store.cancel(id, at: bench.clock.timestamp())
        bench.supervisor.wake(for: .asked(id))
        #expect(try await bench.final(id).state == .cancelled)
        await bench.close()
    }

    @Test(.timeLimit(.minutes(10))) func theFilesOfADeletedJobGoWhenItsWorkerIsGone() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(Bench.long.replacing("\"iterations\": 200", with: "\"iterations\": 1000000"))
        try await bench.wait("a state") { try await bench.store.job(id).checkpoints.isEmpty == false }
        let files = bench.folder.appending(path: "jobs/\(id)")
        // As by a server that is lost before it takes the files away, or by a worker that writes behind that.
        _ = try await bench.store.delete(id, force: true)
        #expect(FileManager.default.fileExists(atPath: files.path))
        bench.supervisor.wake(for: .asked(id))
        // The only slot has done with the one when it does the next.
        #expect(try await bench.final(try await bench.submit(Bench.quadratic)).state == .succeeded)
        #expect(!FileManager.default.fileExists(atPath: files.path))
        #expect(await bench.supervisor.restarts == ["attempt_dropped": 1])
        await bench.close()
    }

    @Test(.timeLimit(.minutes(10))) func aDroppedAttemptDoesNotKeepTheNextJobWaiting() async throws {
        var options = Supervisor.Options(workers: 1)
        options.look = .seconds(3_600)
        let bench = try await Bench(options: options)
        let id = try await bench.submit(Bench.endless)
        try await bench.running(id)
        let next = try await bench.submit(Bench.quadratic)
        _ = try await bench.store.delete(id, force: true)
        bench.supervisor.wake(for: .asked(id))
        #expect(try await bench.final(next).state == .succeeded)
        await bench.close()
    }

    @Test func endsAJobWhoseWorkersKeepDying() async throws {
        let bench = try await Bench()
        let id = try await bench.submit(Bench.endless)
        for signal in [SIGKILL, SIGSEGV, SIGABRT] {
            try await bench.running(id)
            await bench.killWorkers(by: signal)
            try await bench.notHeld(id)
        }
        let job = try await bench.final(id)
        #expect(job.state == .failed && job.termination == .workerLost)
        #expect(try await bench.events(id).count { $0.type == "end" } == 1)
        // The pool works on.
        let next = try await bench.submit(Bench.quadratic)
        #expect(try await bench.final(next).state == .succeeded)
        // However they died: what is counted has few words.
        #expect(await bench.supervisor.restarts == ["signal": 3])
        await bench.close()
    }

    @Test func aFullDiskCostsTimeAndNothingElse() async throws {
        let bench = try await Bench(storeBytes: 4 << 20)
        let expected = try await bench.hash(try await bench.submit(Bench.long))
        let id = try await bench.submit(Bench.long)
        try await bench.progress(id, beyond: 5)
        let fillers = try await bench.fillTheDisk()
        try await bench.wait("the attempt's end") { await bench.supervisor.restarts["storage"] != nil }
        #expect(try await bench.store.job(id).state.isFinal == false)
        for filler in fillers { _ = try await bench.store.delete(filler, force: true) }
        #expect(try await bench.hash(id) == expected)
        let job = try await bench.store.job(id)
        #expect(job.failures == 0 && job.epoch > 1)
        let events = try await bench.events(id)
        #expect(events.map(\.seq) == Array(1...Int64(events.count)))
        #expect(events.count { $0.type == "end" } == 1)
        await bench.close()
    }

    @Test func admitsAndRefuses() async throws {
        let bench = try await Bench()
        guard case .admitted(let admitted) = await bench.desk.admit(try JSONParser.parse(Bench.quadratic), uploads: [:])
        else {
            Issue.record("not admitted")
            return
        }
        #expect(admitted.method == "aid-direct")
        let broken = Bench.quadratic.replacingOccurrences(of: "0.5 * (y - 6)^2", with: "(y - 6")
        guard case .refused(let faults) = await bench.desk.admit(try JSONParser.parse(broken), uploads: [:]) else {
            Issue.record("not refused")
            return
        }
        #expect(faults.first?["pointer"]?.text == "/problem/levels/0/minimize")
        await bench.close()
    }
}

/// A store, a pool and a desk in a temporary folder, with the executable that stands beside the tests.
struct Bench {
    static let quadratic = """
        {"problem": {"levels": [
          {"variables": {"x": {"start": 0}}, "minimize": "0.5 * (y - 6)^2 + 0.5 * x^2"},
          {"variables": {"y": {"start": 0}}, "minimize": "(y - 3 * x)^2"}]}}
        """
    /// Some hundred iterations that take a while each, with states written all the time.
    static let long = """
        {"problem": {
           "data": {"A": {"random": {"normal": [400, 40], "seed": 1}}, "b": {"random": {"normal": [400], "seed": 2}},
                    "C": {"random": {"normal": [300, 40], "seed": 3}}, "c": {"random": {"normal": [300], "seed": 4}}},
           "levels": [
             {"variables": {"p": {"shape": [40], "start": 0}}, "minimize": "mean((C @ w - c)^2) + 0.01 * sum(p^2)"},
             {"variables": {"w": {"shape": [40], "start": 0}}, "minimize": "mean(softplus(A @ w) + (A @ w - b)^2) + sum(exp(p) * w^2)"}]},
         "method": {"name": "itd", "lower_solver": {"step": 0.05, "steps": 100},
                    "upper_step": {"step": 0.01, "momentum": 0.5}},
         "limits": {"iterations": 200}, "tolerances": {"hypergradient": 0}, "checkpoint": {"every_seconds": 0.02}}
        """
    /// Three starts of it, of which one goes on after 12 iterations.
    static let members = long.replacingOccurrences(of: "\"iterations\": 200", with: "\"iterations\": 24")
        .replacingOccurrences(
            of: "\"p\": {\"shape\": [40], \"start\": 0}",
            with: "\"p\": {\"shape\": [40], \"start\": {\"normal\": {\"scale\": 1}}}"
        )
        .replacingOccurrences(
            of: "\"limits\"",
            with: "\"restarts\": {\"count\": 3, \"halving\": {\"iterations\": 12, \"factor\": 2}}, \"limits\"")
    static let endless = long.replacingOccurrences(of: "\"iterations\": 200", with: "\"iterations\": 1000000")
        .replacingOccurrences(of: "\"every_seconds\": 0.02", with: "\"every_seconds\": 3600")

    let folder: URL
    let store: SQLiteStore
    let supervisor: Supervisor
    let desk: AdmissionWorkers
    let clock = ServiceClock()

    init(
        folder: URL? = nil, storeBytes: Int64? = nil, options pool: Supervisor.Options = Supervisor.Options(workers: 1)
    ) async throws {
        let folder = folder ?? FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        self.folder = folder
        let files = ServiceFolder(folder)
        try files.prepare()
        var options = SQLiteStore.Options()
        options.maximumBytes = storeBytes
        store = try await SQLiteStore.open(folder: folder.path, options: options, compose: StoreEvents.compose)
        _ = try await store.recover(at: clock.timestamp())
        let factory = WorkerFactory(
            executable: Self.executable, environment: ProcessInfo.processInfo.environment)
        supervisor = Supervisor(
            store: store, factory: factory, folder: files, options: pool, clock: clock,
            log: { _ in })
        desk = AdmissionWorkers("desk", factory: factory, folder: files, datasets: [])
        await supervisor.start()
    }

    /// The debug build puts the executable beside the test bundle.
    static var executable: String {
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        let program = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return program.deletingLastPathComponent().appendingPathComponent("stackelberg").path
    }

    /// Submits what no worker takes, in ever smaller pieces, until nothing more goes in.
    func fillTheDisk() async throws -> [JobID] {
        var source = SystemRandomNumberGenerator()
        var generator = JobIDGenerator()
        var fillers: [JobID] = []
        for bytes in [65_536, 4_096, 1] {
            var isFull = false
            while !isFull {
                let submission = Submission(
                    id: generator.next(at: clock.timestamp(), using: &source), owner: "local", kind: "filler",
                    payload: [UInt8](repeating: 0, count: bytes))
                do {
                    fillers.append(try await store.submit(submission, idempotency: nil, at: clock.timestamp()).job.id)
                } catch {
                    guard error == .storage(.full) else { throw error }
                    isFull = true
                }
            }
        }
        return fillers
    }

    func submit(_ document: String) async throws -> JobID {
        guard case .admitted(let admitted) = await desk.admit(try JSONParser.parse(document), uploads: [:]) else {
            throw BenchError.notAdmitted
        }
        var source = SystemRandomNumberGenerator()
        var generator = JobIDGenerator()
        let id = generator.next(at: clock.timestamp(), using: &source)
        _ = try await store.submit(
            Submission(id: id, owner: "local", kind: APIContext.jobKind, payload: admitted.payload), idempotency: nil,
            at: clock.timestamp())
        supervisor.wake(for: .waiting)
        return id
    }

    /// Looks every few milliseconds, for a minute at most.
    func wait(_ what: String, until isTrue: () async throws -> Bool) async throws {
        for _ in 0..<6_000 {
            if try await isTrue() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchError.tooLate(what)
    }

    func final(_ id: JobID) async throws -> Job {
        try await wait("final state") { try await store.job(id).state.isFinal }
        return try await store.job(id)
    }

    func running(_ id: JobID) async throws {
        try await wait("running") {
            let job = try await store.job(id)
            return job.hasIterate && job.state == .running
        }
    }

    func notHeld(_ id: JobID) async throws {
        let epoch = try await store.job(id).epoch
        try await wait("another attempt") {
            let job = try await store.job(id)
            return job.state.isFinal || job.state == .queued || job.epoch > epoch
        }
    }

    func progress(_ id: JobID, beyond iteration: Int) async throws {
        try await wait("iteration \(iteration)") {
            let job = try await store.job(id)
            if job.state.isFinal { return true }
            let page = try await store.events(of: id, after: max(0, job.lastSeq - 20), limit: 100, types: ["progress"])
            let last = try page.events.last { $0.type == "progress" }.map { try JSONParser.parse($0.data) }
            return (last?["iteration"]?.double ?? -1) > Double(iteration)
        }
    }

    func result(_ id: JobID) async throws -> JSONValue {
        try JSONParser.parse(try await store.result(of: id) ?? [])
    }

    func hash(_ id: JobID) async throws -> String {
        let job = try await final(id)
        guard job.state == .succeeded else { throw BenchError.failed("\(job)") }
        return try await result(id)["result_sha256"]?.text ?? ""
    }

    func events(_ id: JobID) async throws -> [JobEvent] {
        var events: [JobEvent] = []
        while true {
            let page = try await store.events(of: id, after: Int64(events.count), limit: 500, types: nil)
            events += page.events
            if page.isLast { return events }
        }
    }

    func killWorkers(by signal: Int32 = SIGKILL) async {
        for worker in await supervisor.status { kill(pid_t(worker.processID), signal) }
    }

    func drain() async {
        await supervisor.drain()
        await desk.close()
    }

    func close() async {
        await drain()
        await store.close()
        try? FileManager.default.removeItem(at: folder)
    }
}

enum BenchError: Error {
    case notAdmitted
    case tooLate(String)
    case failed(String)
}
