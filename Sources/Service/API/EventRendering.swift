// An event as NDJSON, as a server-sent event (WHATWG HTML §9.2), or as an element of a page. Stored data is spliced in
// as it is.
import JobQueue
import ProblemSpecification

/// The types of numbered events that a reader may choose from.
package enum EventType: String, CaseIterable, Sendable {
    case progress
    case incumbent
    case state
    case checkpoint
    case warning
    case member
    case end
}

/// What the service adds to a stream: without a number, so that no reader resumes from it.
enum StreamNotice {
    /// Numbers that will not come.
    case gap(ClosedRange<Int64>, reason: GapReason)
    /// The service shuts down: reconnect.
    case server(after: Int64)
    case keepAlive

    /// Why numbers are missing.
    enum GapReason: String {
        case compacted
        /// The reader was too slow; only progress events were left out.
        case slowReader = "slow-reader"
    }

    var type: String {
        switch self {
        case .gap: "gap"
        case .server: "server"
        case .keepAlive: "keep-alive"
        }
    }

    fileprivate var data: JSONValue {
        var data = JSONObjectBuilder()
        switch self {
        case .gap(let numbers, let reason):
            data.add("from", Int(numbers.lowerBound))
            data.add("to", Int(numbers.upperBound))
            data.add("reason", reason.rawValue)
        case .server(let after):
            data.add("reason", "draining")
            data.add("reconnect", true)
            data.add("after", Int(after))
        case .keepAlive: break
        }
        return data.value
    }
}

/// How a stream is written.
enum EventFormat: String, CaseIterable, Sendable {
    case lines = "application/x-ndjson"
    case serverSent = "text/event-stream"
    /// One document, a page of the log.
    case page = "application/json"

    /// Appends a numbered event.
    func append(_ event: JobEvent, to output: inout [UInt8]) {
        if case .serverSent = self { output += Array("id: \(event.seq)\nevent: \(event.type)\ndata: ".utf8) }
        EventObject.append(event, to: &output)
        endEvent(&output)
    }

    /// Appends what has no number.
    func append(_ notice: StreamNotice, at time: Timestamp, to output: inout [UInt8]) {
        if case .serverSent = self {
            if case .keepAlive = notice {
                output += Array(": keep-alive\n\n".utf8)
                return
            }
            output += Array("event: \(notice.type)\ndata: ".utf8)
        }
        EventObject.append(notice, at: time, to: &output)
        endEvent(&output)
    }

    private func endEvent(_ output: inout [UInt8]) {
        switch self {
        case .lines: output.append(0x0A)
        case .serverSent: output += [0x0A, 0x0A]
        case .page: break
        }
    }
}

/// The one object of an event.
enum EventObject {
    static func append(_ event: JobEvent, to output: inout [UInt8]) {
        output += Array(
            """
            {"seq":\(event.seq),"type":\(JSONWriter.string(.string(event.type))),"time":"\(RFC3339.text(event.time))",\
            "attempt":\(event.epoch),"data":
            """.utf8)
        append(data: event.data, to: &output)
        output.append(UInt8(ascii: "}"))
    }

    static func append(_ notice: StreamNotice, at time: Timestamp, to output: inout [UInt8]) {
        output += Array("{\"type\":\"\(notice.type)\",\"time\":\"\(RFC3339.text(time))\",\"data\":".utf8)
        output += JSONWriter.bytes(notice.data)
        output.append(UInt8(ascii: "}"))
    }

    /// JSON has line ends between its tokens only, where a space does as well: an event stays on one line.
    private static func append(data: [UInt8], to output: inout [UInt8]) {
        if data.isEmpty {
            output += Array("null".utf8)
        } else if data.contains(where: { $0 == 0x0A || $0 == 0x0D }) {
            output += data.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
        } else {
            output += data
        }
    }
}

/// Renders the data of the events that the store writes itself.
package enum StoreEvents {
    /// The data of a `state` or `end` event: an ``EventComposer``.
    @Sendable package static func compose(_ change: JobChange, _ job: Job) -> [UInt8] {
        var data = JSONObjectBuilder()
        data.add("state", job.state.rawValue)
        switch change {
        case .submitted: break
        case .started: if let worker = job.worker { data.add("worker", worker) }
        case .released(let cause): data.add("reason", cause.rawValue)
        case .workerLost(let reason):
            data.add("reason", "worker_lost")
            data.add("detail", reason)
        case .interrupted(let interruption): data.add("interruption", interruption.rawValue)
        case .retried(let origin): data.add("retried_from", origin.rawValue)
        case .ended: addEnd(of: job, to: &data)
        }
        return JSONWriter.bytes(data.value)
    }

    private static func addEnd(of job: Job, to data: inout JSONObjectBuilder) {
        data.add("termination", job.termination.map { .string($0.rawValue) } ?? .null)
        if let failure = job.failure {
            var object = JSONObjectBuilder()
            object.add("code", failure.code)
            object.add("detail", failure.detail)
            data.add("failure", object)
        }
        if job.hasResult { data.add("result", JobDocument.path(job.id, "result")) }
    }
}
