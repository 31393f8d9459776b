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
        let variables = try await variables(of: id, isPartial: isPartial, waiting: seconds)
        guard let value = variables[name] else { throw APIError.notFound("such variable in the result of \(id)") }
        return try answer(value, name, form).with("Vary", "Accept")
    }

    /// Those of the result; of a job that has not ended, those of the newest iterate that it has told.
    private func variables(of id: JobID, isPartial: Bool, waiting seconds: Int) async throws -> JSONValue {
        let jobs = JobEndpoints(context: context)
        let job = try await context.job(id, waiting: seconds) { $0.state.isFinal }
        guard isPartial, !job.state.isFinal else {
            let result = try await jobs.finalResult(of: id, isPartial: isPartial, waiting: 0)
            return try JSONParser.parse(result)["variables"] ?? .object([])
        }
        if let bytes = context.iterate(id) { return try JSONParser.parse(bytes) }
        let status = try await context.document(of: job)
        guard let told = status.progress?["iterate"] else {
            throw APIError.noResult(id, job.state, hasPartial: false)
        }
        return told
    }

    private func answer(_ value: JSONValue, _ name: String, _ form: Form) throws -> Response {
        switch form {
        case .json: return .json(value)
        case .csv: return .text(Array(CSVText.write(NumericArray(value), named: name).utf8), type: Form.csv.rawValue)
        case .npy:
            let array = NumericArray(value)
            var response = Response(status: .ok)
            response.fields.add("Content-Type", Form.npy.rawValue)
            response.body = .bytes(NPYWriter.bytes(try Tensor(shape: array.shape, values: array.values)))
            return response
        }
    }
}

/// An array of numbers with its shape, read from nested lists of JSON; what is no number there is NaN here.
struct NumericArray: Equatable {
    private(set) var shape: [Int] = []
    private(set) var values: [Double] = []

    init(_ value: JSONValue) {
        measure(value)
        collect(value)
    }

    private mutating func measure(_ value: JSONValue) {
        guard let elements = value.elements else { return }
        shape.append(elements.count)
        if let first = elements.first { measure(first) }
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
