// Tells events to who asked for them: at least once each, signed, with waits between attempts that the store remembers.
import Dispatch
import Foundation
import HTTP1
import HTTPClient
import JobQueue
import Sockets

/// The bounds of telling.
package struct WebhookLimits: Sendable {
    /// Calls at once.
    package var calls = 32
    /// Calls at once to one host, whatever its URLs.
    package var callsPerHost = 4
    /// Time of one call, from the connection to the last byte of the answer.
    package var time = Duration.seconds(10)
    /// Bytes of an answer; what it says is not looked at.
    package var answerBytes = 64 << 10
    /// Attempts at one event.
    package var attempts = 30
    /// The wait after the first attempt that failed; it doubles from attempt to attempt.
    package var firstWait = Duration.seconds(1)
    /// How often is looked for what is to be told.
    package var interval = Duration.milliseconds(250)
    /// A courier that has died keeps an event from the next one no longer than this.
    package static let hold = Duration.seconds(60)

    package init() {}

    /// The wait after attempt number `attempt`, counted from 1; nil when it was the last.
    func wait(after attempt: Int) -> Duration? {
        guard attempt < attempts else { return nil }
        let doubled = firstWait * (1 << min(attempt - 1, 20))
        return min(doubled, JobLimits.longestPostponement)
    }
}

/// What became of a call.
enum WebhookAnswer: Equatable, Sendable {
    case taken
    /// The receiver wants no more of it: 410.
    case unwanted
    /// A clause.
    case failed(String)
}

/// Calls receivers.
package actor WebhookCourier {
    private let store: any JobStore
    private let secret: WebhookSecret
    private let client: Client
    private let limits: WebhookLimits
    private let metrics: ServiceMetrics
    private let now: @Sendable () -> Timestamp
    private let log: @Sendable (String) -> Void
    /// Calls under way, by receiver.
    private var underWay: [String: Int] = [:]
    private let calls = DispatchQueue(label: "webhooks", attributes: .concurrent)

    /// - Parameters:
    ///   - addresses: may be called.
    ///   - resolve: finds the addresses of a host at each call; the system's way if nil.
    ///   - log: takes lines for people.
    /// - Throws: ``ClientError/tls(_:)`` when the system's authorities cannot be read.
    package init(
        store: any JobStore, secret: WebhookSecret, addresses: CallableAddresses,
        limits: WebhookLimits = WebhookLimits(), metrics: ServiceMetrics, resolve: HostLookup? = nil,
        now: @escaping @Sendable () -> Timestamp, log: @escaping @Sendable (String) -> Void
    ) throws(ClientError) {
        self.store = store
        self.secret = secret
        self.limits = limits
        self.metrics = metrics
        self.now = now
        self.log = log
        var configuration = ClientConfiguration()
        configuration.total = limits.time
        configuration.contentBytes = limits.answerBytes
        if let resolve { configuration.resolve = resolve }
        configuration.admits = { addresses.contains($0.host) }
        client = try Client(configuration)
    }

    /// Works until its task is cancelled. Calls under way then end by themselves; what they told is told again.
    package func run() async {
        while !Task.isCancelled {
            do {
                for notice in try await taken() { begin(notice) }
            } catch {
                log("webhooks: \(error)")
            }
            // Cancellation ends the loop above.
            try? await Task.sleep(for: limits.interval)
        }
    }

    private func taken() async throws(JobStoreError) -> [Notice] {
        let room = limits.calls - underWay.values.reduce(0, +)
        guard room > 0 else { return [] }
        let time = now()
        return try await store.takeNotices(
            limit: room, share: limits.callsPerHost, leavingOut: Set(underWay.keys),
            until: time.advanced(by: WebhookLimits.hold), at: time)
    }

    private func begin(_ notice: Notice) {
        underWay[notice.receiver, default: 0] += 1
        let time = now()
        Task {
            let answer = await withCheckedContinuation { continuation in
                calls.async { continuation.resume(returning: self.call(notice, at: time)) }
            }
            await self.settle(notice, answer)
        }
    }

    private func settle(_ notice: Notice, _ answer: WebhookAnswer) async {
        underWay[notice.receiver, default: 1] -= 1
        if underWay[notice.receiver] == 0 { underWay[notice.receiver] = nil }
        metrics.observe(answer)
        do {
            switch answer {
            case .taken: try await store.forgetNotice(notice.number)
            case .unwanted:
                log("\(notice.event.job): webhook given up: its receiver answers 410")
                try await store.forgetNotice(notice.number)
            case .failed(let reason): try await putOff(notice, reason)
            }
        } catch {
            // The notice is due again when its hold ends.
            log("\(notice.event.job): webhook: \(error)")
        }
    }

    private func putOff(_ notice: Notice, _ reason: String) async throws(JobStoreError) {
        let place = "\(notice.event.job): webhook, event \(notice.event.seq), attempt \(notice.attempts)"
        guard let wait = limits.wait(after: notice.attempts) else {
            log("\(place): \(reason); given up")
            return try await store.forgetNotice(notice.number)
        }
        log("\(place): \(reason); again in \(wait)")
        try await store.postponeNotice(notice.number, to: now().advanced(by: wait))
    }

    /// Blocks its thread. Redirects are not followed: where they lead was not asked for.
    private nonisolated func call(_ notice: Notice, at time: Timestamp) -> WebhookAnswer {
        guard let url = HTTPURL(notice.address) else { return .failed("its URL cannot be read") }
        let body = Self.body(of: notice)
        let head = head(of: notice, url, body, at: time)
        do throws(ClientError) {
            let status = try client.send(head, content: body).head.statusCode
            return (200..<300).contains(status) ? .taken : status == 410 ? .unwanted : .failed("answered \(status)")
        } catch {
            return .failed(error.description)
        }
    }

    private nonisolated func head(
        of notice: Notice, _ url: HTTPURL, _ body: [UInt8], at time: Timestamp
    ) -> OutgoingHead {
        let id = Self.id(of: notice)
        let seconds = time.milliseconds / 1_000
        var fields = Fields()
        fields.add("Content-Type", "application/json")
        fields.add("User-Agent", "stackelberg/\(Version.number)")
        fields.add("Webhook-Id", id)
        fields.add("Webhook-Timestamp", String(seconds))
        fields.add(
            "Webhook-Signature", secret.signature(for: notice.owner, id: id, timestamp: seconds, body: body))
        return OutgoingHead(method: .post, url: url, fields: fields)
    }

    /// The same for every attempt at one event, and for no other event.
    static func id(of notice: Notice) -> String { "\(notice.event.job)_\(notice.event.seq)" }

    /// The event as streams show it, with the job's id.
    static func body(of notice: Notice) -> [UInt8] {
        var body = Array("{\"job\":\"\(notice.event.job)\",\"event\":".utf8)
        EventObject.append(notice.event, to: &body)
        return body + Array("}\n".utf8)
    }
}
