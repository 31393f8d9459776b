// From errors to HTTP, RFC 9457: the one place. What is not known here is a 500 that says nothing but the request's id.
import DataFormats
import ExpressionLanguage
import Glibc
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// A problem before it is written.
struct ProblemDetails: Equatable {
    var type: ProblemType
    var detail: String
    /// Single faults: objects with pointer, line, column, code, detail, hint.
    var errors: [JSONValue] = []
    /// Seconds after which another try may succeed.
    var retryAfter: Int?
    /// Bytes of the content that a range was asked of.
    var contentLength: Int?

    init(_ type: ProblemType, _ detail: String, errors: [JSONValue] = [], retryAfter: Int? = nil) {
        self.type = type
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    /// The problem behind `error`.
    init(_ error: any Error) {
        switch error {
        case let fault as ServerFault: self.init(fault)
        case let error as APIError: self.init(error)
        case let error as JobStoreError: self.init(error)
        case let error as DurableFile.Failure: self.init(error)
        case EventFeedError.tooManyReaders(let limit):
            self.init(.tooManyWaits, "\(limit) requests wait for this job already", retryAfter: 5)
        default: self = Self.unknown
        }
    }

    private static let unknown = Self(
        .internalError, "the cause stands in the log of the service, under the request's id")

    /// The answer.
    func response(requestID: String) -> Response {
        var document = JSONObjectBuilder()
        document.add("type", "/problems/\(type.rawValue)")
        document.add("title", type.title)
        document.add("status", type.status.code)
        document.add("detail", detail)
        document.add("request_id", requestID)
        if !errors.isEmpty { document.add("errors", .array(errors)) }
        var response = Response.json(document.value, status: type.status, type: "application/problem+json")
        if let retryAfter { response.fields.add("Retry-After", String(retryAfter)) }
        if let contentLength { response.fields.add("Content-Range", "bytes */\(contentLength)") }
        if type == .unauthorized { response.fields.add("WWW-Authenticate", "Bearer realm=\"stackelberg\"") }
        return response
    }
}

extension ProblemDetails {
    private init(_ fault: ServerFault) {
        switch fault {
        case .request(let error): self.init(error)
        case .notFound: self.init(.notFound, "no route has this path; GET / lists where to begin")
        case .invalidPathParameter: self.init(.invalidParameter, "an escape in the path is not UTF-8")
        case .methodNotAllowed(let allow): self.init(.methodNotAllowed, "the methods here are \(allow)")
        case .notImplemented: self.init(.notImplemented, "the method is not known")
        case .contentTooLarge(let limit): self.init(.contentTooLarge, "a body here has at most \(limit) bytes")
        case .contentTooDense: self.init(.contentTooLarge, "the body in gzip stands for too much")
        case .unsupportedContentCoding(let coding):
            self.init(
                .unsupportedMediaType, "a body is sent as it is or in gzip, came Content-Encoding '\(coding.excerpt)'")
        case .malformedContentCoding: self.init(.malformedRequest, "the body is not what its Content-Encoding says")
        case .tooManyHandlers: self.init(.overloaded, "too many requests are being answered", retryAfter: 1)
        case .tooManyConnections: self.init(.overloaded, "too many connections are open", retryAfter: 1)
        case .noRoomForContent:
            self.init(.overloaded, "the bodies of other requests take all the room there is", retryAfter: 1)
        case .handler(let error): self.init(error)
        }
    }

    private init(_ error: RequestError) {
        let type: ProblemType =
            switch error.status {
            case .uriTooLong: .uriTooLong
            case .fieldsTooLarge: .fieldsTooLarge
            case .notImplemented: .notImplemented
            case .requestTimeout: .requestTimeout
            case .expectationFailed: .expectationFailed
            case .versionNotSupported: .versionNotSupported
            default: .malformedRequest
            }
        self.init(type, error.sentence)
    }

    private init(_ error: JobStoreError) {
        switch error {
        case .unknownJob(let id): self.init(.notFound, "there is no job \(id)")
        case .gone(let id): self.init(.gone, "the job \(id), which the first request with this key made, is deleted")
        case .idempotencyKeyReused(_, let key):
            self.init(.idempotencyKeyReused, "the key '\(key)' came with another body within the last 24 hours")
        case .invalidState(let id, let state, .delete):
            self.init(
                .invalidState,
                "the job \(id) is \(state.rawValue): cancel it first (POST /v1/jobs/\(id)/cancel), or add ?force=true")
        case .invalidState(let id, let state, let action):
            self.init(.invalidState, "the job \(id) is \(state.rawValue), which does not allow \(action.rawValue)")
        case .revisionMismatch(let wanted, let found):
            self.init(.preconditionFailed, "wanted revision \(wanted), the job has \(found)")
        case .outOfRange(let parameter, let allowed, let found):
            let detail = "\(parameter.rawValue) is \(found), allowed is \(allowed.lowerBound) to \(allowed.upperBound)"
            self.init(parameter.isOfDocument ? .exceedsLimits : .invalidParameter, detail)
        case .tooManyActive(let limit):
            self.init(
                .quotaExceeded, "\(limit) jobs of this owner wait or run already, and the key allows no more",
                retryAfter: 10)
        case .unknownDataset(let reference):
            self.init(.notFound, "there is no data set '\(reference.excerpt)'")
        case .datasetInUse(let id, let jobs):
            let users = jobs == 1 ? "1 job that has not ended uses" : "\(jobs) jobs that have not ended use"
            self.init(.datasetInUse, "\(users) \(id); wait, or add ?force=true: jobs keep the bytes they began with")
        case .datasetChanged: self.init(APIError.contentChanged)
        case .tooMuchData(let limit):
            self.init(
                .quotaExceeded, "the owner's data sets may have \(limit) bytes; delete some", retryAfter: 60)
        case .tooManyDatasets(let limit):
            self.init(.quotaExceeded, "an owner has at most \(limit) data sets; delete some", retryAfter: 60)
        case .overloaded(let limit):
            self.init(.overloaded, "\(limit) writes wait for the storage", retryAfter: 1)
        case .closed: self.init(.draining, "the storage is closed", retryAfter: 5)
        case .storage(.full): self.init(.insufficientStorage, "the storage is full", retryAfter: 60)
        case .storage(.readOnly), .storage(.corrupt), .storage(.busy), .storage(.failed):
            self.init(.storage, "the storage refused; nothing was changed", retryAfter: 5)
        case .duplicateJob, .leaseLost, .reservedEventType: self = Self.unknown
        }
    }

    /// A file could not be written or read.
    private init(_ failure: DurableFile.Failure) {
        if [ENOSPC, EDQUOT, EFBIG].contains(failure.code) {
            self.init(.insufficientStorage, "the disk is full", retryAfter: 60)
        } else {
            self.init(.storage, "a file could not be written or read; nothing was changed", retryAfter: 5)
        }
    }

    private init(_ error: APIError) {
        switch error {
        case .malformedJSON(let error): self.init(error)
        case .unknownParameter(let name, let suggestion, let known):
            let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
            let all = known.isEmpty ? "there are none here" : "known are \(known.joined(separator: ", "))"
            self.init(.invalidParameter, "the parameter '\(name.excerpt)' is not known\(hint) (\(all))")
        case .repeatedParameter(let name): self.init(.invalidParameter, "the parameter '\(name)' came twice")
        case .invalidParameter(let name, let wanted, let found):
            self.init(.invalidParameter, "'\(name)' must be \(wanted), came '\(found.excerpt)'")
        case .notAcceptable(let offered):
            self.init(.notAcceptable, "offered are \(offered.joined(separator: ", "))")
        case .unsupportedMediaType(let found): self.init(mediaType: found)
        case .forbiddenHost(let host):
            self.init(
                .forbiddenHost,
                "the service has no keys and answers to localhost only, came '\(host.excerpt)'")
        case .preconditionFailed(let found):
            self.init(.preconditionFailed, "the job has revision \(found); read it again")
        case .checkpointGone(let id, let name):
            self.init(.gone, "the state \(name) of the job \(id) was removed when it was not needed any more")
        case .unauthorized(let fault): self.init(.unauthorized, fault.sentence)
        case .missingScope(let scope): self.init(.missingScope, "this needs a key with the scope \(scope.rawValue)")
        case .lengthRequired:
            self.init(
                .lengthRequired,
                "send a body, with Content-Length or in chunks; with curl, use --json @file, for a data set -T file")
        case .tooManyRequests(let perMinute, let retryAfter):
            self.init(.tooManyRequests, "the key allows \(perMinute) requests a minute", retryAfter: retryAfter)
        case .unsupportedDataset(let found):
            let types = UploadFormat.mediaTypes.map(\.type).joined(separator: ", ")
            let came = found.map { "came '\($0.excerpt)'" } ?? "no Content-Type came"
            self.init(
                .unsupportedMediaType,
                "send a data set as one of \(types), or say ?format=csv, npy or libsvm, or end the name with .csv, "
                    + ".npy, .libsvm or .svm; \(came)\(Self.isForm(found) ? ": with curl, use -T file" : "")")
        case .emptyDataset: self.init(.invalidDataset, "the body is empty")
        case .notADataset(let format, let reason): self.init(.invalidDataset, "as \(format.rawValue): \(reason)")
        case .digestMismatch(let algorithm):
            self.init(.digestMismatch, "the \(algorithm.rawValue) of what arrived is another; nothing was kept")
        case .contentChanged: self.init(.preconditionFailed, "the content has another tag; read it again")
        case .unsatisfiableRange(let length):
            self.init(.rangeNotSatisfiable, "the content has \(length) bytes")
            contentLength = length
        case .tooManyUploads(let limit):
            self.init(.overloaded, "\(limit) data sets arrive already", retryAfter: 5)
        case .diskFull: self.init(.insufficientStorage, "the disk has no room for the data set", retryAfter: 60)
        case .datasetGone:
            self.init(.admissionUnavailable, "a data set was deleted while the document was checked", retryAfter: 1)
        case .notFound(let what): self.init(.notFound, "there is no \(what)")
        case .resultNotReady(let id, let state):
            self.init(
                .resultNotReady,
                "the job \(id) is \(state.rawValue); add ?wait=30 to wait, or ?partial=true for what there is",
                retryAfter: 1)
        case .noResult(let id, let state, let hasPartial):
            let hint = hasPartial ? "; ?partial=true gives the best iterate so far" : ""
            self.init(.noResult, "the job \(id) is \(state.rawValue) and has no result\(hint)")
        case .validationFailed(let errors):
            let faults = errors.count == 1 ? "1 fault" : "\(errors.count) faults"
            self.init(.validationFailed, "the document has \(faults)", errors: errors)
        case .exceedsLimits(let detail): self.init(.exceedsLimits, detail)
        case .admissionUnavailable(let detail): self.init(.admissionUnavailable, detail, retryAfter: 1)
        case .queueFull(let limit): self.init(.queueFull, "\(limit) jobs wait already", retryAfter: 10)
        case .draining: self.init(.draining, "no new jobs are taken; the service may be back soon", retryAfter: 5)
        case .tooManyWaits(let limit):
            self.init(.tooManyWaits, "\(limit) requests wait already; ask again without wait", retryAfter: 5)
        }
    }

    private init(_ error: JSONError) {
        var fault = JSONObjectBuilder()
        fault.add("pointer", "")
        fault.add("line", error.line)
        fault.add("column", error.column)
        fault.add("code", error.diagnostic.code.rawValue)
        fault.add("detail", error.message)
        self.init(
            .malformedJSON, "line \(error.line), column \(error.column): \(error.message)", errors: [fault.value])
    }

    private static func isForm(_ type: String?) -> Bool {
        type.map { ["application/x-www-form-urlencoded", "multipart/form-data"].contains(MediaType($0).essence) }
            ?? false
    }

    private init(mediaType found: String?) {
        guard let found else {
            self.init(.unsupportedMediaType, "Content-Type is missing; send application/json")
            return
        }
        let hint = Self.isForm(found) ? ": with curl, use --json @file" : ""
        self.init(.unsupportedMediaType, "send application/json, came '\(found.excerpt)'\(hint)")
    }
}

extension CredentialFault {
    fileprivate var sentence: String {
        switch self {
        case .missing: "send a key as 'Authorization: Bearer sk_…'; stackelberg keys create makes one"
        case .malformed: "Authorization must be 'Bearer' and a key, once"
        case .unknown: "there is no such key"
        case .ended: "the key has ended; stackelberg keys rotate or create makes another"
        }
    }
}

extension JobParameter {
    /// Whether the number stands in a job's document, not in a query.
    fileprivate var isOfDocument: Bool {
        switch self {
        case .priority, .maxAttempts, .labels: true
        case .limit, .events: false
        }
    }
}

extension String {
    /// What an error quotes of a caller's text: 40 characters at most. JSON escapes what is not to be seen.
    fileprivate var excerpt: String { count > 40 ? prefix(40) + "…" : self }
}
