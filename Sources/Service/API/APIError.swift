// What the endpoints refuse, and the kinds of problem that a caller sees. RFC 9457 §3.1.1 wants a type for each.
import DataFormats
import HTTP1
import JobQueue
import ProblemSpecification

/// The kinds of problem. The raw value is the last part of `type`, and of the page that it resolves to.
package enum ProblemType: String, CaseIterable, Sendable {
    case malformedRequest = "malformed-request"
    case malformedJSON = "malformed-json"
    case invalidParameter = "invalid-parameter"
    case unauthorized
    case missingScope = "missing-scope"
    case forbiddenHost = "forbidden-host"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case requestTimeout = "request-timeout"
    case resultNotReady = "result-not-ready"
    case noResult = "no-result"
    case invalidState = "invalid-state"
    case gone
    case datasetInUse = "dataset-in-use"
    case lengthRequired = "length-required"
    case preconditionFailed = "precondition-failed"
    case contentTooLarge = "content-too-large"
    case rangeNotSatisfiable = "range-not-satisfiable"
    case uriTooLong = "uri-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case expectationFailed = "expectation-failed"
    case validationFailed = "validation-failed"
    case idempotencyKeyReused = "idempotency-key-reused"
    case digestMismatch = "digest-mismatch"
    case invalidDataset = "invalid-dataset"
    case tooManyRequests = "too-many-requests"
    case quotaExceeded = "quota-exceeded"
    case exceedsLimits = "exceeds-limits"
    case fieldsTooLarge = "fields-too-large"
    case internalError = "internal-error"
    case notImplemented = "not-implemented"
    case queueFull = "queue-full"
    case draining
    case storage
    case overloaded
    case admissionUnavailable = "admission-unavailable"
    case tooManyWaits = "too-many-waits"
    case versionNotSupported = "version-not-supported"
    case insufficientStorage = "insufficient-storage"

    /// The status of an answer with this problem.
    package var status: Status {
        switch self {
        case .malformedRequest, .malformedJSON, .invalidParameter: .badRequest
        case .unauthorized: .unauthorized
        case .forbiddenHost, .missingScope: .forbidden
        case .tooManyRequests, .quotaExceeded: .tooManyRequests
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .requestTimeout: .requestTimeout
        case .resultNotReady, .noResult, .invalidState, .datasetInUse: .conflict
        case .gone: .gone
        case .lengthRequired: .lengthRequired
        case .preconditionFailed: .preconditionFailed
        case .contentTooLarge: .contentTooLarge
        case .rangeNotSatisfiable: .rangeNotSatisfiable
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType: .unsupportedMediaType
        case .expectationFailed: .expectationFailed
        case .validationFailed, .idempotencyKeyReused, .digestMismatch, .invalidDataset, .exceedsLimits:
            .unprocessableContent
        case .fieldsTooLarge: .fieldsTooLarge
        case .internalError: .internalServerError
        case .notImplemented: .notImplemented
        case .queueFull, .draining, .storage, .overloaded, .admissionUnavailable, .tooManyWaits: .serviceUnavailable
        case .versionNotSupported: .versionNotSupported
        case .insufficientStorage: .insufficientStorage
        }
    }

    /// A sentence that does not change from occurrence to occurrence.
    package var title: String {
        switch self {
        case .malformedRequest: "The request is not well-formed HTTP."
        case .malformedJSON: "The body is not well-formed JSON."
        case .invalidParameter: "A parameter of the request has no meaning here."
        case .unauthorized: "The request carries no key that opens anything."
        case .missingScope: "The key does not open this."
        case .tooManyRequests: "The key asks too often."
        case .quotaExceeded: "The owner has used up what the key allows."
        case .forbiddenHost: "The service does not answer to this host name."
        case .notFound: "There is nothing here."
        case .methodNotAllowed: "The resource does not have this method."
        case .notAcceptable: "None of the accepted media types is offered."
        case .requestTimeout: "The request did not arrive in time."
        case .resultNotReady: "The job has not ended yet."
        case .noResult: "The job has ended without a result."
        case .invalidState: "The state of the job does not allow this."
        case .gone: "What was asked for has been deleted."
        case .datasetInUse: "Jobs work on the data set."
        case .lengthRequired: "The request has no body, or does not say how long it is."
        case .preconditionFailed: "What the request is about has changed since it was read."
        case .contentTooLarge: "The body is too large."
        case .rangeNotSatisfiable: "The content has no such part."
        case .uriTooLong: "The request line is too long."
        case .unsupportedMediaType: "The body has a media type that is not taken."
        case .expectationFailed: "The expectation is not known."
        case .validationFailed: "The document has faults."
        case .idempotencyKeyReused: "The idempotency key came with another body before."
        case .digestMismatch: "The content is not what its digest says."
        case .invalidDataset: "The bytes are no data set of their format."
        case .exceedsLimits: "The document is too large or too costly to be checked."
        case .fieldsTooLarge: "The head of the request is too large."
        case .internalError: "The service has made a mistake."
        case .notImplemented: "Nothing here implements this."
        case .queueFull: "The queue is full."
        case .draining: "The service is shutting down."
        case .storage: "The storage does not work at the moment."
        case .overloaded: "The service has too much to do at the moment."
        case .admissionUnavailable: "Nobody is free to check the document."
        case .tooManyWaits: "Too many requests wait already."
        case .versionNotSupported: "The version of HTTP is not spoken here."
        case .insufficientStorage: "The disk is full."
        }
    }
}

/// Why an endpoint refuses a request.
enum APIError: Error, Equatable {
    case malformedJSON(JSONError)
    case unknownParameter(String, suggestion: String?, known: [String])
    case repeatedParameter(String)
    case invalidParameter(String, wanted: String, found: String)
    case notAcceptable(offered: [String])
    /// The Content-Type that came, if any.
    case unsupportedMediaType(String?)
    case forbiddenHost(String)
    /// If-Match names other revisions than the job's.
    case preconditionFailed(found: Int64)
    /// The file of a checkpoint has been removed with the end of its job.
    case checkpointGone(JobID, String)
    case unauthorized(CredentialFault)
    case missingScope(AccessScope)
    /// A request that needs a body has neither Content-Length nor chunks.
    case lengthRequired
    case tooManyRequests(perMinute: Int, retryAfter: Int)
    /// The Content-Type of an upload, if any.
    case unsupportedDataset(String?)
    case emptyDataset
    /// What the reader of the format says.
    case notADataset(DatasetFormat, String)
    case digestMismatch(DigestAlgorithm)
    /// If-Match names other bytes than those that are there.
    case contentChanged
    case unsatisfiableRange(length: Int)
    case tooManyUploads(limit: Int)
    /// An upload would leave less free than is kept.
    case diskFull
    /// A file that the document needs has gone while it was checked.
    case datasetGone
    /// What was looked for, in words.
    case notFound(String)
    case resultNotReady(JobID, JobState)
    case noResult(JobID, JobState, hasPartial: Bool)
    /// The faults, as the admission desk gives them.
    case validationFailed([JSONValue])
    case exceedsLimits(String)
    case admissionUnavailable(String)
    case queueFull(limit: Int)
    case draining
    case tooManyWaits(limit: Int)
}
