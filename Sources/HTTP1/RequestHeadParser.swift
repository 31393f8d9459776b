// Request head parsing, RFC 9112 §2-5. Strict: what the RFC lets a server reject, this rejects.

/// An incremental parser of one request head.
///
/// Feed it the bytes from the head's first one on; between calls they may only grow. Each byte is scanned once for line
/// ends and once when its line is complete: the cost of a head is linear in its length, in whatever pieces it came.
package struct RequestHeadParser: Sendable {
    /// What the bytes so far amount to.
    package enum Progress: Equatable {
        case needsMore
        /// The head, and how many bytes it took, an empty line before it included.
        case complete(RequestHead, length: Int)
    }

    private struct RequestLine {
        let method: RequestMethod
        let version: HTTPVersion
        let target: RequestTarget
        let rawTarget: Range<Int>
    }

    private let limits: HTTPLimits
    private var scanner = LineScanner()
    /// Bytes of the one empty line that may precede a request line (RFC 9112 §2.2).
    private var leadingBytes = 0
    private var requestLine: RequestLine?
    private var entries: [Fields.Entry] = []

    /// - Parameter limits: bounds on line, field, head and field count.
    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Whether any byte of a request line has been seen.
    package var hasBegun: Bool { requestLine != nil || scanner.scanned > leadingBytes }

    /// Looks at what is new in `input`.
    ///
    /// - Throws: ``RequestError``; the parser is of no further use then.
    package mutating func parse(_ input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Progress {
        while let line = try nextLine(in: input) {
            if requestLine == nil {
                try readRequestLine(line, in: input)
            } else if line.isEmpty {
                return .complete(try makeHead(in: input), length: scanner.lineStart)
            } else {
                guard entries.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
                entries.append(try FieldLine.parse(line, in: input))
            }
        }
        return .needsMore
    }

    private mutating func nextLine(in input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Range<Int>? {
        let isFirst = requestLine == nil
        return try scanner.nextLine(
            in: input, lineLimit: isFirst ? limits.requestLineBytes : limits.fieldBytes,
            tooLong: isFirst
                ? .requestLineTooLong(limit: limits.requestLineBytes) : .fieldTooLong(limit: limits.fieldBytes),
            sectionLimit: leadingBytes + limits.headBytes, sectionTooLong: .headTooLarge(limit: limits.headBytes))
    }

    /// `method SP request-target SP HTTP-version`, single spaces, nothing else.
    private mutating func readRequestLine(
        _ line: Range<Int>, in input: UnsafeBufferPointer<UInt8>
    ) throws(RequestError) {
        if line.isEmpty, leadingBytes == 0 {
            leadingBytes = scanner.lineStart
            return
        }
        var methodEnd = line.lowerBound
        while methodEnd < line.upperBound, ByteSet.token.contains(input[methodEnd]) { methodEnd += 1 }
        guard methodEnd > line.lowerBound, methodEnd < line.upperBound, input[methodEnd] == Byte.space else {
            throw .malformedRequestLine
        }
        let targetStart = methodEnd + 1
        guard let targetEnd = input[targetStart..<line.upperBound].firstIndex(of: Byte.space),
            targetEnd > targetStart
        else { throw .malformedRequestLine }
        let method = RequestMethod(token: UnsafeBufferPointer(rebasing: input[line.lowerBound..<methodEnd]))
        let version = try Self.version(of: UnsafeBufferPointer(rebasing: input[(targetEnd + 1)..<line.upperBound]))
        let target = try RequestTarget(
            UnsafeBufferPointer(rebasing: input[targetStart..<targetEnd]), method: method)
        requestLine = RequestLine(
            method: method, version: version, target: target, rawTarget: targetStart..<targetEnd)
        entries.reserveCapacity(8)
    }

    /// `HTTP/` digit `.` digit, in capitals.
    private static func version(of bytes: UnsafeBufferPointer<UInt8>) throws(RequestError) -> HTTPVersion {
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), let major = bytes[5].decimalValue,
            bytes[6] == Byte.dot, let minor = bytes[7].decimalValue
        else { throw .invalidVersion }
        if major >= 2 { throw .unsupportedVersion }
        if major == 0 { throw .invalidVersion }
        return minor == 0 ? .http10 : .http11
    }

    private func makeHead(in input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> RequestHead {
        guard let requestLine else { throw .malformedRequestLine }
        let semantics = try MessageSemantics(of: entries, in: input, version: requestLine.version)
        let storage = Array(input[..<scanner.lineStart])
        return RequestHead(
            method: requestLine.method, target: requestLine.target, version: requestLine.version,
            fields: Fields(storage: storage, entries: entries), framing: semantics.framing,
            rawTarget: String(decoding: input[requestLine.rawTarget], as: UTF8.self),
            allowsReuse: semantics.allowsReuse, expectsContinue: semantics.expectsContinue)
    }
}
