// Following a job to its end across broken connections, restarts and attempts: each time behind the last number seen.
import Foundation
import HTTP1
import HTTPClient
import ProblemSpecification

/// One line of a job's event stream.
package struct WatchedEvent: Sendable {
    /// The line.
    package let json: String
    /// nil for notices, which are not part of the log.
    let seq: Int?
    let type: String
    let data: JSONValue

    /// - Returns: nil for anything but an event.
    package init?(_ line: [UInt8]) {
        guard let event = try? JSONParser.parse(line), let type = event["type"]?.text else { return nil }
        json = String(decoding: line, as: UTF8.self)
        seq = event["seq"]?.int
        self.type = type
        data = event["data"] ?? .null
    }

    /// Whether the job has ended with it.
    var isEnd: Bool { type == "end" }
}

/// What is told of a watch besides events.
package enum WatchNews: Sendable {
    case event(WatchedEvent)
    /// The connection broke for this reason; another is tried after so many seconds.
    case interrupted(reason: String, seconds: Double)
}

/// Follows one job.
package struct JobWatch: Sendable {
    let service: RemoteService
    let job: String
    /// Seconds without a connection after which it is given up.
    package var patience = 300.0

    package init(_ service: RemoteService, job: String) {
        self.service = service
        self.job = job
    }

    /// The job's budget of upper iterations, for a bar.
    ///
    /// - Throws: ``RemoteError`` also when there is no such job or no such service: before anything is waited for.
    package func iterationLimit() throws(RemoteError) -> Int {
        try service.job(job)["limits"]?["iterations"]?.int ?? Limits().iterations
    }

    /// Hands every event to `show` until `end`.
    ///
    /// - Parameter seq: events up to this number are not asked for.
    /// - Throws: ``RemoteError`` when the service says no, or is away for longer than the patience.
    package func follow(after seq: Int, show: (WatchNews) -> Void) throws(RemoteError) {
        var after = seq
        var backoff = Backoff()
        var waited = 0.0
        while true {
            let before = after
            let cause: RemoteError?
            do throws(RemoteError) {
                if try stream(after: &after, show: show) { return }
                cause = nil
            } catch {
                guard error.isTransient else { throw error }
                cause = error
            }
            if after > before {
                backoff = Backoff()
                waited = 0
            }
            let pause = backoff.next()
            guard waited + pause <= patience else {
                throw cause ?? .unexpected("the stream of \(job) ends again and again")
            }
            waited += pause
            show(.interrupted(reason: Self.reason(cause), seconds: pause))
            Thread.sleep(forTimeInterval: pause)
        }
    }

    private static func reason(_ cause: RemoteError?) -> String {
        switch cause {
        case .unreachable(_, let error): "\(error)"
        case .refused, .badSettings, .unexpected: cause?.text ?? ""
        case nil: "the service ended the stream"
        }
    }

    /// Reads one connection as far as it goes.
    ///
    /// - Returns: whether `end` came.
    private func stream(after: inout Int, show: (WatchNews) -> Void) throws(RemoteError) -> Bool {
        var lines = try service.lines(RemoteService.path(job, "events?after=\(after)"))
        while let line = try lines.next() {
            guard let event = WatchedEvent(line) else { continue }
            if let seq = event.seq { after = max(after, seq) }
            show(.event(event))
            if event.isEnd { return true }
        }
        return false
    }
}

extension RemoteService {
    /// Opens a stream of lines of JSON.
    fileprivate func lines(_ target: String) throws(RemoteError) -> RemoteLines {
        let head = try head(.get, target, fields: [("Accept", "application/x-ndjson")])
        let server = base.description
        do throws(ClientError) {
            return try RemoteLines(try client.open(head), server: server)
        } catch {
            throw .unreachable(server: server, error)
        }
    }
}

/// The lines of an answer, as they come.
private struct RemoteLines: ~Copyable {
    private var exchange: Exchange
    private let server: String
    private let statusCode: Int
    private var rest: [UInt8] = []

    /// Bytes of a line beyond which the answer is no event stream.
    private static let lineBytes = 16 << 20

    init(_ exchange: consuming Exchange, server: String) throws(ClientError) {
        statusCode = exchange.head.statusCode
        self.exchange = exchange
        self.server = server
        guard statusCode != 200 else { return }
        while rest.count < Self.lineBytes, let bytes = try self.exchange.next() { rest += bytes }
    }

    /// The next line without its line feed; nil when the answer ends.
    mutating func next() throws(RemoteError) -> [UInt8]? {
        guard statusCode == 200 else { throw .refused(Refusal(status: statusCode, content: rest)) }
        var searched = 0
        while true {
            if let end = rest[searched...].firstIndex(of: 0x0A) {
                let line = Array(rest[..<end])
                rest.removeSubrange(...end)
                return line
            }
            searched = rest.count
            guard rest.count <= Self.lineBytes else { throw .unexpected("\(server) sent a line without an end") }
            do throws(ClientError) {
                guard let bytes = try exchange.next() else { return nil }
                rest += bytes
            } catch {
                throw .unreachable(server: server, error)
            }
        }
    }
}
