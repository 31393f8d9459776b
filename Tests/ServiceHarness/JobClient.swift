// What a careful client does with jobs: submits under a key, polls, reads the whole log, follows across broken connections.
import Foundation
import Glibc

/// One line of an event stream.
package struct StreamedEvent: Equatable, Sendable {
    package let seq: Int
    package let type: String
    /// The iteration of a progress event.
    package let iteration: Int?
    package let line: String

    /// - Returns: nil for notices without a number.
    package init?(_ line: String) throws {
        let event = try Reading(Array(line.utf8))
        guard let seq = event["seq"]?.integer, let type = event["type"]?.text else { return nil }
        self.seq = seq
        self.type = type
        iteration = type == "progress" ? event["data"]?["iteration"]?.integer : nil
        self.line = line
    }
}

/// Speaks to the jobs of a server whose port may change.
package struct JobClient: Sendable {
    /// Where the server is now.
    package let port: @Sendable () -> Int

    package init(port: @escaping @Sendable () -> Int) { self.port = port }
    package init(port: Int) { self.init(port: { port }) }

    /// Posts a document; answers the job's id.
    ///
    /// - Throws: when the answer is not 202.
    package func submit(_ document: String, key: String? = nil) throws -> String {
        let fields = key.map { ["Idempotency-Key": $0] } ?? [:]
        let answer = try exchange(port(), "POST", "/v1/jobs", Array(document.utf8), fields: fields)
        guard answer.status == 202, let id = try answer.json["id"]?.text else {
            throw HarnessError("not accepted: \(answer.status) \(answer.text.prefix(400))")
        }
        return id
    }

    /// The job document.
    package func job(_ id: String, waiting seconds: Int? = nil) throws -> Reading {
        let answer = try exchange(port(), "GET", "/v1/jobs/\(id)" + (seconds.map { "?wait=\($0)" } ?? ""), seconds: 90)
        guard answer.status == 200 else { throw HarnessError("GET \(id): \(answer.status) \(answer.text)") }
        return try answer.json
    }

    /// The job document once the job has ended.
    package func ended(_ id: String, within seconds: Double = 60) throws -> Reading {
        try reach(id, "its end", seconds) { Self.isFinal($0) }
    }

    /// The job document once `isTrue` of it.
    package func reach(
        _ id: String, _ what: String, _ seconds: Double = 60, until isTrue: (Reading) throws -> Bool
    ) throws -> Reading {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let job = try job(id)
            if try isTrue(job) { return job }
            if ContinuousClock.now > deadline { throw HarnessError("\(id) has not reached \(what) in \(seconds) s") }
            usleep(10_000)
        }
    }

    package static func isFinal(_ job: Reading) -> Bool {
        ["succeeded", "failed", "cancelled"].contains(job["state"]?.text ?? "")
    }

    /// The hash of the result of a job that succeeded.
    package func hash(_ id: String) throws -> String {
        let answer = try exchange(port(), "GET", "/v1/jobs/\(id)/result")
        guard answer.status == 200, let hash = try answer.json["result_sha256"]?.text else {
            throw HarnessError("result of \(id): \(answer.status) \(answer.text.prefix(300))")
        }
        return hash
    }

    /// The whole log of a job, by pages of JSON that do not follow.
    package func log(_ id: String) throws -> [(seq: Int, type: String, iteration: Int?)] {
        var events: [(seq: Int, type: String, iteration: Int?)] = []
        var after = 0
        while true {
            let page = try exchange(
                port(), "GET", "/v1/jobs/\(id)/events?limit=500&after=\(after)", fields: ["Accept": "application/json"]
            ).json
            for event in page["items"]?.items ?? [] {
                events.append(
                    (event["seq"]?.integer ?? -1, event["type"]?.text ?? "", event["data"]?["iteration"]?.integer))
            }
            after = page["next_after"]?.integer ?? after
            if page["has_more"]?.flag != true { return events }
        }
    }

    /// Follows one connection of a stream as far as it goes.
    ///
    /// - Parameter take: gets each numbered event; false ends the reading.
    /// - Returns: whether the answer ended as a whole answer does.
    package func follow(
        _ id: String, after: Int, patience: Double = 60, take: (StreamedEvent) throws -> Bool
    ) throws -> Bool {
        let connection = try HTTPConnection(port: port(), seconds: patience)
        let answer = try connection.open("GET", "/v1/jobs/\(id)/events?after=\(after)")
        guard answer.status == 200 else { throw HarnessError("stream of \(id): \(answer.status)") }
        var rest: [UInt8] = []
        while let piece = try connection.nextPiece() {
            rest += piece
            while let end = rest.firstIndex(of: 0x0A) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                if let event = try StreamedEvent(line), try !take(event) { return false }
            }
        }
        return true
    }

    /// Follows to `end` across broken connections and restarts, going on behind the last number each time.
    package func followToEnd(_ id: String, within seconds: Double) throws -> (events: [StreamedEvent], connections: Int)
    {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var events: [StreamedEvent] = []
        var connections = 0
        while events.last?.type != "end" {
            guard ContinuousClock.now < deadline else { throw HarnessError("no end of \(id) in \(seconds) s") }
            connections += 1
            do {
                _ = try follow(id, after: events.last?.seq ?? 0, patience: 20) {
                    events.append($0)
                    return $0.type != "end"
                }
            } catch is HarnessError {
                // The server went away, or is not there yet.
                usleep(20_000)
            }
        }
        return (events, connections)
    }
}

/// The iterations that a log tells progress of, in its order.
package func iterations(ofLog log: [(seq: Int, type: String, iteration: Int?)]) -> [Int] {
    log.filter { $0.type == "progress" }.compactMap(\.iteration)
}

/// What is wrong with a log; empty when it is whole: numbers without hole or repetition, one `end`, which is last.
package func faults(inLog log: [(seq: Int, type: String, iteration: Int?)]) -> [String] {
    var faults: [String] = []
    if log.map(\.seq) != Array(1...max(1, log.count)) { faults.append("numbers: \(log.map(\.seq).prefix(20))…") }
    if log.count(where: { $0.type == "end" }) != 1 || log.last?.type != "end" { faults.append("not one end, last") }
    return faults
}
