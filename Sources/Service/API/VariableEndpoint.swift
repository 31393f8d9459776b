// GET /v1/jobs/{id}/result/variables/{name}: one array of a result, in the form that Accept likes.
import DataFormats
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification
import Tensors

/// An array of a result.
struct VariableEndpoint: Sendable {
    let context: APIContext

    /// How an array is written.
    private enum Form: String, CaseIterable {
        case json = "application/json"
        case csv = "text/csv"
        case npy = "application/x-npy"
    }

    @Sendable func read(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["partial", "wait"])
        let offers = Form.allCases.map(\.rawValue)
        let choice = MediaType.choose(offers, accept: request.fields("accept")).flatMap(Form.init(rawValue:))
        guard let form = choice else { throw APIError.notAcceptable(offered: offers) }
        let id = try context.jobID(request)
        let isPartial = try query.flag("partial") ?? false
        let seconds = try query.integer("wait", in: 0...context.limits.waitSeconds) ?? 0
        let name = request.parameters["name"] ?? ""
        let job = try await context.job(id, waiting: seconds) { $0.state.isFinal }
        let isNewest = isPartial && !job.state.isFinal
        let variables = isNewest ? try await newest(job) : try await final(id, isPartial: isPartial)
        guard let value = variables[name] else { throw APIError.notFound("such variable in the result of \(id)") }
        let bytes = try content(value, name, form)
        let answer =
            isNewest
            ? Response(body: .bytes(bytes)).with("Content-Type", form.rawValue)
            : try .stored(bytes, type: form.rawValue, for: request)
        return answer.with("Vary", "Accept")
    }

    /// Those of the result.
    private func final(_ id: JobID, isPartial: Bool) async throws -> JSONValue {
        let jobs = JobEndpoints(context: context)
        let result = try await jobs.finalResult(of: id, isPartial: isPartial, waiting: 0)
        return try JSONParser.parse(result)["variables"] ?? .object([])
    }

    /// Those of the newest iterate that a job has told which has not ended.
    private func newest(_ job: Job) async throws -> JSONValue {
        let id = job.id
        if let bytes = context.iterate(id) { return try JSONParser.parse(bytes) }
        let status = try await context.document(of: job)
        guard let told = status.progress?["iterate"] else {
            throw APIError.noResult(id, job.state, hasPartial: false)
        }
        return told
    }

    private func content(_ value: JSONValue, _ name: String, _ form: Form) throws -> [UInt8] {
        switch form {
        case .json: return JSONWriter.bytes(value) + [0x0A]
        case .csv: return Array(CSVText.write(NumericArray(value), named: name).utf8)
        case .npy:
            let array = NumericArray(value)
            return NPYWriter.bytes(try Tensor(shape: array.shape, values: array.values))
        }
    }
}

/// An array of numbers with its shape, read from nested lists of JSON; what is no number there is NaN here.
struct NumericArray: Equatable {
    let shape: [Int]
    private(set) var values: [Double] = []

    init(_ value: JSONValue) {
        shape = Self.shape(of: value)
        collect(value)
    }

    /// The shape of nested lists, as their first elements have it; empty for a number.
    static func shape(of value: JSONValue) -> [Int] {
        guard let elements = value.elements else { return [] }
        return [elements.count] + (elements.first.map(shape) ?? [])
    }

    private mutating func collect(_ value: JSONValue) {
        switch value {
        case .numbers(let numbers): values += numbers.values
        case .array(let elements): for element in elements { collect(element) }
        case .integer, .number: values.append(value.double ?? .nan)
        case .null, .bool, .string, .object: values.append(.nan)
        }
    }
}

/// RFC 4180 with a header: a column for a scalar or a vector; else a line for all indices but the last.
enum CSVText {
    static func write(_ array: NumericArray, named name: String) -> String {
        let width = array.shape.count < 2 ? 1 : array.shape[array.shape.count - 1]
        let header = array.shape.count < 2 ? [name] : (0..<width).map { "\(name)_\($0)" }
        var text = header.joined(separator: ",") + "\r\n"
        for start in stride(from: 0, to: array.values.count, by: max(width, 1)) {
            let line = array.values[start..<min(start + width, array.values.count)].map(entry)
            text += line.joined(separator: ",") + "\r\n"
        }
        return text
    }

    private static func entry(_ value: Double) -> String { value.isNaN ? "nan" : JSONWriter.number(value) }
}
