// Documents that mean harm are refused, or solved, in bounded time and memory, while the server answers others.
import Foundation
import ServiceHarness
import Synchronization
import Testing

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
            let answer = try exchange(port, "POST", "/v1/jobs", Array(document.text.utf8), seconds: 60)
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

    /// What a job may use is reckoned with while its worker is watched.
    @Test func aLongJobWithoutLimitsIsSolved() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        let limits = "\"limits\": {\"memory_bytes\": \(Int.max), \"time_seconds\": 1e308, "
        let text = SampleDocuments.unrolled(iterations: 400).replacing("\"limits\": {", with: limits)
        #expect(try client.ended(client.submit(text))["state"]?.text == "succeeded")
    }

    /// Seconds of CPU and bytes of memory in which a command is done with any of them.
    private static let cpuBudget = 15.0
    private static let memoryBudget = 768 << 20

    @Test(arguments: HostileDocument.all, ["check", "solve"])
    func commandsEndWithAnAnswer(_ document: HostileDocument, _ command: String) throws {
        let scratch = try Scratch()
        let path = try scratch.write(document.text, as: "document.json")
        let finished = try Executable.run([command, path, "--set", "limits.memory_bytes=\(512 << 20)"])
        let allowed: [Finished.Ending] = [.status(0), .status(1), .status(2)]
        #expect(allowed.contains(finished.ending), "\(finished.errors.suffix(400))")
        #expect(finished.cpuSeconds < Self.cpuBudget && finished.peakBytes < Self.memoryBudget)
        if finished.ending == .status(2) {
            #expect(finished.errors.utf8.count < 50_000 && finished.errors.contains("  "))
        } else {
            #expect(try JSON(finished.output)["state"] != nil || JSON(finished.output)["valid"] != nil)
        }
    }
}
