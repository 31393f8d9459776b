// What a problem says of bytes that could not be read as a request: what is wanted, and where that is written. Never what the
// peer sent.
import HTTP1

extension RequestError {
    /// A sentence for whoever sent the request, or stands in between.
    var sentence: String {
        switch self {
        case .bareCarriageReturn: "a carriage return came without a line feed behind it (RFC 9112 §2.2)"
        case .bareLineFeed: "a line feed came without a carriage return before it (RFC 9112 §2.2)"
        case .controlByte(let byte): "the control character \(byte) came where text is wanted (RFC 9110 §5.5)"
        case .malformedRequestLine:
            "a request begins with a method, a target and HTTP/1.1, one space between them (RFC 9112 §3)"
        case .invalidVersion: "the version is written HTTP/1.1 or HTTP/1.0 (RFC 9112 §2.3)"
        case .unsupportedVersion: "HTTP/1.1 and HTTP/1.0 are spoken here (RFC 9110 §15.6.6)"
        case .invalidTarget:
            "a target is a path with perhaps a query, an http or https URL without user and fragment, or * with "
                + "OPTIONS; % is followed by two hexadecimal digits that stand for no control character (RFC 9112 §3.2)"
        case .foldedField: "a field goes on in the next line (RFC 9112 §5.2)"
        case .invalidFieldName: "a field line begins with a name of token characters and a colon (RFC 9112 §5.1)"
        case .missingHost: "Host is missing (RFC 9112 §3.2)"
        case .severalHosts: "Host came more than once (RFC 9112 §3.2)"
        case .invalidHost: "Host is a name or an address, and perhaps a port (RFC 9110 §7.2)"
        case .invalidContentLength: "Content-Length is decimal digits and nothing else (RFC 9112 §6.3)"
        case .severalContentLengths: "Content-Length came more than once (RFC 9112 §6.3)"
        case .contentLengthWithTransferCoding: "Content-Length came with Transfer-Encoding (RFC 9112 §6.3)"
        case .invalidTransferCoding: "Transfer-Encoding is chunked and nothing else (RFC 9112 §6.1)"
        case .unsupportedTransferCoding: "of transfer codings only chunked is known (RFC 9112 §6.1)"
        case .transferCodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding (RFC 9112 §6.1)"
        case .invalidChunkSize: "a chunk begins with its size in hexadecimal digits (RFC 9112 §7.1)"
        case .invalidChunkExtension: "a chunk extension is ;name, ;name=token or ;name=\"text\" (RFC 9112 §7.1.1)"
        case .chunkNotTerminated: "a chunk ends with CR and LF right behind its content (RFC 9112 §7.1)"
        case .incomplete: "the connection ended inside the request (RFC 9112 §8)"
        case .unknownExpectation: "of expectations only 100-continue is met (RFC 9110 §10.1.1)"
        case .headTimeout: "the head did not come in time"
        case .bodyTooSlow: "the body came too slowly"
        case .requestLineTooLong(let limit): "a request line has at most \(limit) bytes"
        case .fieldTooLong(let limit): "a field line has at most \(limit) bytes"
        case .headTooLarge(let limit): "a head has at most \(limit) bytes"
        case .tooManyFields(let limit): "a head has at most \(limit) field lines"
        case .trailersTooLarge(let limit): "a trailer section has at most \(limit) bytes"
        case .chunkLineTooLong(let limit): "a chunk-size line has at most \(limit) bytes"
        case .chunkExtensionsTooLong(let limit): "the chunk extensions of a body have at most \(limit) bytes"
        }
    }
}
