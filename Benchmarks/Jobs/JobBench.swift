// Ten thousand tiny jobs through a real server: rate, latency, memory; and a thousand streams over ten jobs.
import Foundation
import Glibc
import ServiceHarness
import Synchronization

@main
enum JobBench {
    static func main() throws {
        let options = try Options(CommandLine.arguments)
        let jobs = try options.number("jobs", or: 10_000)
        let streams = try options.number("streams", or: 1_000)
        let executable = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("stackelberg").path
        let data = FileManager.default.temporaryDirectory.appendingPathComponent("job-bench-\(getpid())")
        defer { try? FileManager.default.removeItem(at: data) }
        let server = try ServedProcess(executable: executable, data: data)
        let port = try server.port()
        try measureLatency(port, samples: 300)
        try measureRate(port, server.processID, jobs: jobs)
        try measureStreams(port, streams: streams, jobs: 10)
        try measureStalledReaders(port, readers: [1, 100], rounds: 3)
        server.kill(SIGTERM)
        guard try server.wait(seconds: 60) == .status(0) else { throw HarnessError("the server did not end well") }
        if missed.withLock({ $0 > 0 }) { exit(1) }
    }

    /// Targets that were missed.
    private static let missed = Mutex(0)

    /// Says whether a target was met.
    private static func judge(_ isMet: Bool, _ words: String) {
        say("  \(isMet ? "met" : "MISSED"): \(words)")
        if !isMet { missed.withLock { $0 += 1 } }
    }

    /// Says it at once, also into a pipe.
    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    // MARK: - Latency

    /// One job after the other, each waited for: from the first byte of the request to the last of the result.
    private static func measureLatency(_ port: Int, samples: Int) throws {
        let connection = try HTTPConnection(port: port)
        let document = Array(SampleDocuments.quick.utf8)
        var seconds: [Double] = []
        for _ in 0..<samples {
            let begin = ContinuousClock.now
            let answer = try connection.exchange("POST", "/v1/jobs", document, fields: ["Prefer": "wait=30"])
            seconds.append((ContinuousClock.now - begin) / .seconds(1))
            guard answer.status == 200 else { throw HarnessError("not solved: \(answer.status) \(answer.text)") }
        }
        let spread = Spread(seconds.map { $0 * 1_000 })
        say("submit to result, unloaded, \(samples) jobs: \(spread.text("ms"))")
        judge(spread.quantile(0.99) < 100, "p99, wanted less than 100 ms")
    }

    // MARK: - Rate

    private static let clients = 4

    private static func measureRate(_ port: Int, _ process: Int32, jobs: Int) throws {
        let warmUp = min(1_000, jobs)
        _ = try submitAll(port, jobs: warmUp)
        let before = ProcessTable.residentBytes(of: process)
        let rounds = 5
        var rates: [Double] = []
        for _ in 0..<rounds { rates.append(try submitAll(port, jobs: jobs / rounds)) }
        let growth = Double(ProcessTable.residentBytes(of: process) - before) / 1_048_576
        say("\(jobs) jobs in \(rounds) rounds by \(clients) clients: \(Spread(rates).text("jobs/s"))")
        judge(Spread(rates).median >= 300, "wanted 300 jobs/s or more")
        say(String(format: "resident memory of the server grew by %.1f MiB", growth))
        judge(growth < 20, "wanted less than 20 MiB")
    }

    /// Submits from several connections and waits until the queue is empty.
    ///
    /// - Returns: jobs a second from the first request to the last end.
    private static func submitAll(_ port: Int, jobs: Int) throws -> Double {
        let document = Array(SampleDocuments.quick.utf8)
        let begin = ContinuousClock.now
        let fault = Mutex<String?>(nil)
        let threads = (0..<clients).map { client in
            let thread = Thread {
                do {
                    let connection = try HTTPConnection(port: port)
                    for _ in stride(from: client, to: jobs, by: clients) {
                        var answer = try connection.exchange("POST", "/v1/jobs", document)
                        while answer.status == 503 {
                            usleep(20_000)
                            answer = try connection.exchange("POST", "/v1/jobs", document)
                        }
                        guard answer.status == 202 else { throw HarnessError("\(answer.status) \(answer.text)") }
                    }
                } catch {
                    fault.withLock { $0 = "\(error)" }
                }
            }
            thread.start()
            return thread
        }
        for thread in threads { while !thread.isFinished { usleep(2_000) } }
        if let fault = fault.withLock({ $0 }) { throw HarnessError(fault) }
        let connection = try HTTPConnection(port: port)
        while try !isIdle(connection) { usleep(5_000) }
        return Double(jobs) / ((ContinuousClock.now - begin) / .seconds(1))
    }

    private static func isIdle(_ connection: HTTPConnection) throws -> Bool {
        let queue = try connection.exchange("GET", "/v1/queue").json
        return queue["depth"]?.integer == 0 && queue["jobs"]?["running"]?.integer == 0
    }

    // MARK: - Streams

    private static func measureStreams(_ port: Int, streams: Int, jobs: Int) throws {
        let client = JobClient(port: port)
        // They wait in the queue while the streams are opened.
        let ids = try (0..<jobs).map { _ in try client.submit(SampleDocuments.unrolled(iterations: 200)) }
        let begin = ContinuousClock.now
        var open: [(socket: Socket, tail: [UInt8])] = []
        for index in 0..<streams {
            let socket = try Socket(port: port)
            let request = "GET /v1/jobs/\(ids[index % jobs])/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try socket.send(Array(request.utf8))
            open.append((socket, []))
        }
        let opened = (ContinuousClock.now - begin) / .seconds(1)
        let mark = Array("\"type\":\"end\"".utf8)
        var ended = 0
        var bytes = 0
        let deadline = ContinuousClock.now + .seconds(300)
        while !open.isEmpty, ContinuousClock.now < deadline {
            var polled = open.map { pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), 1_000) > 0 else { continue }
            for index in open.indices.reversed() where polled[index].revents != 0 {
                guard let piece = open[index].socket.tryReceive() else {
                    throw HarnessError("a stream ended without its end")
                }
                bytes += piece.count
                open[index].tail = Array((open[index].tail + piece).suffix(piece.count + 512))
                if open[index].tail.firstRange(of: mark) != nil {
                    ended += 1
                    open.remove(at: index)
                }
            }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        say(
            String(
                format: "%d streams over %d jobs (open after %.2f s): %d saw the end; %.1f MB in %.1f s", streams, jobs,
                opened, ended, Double(bytes) / 1e6, seconds))
        guard ended == streams else { throw HarnessError("\(streams - ended) streams did not see their end") }
    }
}

extension JobBench {
    /// The iterations per second of one solver, alone and beside readers of its events that never read, by turns.
    private static func measureStalledReaders(_ port: Int, readers: [Int], rounds: Int) throws {
        var alone: [Double] = []
        var beside = readers.map { _ in [Double]() }
        for _ in 0..<rounds {
            alone.append(try rate(port, readers: 0))
            for (index, count) in readers.enumerated() { beside[index].append(try rate(port, readers: count)) }
        }
        say("a solver alone: \(Spread(alone).text("iterations/s"))")
        for (count, rates) in zip(readers, beside) {
            say("beside \(count) that never read: \(Spread(rates).text("iterations/s"))")
            let ratio = Spread(rates).median / Spread(alone).median
            judge(ratio >= 0.9, String(format: "ratio %.3f, wanted 0.9 or more", ratio))
        }
    }

    /// Long enough that what streams may hold is soon full.
    private static func rate(_ port: Int, readers: Int) throws -> Double {
        let client = JobClient(port: port)
        let id = try client.submit(SampleDocuments.stochastic(iterations: 3_000_000))
        let stalled = try (0..<readers).map { _ in
            let socket = try Socket(port: port, receiveBuffer: 4_096)
            try socket.send(Array("GET /v1/jobs/\(id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            return socket
        }
        guard try client.ended(id, within: 300)["state"]?.text == "succeeded" else { throw HarnessError("no end") }
        withExtendedLifetime(stalled) {}
        let result = try exchange(port, "GET", "/v1/jobs/\(id)/result").json
        return Double(result["iterations"]?.integer ?? 0) / (result["timings"]?["solve_s"]?.number ?? .nan)
    }
}

/// What lies between the least and the greatest of some numbers.
private struct Spread {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    var median: Double { quantile(0.5) }

    func quantile(_ part: Double) -> Double { sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))] }

    func text(_ unit: String) -> String {
        String(
            format: "median %.1f %@, from %.1f to %.1f, p99 %.1f", quantile(0.5), unit, sorted[0],
            sorted[sorted.count - 1], quantile(0.99))
    }
}
