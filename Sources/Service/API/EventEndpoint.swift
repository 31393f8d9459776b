// GET /v1/jobs/{id}/events: which rendering, from which number, and when there is nothing to stream.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// The event log of a job.
struct EventEndpoint: Sendable {
    let context: APIContext

    /// Events of a page of JSON where the caller names no number.
    private static let defaultPage = 100
    private static let known = ["after", "types", "follow", "limit", "max_rate"]
    /// Numbers of events are at most so long, whoever names one.
    private static let digits = 18
    private static let numbers = 0...999_999_999_999_999_999
    /// Progress events a second that a reader may ask for.
    private static let rates = 0.001...10_000.0

    @Sendable func read(_ request: Request) async throws -> Response {
        let query = try Query(request, known: Self.known, repeatable: ["types"])
        let id = try context.jobID(request)
        let format = try format(request)
        var wanted = EventRequest(
            job: id, after: try after(query, request), types: try types(query),
            follows: try query.flag("follow") ?? true, format: format)
        wanted.progressInterval = try query.number("max_rate", in: Self.rates).map { .seconds(1 / $0) }
        let limit = try query.integer("limit", in: JobLimits.eventPage) ?? Self.defaultPage
        let tail = context.store.feed.tail(of: id)
        let job = try await context.store.job(id)
        wanted.progressInterval = wanted.progressInterval ?? job.progressInterval
        switch format {
        case .page: return try await page(wanted, limit: limit, job)
        case .serverSent where job.state.isFinal && wanted.after >= job.lastSeq:
            // The one answer after which an EventSource does not come back.
            return Response(status: .noContent)
        case .lines, .serverSent: return stream(wanted, tail)
        }
    }

    private func stream(_ wanted: EventRequest, _ tail: EventTail) -> Response {
        let context = context
        var response = Response(status: .ok)
        response.fields.add("Content-Type", wanted.format.rawValue)
        response.fields.add("Cache-Control", "no-store")
        response.fields.add("X-Accel-Buffering", "no")
        response.body = .stream(length: nil) { writer in
            try await EventPump.run(wanted, tail, context, writer)
        }
        return response
    }

    private func page(_ wanted: EventRequest, limit: Int, _ job: Job) async throws -> Response {
        let page = try await context.store.events(
            of: wanted.job, after: wanted.after, limit: limit, types: wanted.types)
        let now = context.now().calendar
        var items: [[UInt8]] = []
        var gaps = page.gaps[...]
        func add(_ gap: ClosedRange<Int64>) {
            items.append([])
            wanted.format.append(.gap(gap, reason: .compacted), at: now, to: &items[items.count - 1])
        }
        for event in wanted.thinned(page.events) {
            while let gap = gaps.first, gap.upperBound < event.seq {
                add(gap)
                gaps = gaps.dropFirst()
            }
            items.append([])
            wanted.format.append(event, to: &items[items.count - 1])
        }
        gaps.forEach(add)
        let isComplete = job.state.isFinal && page.readThrough >= job.lastSeq
        let bytes =
            Array("{\"items\":[".utf8) + Array(items.joined(separator: [UInt8(ascii: ",")]))
            + Array("],\"next_after\":\(page.readThrough),\"has_more\":\(!page.isLast),\"ended\":\(isComplete)}\n".utf8)
        return Response.text(bytes, type: "application/json").with("Cache-Control", "no-store")
    }

    private func format(_ request: Request) throws(APIError) -> EventFormat {
        let offers = EventFormat.allCases.map(\.rawValue)
        let choice = MediaType.choose(offers, accept: request.fields("accept")).flatMap(EventFormat.init(rawValue:))
        guard let choice else { throw .notAcceptable(offered: offers) }
        return choice
    }

    /// Last-Event-ID wins: an EventSource that reconnects repeats its first `after` and knows better by now.
    private func after(_ query: Query, _ request: Request) throws(APIError) -> Int64 {
        let first = Int64(try query.integer("after", in: Self.numbers) ?? 0)
        if let text = request.head.fields["last-event-id"], !text.isEmpty {
            guard text.utf8.count <= Self.digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let seq = Int64(text)
            else {
                throw .invalidParameter("Last-Event-ID", wanted: "the number of an event", found: text)
            }
            return seq
        }
        return first
    }

    private func types(_ query: Query) throws(APIError) -> Set<String>? {
        let words = query.list("types")
        guard query["types"] != nil else { return nil }
        var types: Set<String> = []
        for word in words { types.insert(try Query.word("types", word, as: EventType.self).rawValue) }
        return types
    }
}
