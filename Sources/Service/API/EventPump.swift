// Moves a job's log to one reader: first what the store has, then what the tail brings. The reader's socket sets the
// pace; nothing is held for it but one batch.
import HTTPServer
import JobQueue

/// What a reader asked for.
struct EventRequest: Sendable {
    let job: JobID
    var after: Int64
    /// All if nil; `end` and notices always come.
    let types: Set<String>?
    let follows: Bool
    let format: EventFormat
    /// The least time between two progress events, by the times they happened.
    var progressInterval: Duration?

    func wants(_ type: String) -> Bool { types?.contains(type) ?? true || type == JobEvent.endType }
}

extension EventRequest {
    /// The events that a reader at this rate is sent of a page.
    func thinned(_ events: [JobEvent]) -> [JobEvent] {
        var thinning = ProgressThinning(progressInterval)
        return events.flatMap { thinning.pass($0) }
    }
}

/// Lets progress through at a rate. The newest that was held back goes before any event of another type, so that what a
/// stream says last is true.
struct ProgressThinning {
    private let interval: Duration?
    private var earliest: Timestamp?
    private var held: JobEvent?

    init(_ interval: Duration?) { self.interval = interval }

    /// What is sent now that `event` has come.
    mutating func pass(_ event: JobEvent) -> [JobEvent] {
        guard let interval else { return [event] }
        guard event.type == JobEvent.progressType else {
            defer { held = nil }
            return (held.map { [$0] } ?? []) + [event]
        }
        if let earliest, event.time < earliest {
            held = event
            return []
        }
        earliest = event.time.advanced(by: interval)
        held = nil
        return [event]
    }
}

/// Writes one stream.
///
/// Replay is exact whatever the reader's pace. A reader that has caught up once and then falls behind by more than
/// ``APILimits/readerBacklog`` events loses progress events, and is told which by `gap`.
struct EventPump {
    /// Rows read at once.
    private static let pageRows = 200
    /// Bytes handed to the socket at once.
    private static let batchBytes = 16 * 1024

    private let context: APIContext
    private let request: EventRequest
    private let tail: EventTail
    private let writer: ResponseWriter
    private let pulse: StreamPulse
    private var seq: Int64
    private var batch: [UInt8] = []
    private var dropped: ClosedRange<Int64>?
    private var hasEnded = false
    /// An end came, and perhaps something behind it.
    private var hasSeenEnd = false
    private var thinning: ProgressThinning

    private init(
        _ request: EventRequest, _ tail: EventTail, _ context: APIContext, _ writer: ResponseWriter,
        _ pulse: StreamPulse
    ) {
        self.request = request
        self.tail = tail
        self.context = context
        self.writer = writer
        self.pulse = pulse
        seq = request.after
        thinning = ProgressThinning(request.progressInterval)
    }

    /// Writes the stream to its end.
    ///
    /// - Parameter tail: taken before the job was first read, so that nothing falls in between.
    /// - Throws: when the reader is gone, or the store fails: the connection breaks off, and the reader resumes.
    static func run(
        _ request: EventRequest, _ tail: EventTail, _ context: APIContext, _ writer: ResponseWriter
    ) async throws {
        context.metrics.streamHasBegun()
        defer { context.metrics.streamHasEnded() }
        let status = context.status
        let now = context.now
        let pulse = StreamPulse(
            limits: context.limits, uptime: { now().uptime },
            isDraining: { status.isDraining || writer.isDraining })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pulse.run() }
            defer { group.cancelAll() }
            var pump = EventPump(request, tail, context, writer, pulse)
            try await pump.run()
        }
    }

    private mutating func run() async throws {
        try await readStore(through: nil)
        if hasEnded || !request.follows { return }
        if try await isOver() { return }
        while !hasEnded { guard try await follow() else { return } }
    }

    /// Whether the job has ended and its whole log has been read, or it was deleted and has nothing more to say.
    private func isOver() async throws -> Bool {
        do throws(JobStoreError) {
            let job = try await context.store.job(request.job)
            return job.state.isFinal && job.lastSeq <= seq
        } catch {
            guard error == .unknownJob(request.job) else { throw error }
            return true
        }
    }

    /// - Returns: whether there is more to come.
    private mutating func follow() async throws -> Bool {
        switch try await pulse.next(of: tail, after: seq) {
        case .step(.events(let events)):
            for event in events where !hasEnded { try await take(event) }
            try await flush()
            // What came behind the end may be all there is.
            if hasSeenEnd, !hasEnded { hasEnded = try await isOver() }
        case .step(.behind): try await catchUp()
        case .step(.closed), .draining:
            try await say(.server(after: seq))
            return false
        case .keepAlive:
            // A job that was deleted has no more news, and no end either; one that ended before the number that was asked
            // for never comes to it.
            if try await isOver() { return false }
            try await say(.keepAlive)
        }
        return true
    }

    // MARK: The store

    /// Writes what the store has behind the last number, to its end or to `last`.
    ///
    /// - Parameter losing: whether progress events are left out.
    private mutating func readStore(through last: Int64?, losing: Bool = false) async throws {
        while !hasEnded {
            let rows = last.map { min(Self.pageRows, Int(max(1, $0 - seq))) } ?? Self.pageRows
            let page = try await context.store.events(
                of: request.job, after: seq, limit: rows, types: request.types)
            try await write(page, losing: losing)
            if page.isLast || last.map({ seq >= $0 }) ?? false { break }
            if context.status.isDraining || writer.isDraining { break }
        }
        try await flush()
    }

    private mutating func write(_ page: EventPage, losing: Bool) async throws {
        var gaps = page.gaps[...]
        for event in page.events where !hasEnded {
            while let gap = gaps.first, gap.upperBound < event.seq {
                try await append(.gap(gap, reason: .compacted))
                gaps = gaps.dropFirst()
            }
            if losing && event.type == JobEvent.progressType {
                drop(event.seq)
            } else {
                try await take(event)
            }
        }
        for gap in gaps where !hasEnded { try await append(.gap(gap, reason: .compacted)) }
        seq = page.readThrough
    }

    /// The tail no longer remembers what follows: the store does.
    private mutating func catchUp() async throws {
        let last = try await context.store.job(request.job).lastSeq
        if last - seq > context.limits.readerBacklog {
            try await readStore(through: last - context.limits.readerBacklog / 2, losing: true)
        }
        try await readStore(through: nil)
    }

    // MARK: The reader

    private mutating func take(_ event: JobEvent) async throws {
        seq = event.seq
        guard request.wants(event.type) else { return }
        for event in thinning.pass(event) { try await send(event) }
    }

    private mutating func send(_ event: JobEvent) async throws {
        if event.type == JobEvent.endType {
            hasSeenEnd = true
            hasEnded = try await isOver()
        }
        try await appendDropped()
        request.format.append(event, to: &batch)
        try await flush(above: Self.batchBytes)
    }

    private mutating func drop(_ number: Int64) {
        context.metrics.eventWasDropped()
        dropped = (dropped?.lowerBound ?? number)...number
    }

    private mutating func appendDropped() async throws {
        guard let numbers = dropped else { return }
        dropped = nil
        try await append(.gap(numbers, reason: .slowReader))
    }

    private mutating func append(_ notice: StreamNotice) async throws {
        request.format.append(notice, at: context.now().calendar, to: &batch)
        try await flush(above: Self.batchBytes)
    }

    private mutating func say(_ notice: StreamNotice) async throws {
        try await append(notice)
        try await flush()
    }

    private mutating func flush() async throws {
        try await appendDropped()
        try await flush(above: 0)
    }

    private mutating func flush(above size: Int) async throws {
        guard batch.count > size else { return }
        let bytes = batch
        batch = []
        try await writer.write(bytes)
        pulse.spoke()
    }
}
