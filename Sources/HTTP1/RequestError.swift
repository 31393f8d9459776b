// Everything that can be wrong with the bytes of a request, and the status each fault is answered with.

/// A fault of a request as it came over the wire. Every one of them ends the connection after its answer.
package enum RequestError: Error, Hashable, Sendable {
    case bareCarriageReturn
    case bareLineFeed
    case controlByte(UInt8)
    case malformedRequestLine
    case invalidVersion
    case unsupportedVersion
    case invalidTarget
    case requestLineTooLong(limit: Int)
    case fieldTooLong(limit: Int)
    case headTooLarge(limit: Int)
    case tooManyFields(limit: Int)
    case foldedField
    case invalidFieldName
    case missingHost
    case severalHosts
    case invalidHost
    case invalidContentLength
    case severalContentLengths
    case contentLengthWithTransferCoding
    case invalidTransferCoding
    case unsupportedTransferCoding
    case transferCodingInHTTP10
    case unknownExpectation
    case invalidChunkSize
    case invalidChunkExtension
    case chunkLineTooLong(limit: Int)
    case chunkExtensionsTooLong(limit: Int)
    case chunkNotTerminated
    case trailersTooLarge(limit: Int)
    /// The peer ended its side inside a request.
    case incomplete
    case headTimeout
    case bodyTooSlow

    /// What the fault is answered with.
    package var status: Status {
        switch self {
        case .unsupportedVersion: .versionNotSupported
        case .requestLineTooLong: .uriTooLong
        case .fieldTooLong, .headTooLarge, .tooManyFields, .trailersTooLarge: .fieldsTooLarge
        case .unsupportedTransferCoding: .notImplemented
        case .unknownExpectation: .expectationFailed
        case .headTimeout, .bodyTooSlow: .requestTimeout
        case .bareCarriageReturn, .bareLineFeed, .controlByte, .malformedRequestLine, .invalidVersion, .invalidTarget,
            .foldedField, .invalidFieldName, .missingHost, .severalHosts, .invalidHost, .invalidContentLength,
            .severalContentLengths, .contentLengthWithTransferCoding, .invalidTransferCoding, .transferCodingInHTTP10,
            .invalidChunkSize, .invalidChunkExtension, .chunkLineTooLong, .chunkExtensionsTooLong, .chunkNotTerminated,
            .incomplete:
            .badRequest
        }
    }
}
