// GET /v1/jobs/{id}/progress: how far a job is, and how it came there, in as many points as a picture has room for.
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// The progress of a job.
struct ProgressEndpoint: Sendable {
    let context: APIContext

    private static let points = 20...2_000
    private static let usualPoints = 500

    @Sendable func read(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["fields", "max_points"], repeatable: ["fields"])
        let id = try context.jobID(request)
        let fields = try fields(query)
        let limit = try query.integer("max_points", in: Self.points) ?? Self.usualPoints
        let job = try await context.store.job(id)
        var series = ProgressSeries(fields: fields.count, limit: limit)
        let before = max(0, job.lastSeq - context.limits.seriesRows)
        var last: JSONValue?
        var after = before
        while true {
            let page = try await context.store.events(
                of: id, after: after, limit: JobLimits.eventPage.upperBound, types: [JobEvent.progressType])
            for event in page.events where event.type == JobEvent.progressType {
                guard let data = try? JSONParser.parse(event.data) else { continue }
                series.take(point(event.seq, data, fields))
                last = data
            }
            after = page.readThrough
            if page.isLast || context.status.isDraining { break }
        }
        return .json(answer(job, fields, series, last: last, readFrom: before + 1, through: after))
            .with("Cache-Control", "no-store")
    }

    private func fields(_ query: Query) throws(APIError) -> [ProgressField] {
        var fields: [ProgressField] = []
        for word in query.list("fields") {
            let field = try Query.word("fields", word, as: ProgressField.self)
            if !fields.contains(field) { fields.append(field) }
        }
        return fields.isEmpty ? ProgressField.usual : fields
    }

    private func point(_ seq: Int64, _ data: JSONValue, _ fields: [ProgressField]) -> SeriesPoint {
        SeriesPoint(
            seq: seq, iteration: data["iteration"]?.int ?? 0,
            values: fields.map { data[$0.rawValue]?.double ?? .nan })
    }

    private func answer(
        _ job: Job, _ fields: [ProgressField], _ series: ProgressSeries, last: JSONValue?, readFrom: Int64,
        through: Int64
    ) -> JSONValue {
        let points = series.points
        var columns = JSONObjectBuilder()
        columns.add("seq", .list(points.map { .integer(Int($0.seq)) }))
        columns.add("iteration", .list(points.map { .integer($0.iteration) }))
        for (index, field) in fields.enumerated() {
            columns.add(field.rawValue, .list(points.map { .jsonNumber($0.values[index]) }))
        }
        var document = JSONObjectBuilder()
        document.add("job", job.id.description)
        document.add("state", job.state.rawValue)
        document.add("last", last ?? .null)
        document.add("points", series.count)
        document.add("read_from", Int(readFrom))
        document.add("read_through", Int(through))
        document.add("series", columns)
        return document.value
    }
}
