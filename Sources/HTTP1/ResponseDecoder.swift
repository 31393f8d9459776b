// A client's side of one answer as pure decisions: bytes in, head and content out. RFC 9112 §4 and §6.3. As strict as the
// server is with requests: an answer that two readers could delimit differently is refused.

/// What is wrong with the bytes of an answer.
package enum ResponseError: Error, Hashable, Sendable {
    case malformedStatusLine
    /// HTTP/2 and up, or older than 1.0.
    case unsupportedVersion
    case invalidContentLength
    case unsupportedTransferCoding
    /// Fields or chunks that would be refused in a request too.
    case syntax(RequestError)
    /// The connection ended inside the answer.
    case incomplete
    /// More than this many heads of status 1xx came first.
    case tooManyInterimAnswers(limit: Int)
}

/// Status and fields of an answer that was received.
package struct ReceivedHead: Equatable, Sendable {
    /// 200 to 599.
    package let statusCode: Int
    /// As they came.
    package let fields: Fields
}

/// Takes one answer apart, in whatever pieces it comes.
package struct ResponseDecoder: Sendable {
    /// What the bytes so far amount to.
    package enum Event: Equatable, Sendable {
        case needsMore
        case head(ReceivedHead)
        /// Not empty.
        case content([UInt8])
        case end
    }

    private enum State {
        case head
        case body(BodyDecoder)
        case untilClose
        case ended
    }

    private static let interimAnswers = 8
    private let limits: HTTPLimits
    private let isHead: Bool
    private var state = State.head
    private var head: PartialHead
    private var interim = 0
    private var input = InputBuffer()
    private var inputHasEnded = false

    /// - Parameters:
    ///   - method: of the request: an answer to HEAD has no content.
    ///   - limits: bounds on what is accepted.
    package init(method: RequestMethod, limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        isHead = method == .head
        head = PartialHead(limits: limits)
    }

    /// Takes bytes from the connection.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) { input.append(bytes) }

    /// The peer has ended its half.
    package mutating func receiveEndOfStream() { inputHasEnded = true }

    /// What comes next; `needsMore` when it takes more bytes.
    ///
    /// - Throws: ``ResponseError``; the decoder is of no further use then.
    package mutating func next() throws(ResponseError) -> Event {
        do throws(RequestError) {
            switch state {
            case .head: return try nextHead()
            case .body(let decoder): return try nextContent(decoder)
            case .untilClose: return restOfInput()
            case .ended: return .end
            }
        } catch RequestError.incomplete {
            throw .incomplete
        } catch {
            throw head.fault ?? .syntax(error)
        }
    }

    private mutating func nextHead() throws(RequestError) -> Event {
        while true {
            var partial = head
            defer { head = partial }
            let isComplete = try input.withUnread { (bytes) throws(RequestError) in try partial.parse(bytes) }
            guard isComplete else {
                if inputHasEnded { throw .incomplete }
                return .needsMore
            }
            input.consume(partial.byteCount)
            if let received = partial.received {
                try open(received, &partial)
                return .head(received)
            }
            interim += 1
            partial = PartialHead(limits: limits)
            if interim > Self.interimAnswers {
                partial.fault = .tooManyInterimAnswers(limit: Self.interimAnswers)
                throw .malformedRequestLine
            }
        }
    }

    private mutating func open(_ received: ReceivedHead, _ partial: inout PartialHead) throws(RequestError) {
        if isHead || received.statusCode == 204 || received.statusCode == 304 {
            state = .ended
            return
        }
        guard let framing = try partial.framing() else {
            state = .untilClose
            return
        }
        state = BodyDecoder(framing: framing, limits: limits).map(State.body) ?? .ended
    }

    private mutating func nextContent(_ decoder: BodyDecoder) throws(RequestError) -> Event {
        var decoder = decoder
        while true {
            let step = try input.withUnread { (bytes) throws(RequestError) in try decoder.decode(bytes) }
            switch step {
            case .needsMore:
                state = .body(decoder)
                if inputHasEnded { throw .incomplete }
                return .needsMore
            case .content(let skip, let count):
                let content = input.copy(from: skip, count: count)
                input.consume(skip + count)
                state = .body(decoder)
                if !content.isEmpty { return .content(content) }
            case .end(_, let consumed):
                input.consume(consumed)
                state = .ended
                return .end
            }
        }
    }

    private mutating func restOfInput() -> Event {
        guard !input.isEmpty else { return inputHasEnded ? .end : .needsMore }
        let content = input.copy(from: 0, count: input.count)
        input.clear()
        return .content(content)
    }
}

/// A head that comes in pieces.
private struct PartialHead: Sendable {
    private let limits: HTTPLimits
    private var scanner = LineScanner()
    private var statusCode: Int?
    private var entries: [Fields.Entry] = []
    private var fields = Fields()
    /// What is wrong in terms of answers, where that says more.
    var fault: ResponseError?

    init(limits: HTTPLimits) { self.limits = limits }

    /// Bytes of the complete head.
    var byteCount: Int { scanner.lineStart }

    /// The complete head; nil for one of status 1xx, which another follows.
    var received: ReceivedHead? {
        statusCode.flatMap { $0 < 200 ? nil : ReceivedHead(statusCode: $0, fields: fields) }
    }

    /// Whether the head is complete.
    mutating func parse(_ input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Bool {
        while let line = try scanner.nextLine(
            in: input, lineLimit: limits.fieldBytes, tooLong: .fieldTooLong(limit: limits.fieldBytes),
            sectionLimit: limits.headBytes, sectionTooLong: .headTooLarge(limit: limits.headBytes))
        {
            if statusCode == nil {
                statusCode = try readStatusLine(input[line])
            } else if line.isEmpty {
                fields = Fields(storage: Array(input[..<scanner.lineStart]), entries: entries)
                return true
            } else {
                guard entries.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
                entries.append(try FieldLine.parse(line, in: input))
            }
        }
        return false
    }

    /// `HTTP-version SP 3DIGIT [SP phrase]`.
    private mutating func readStatusLine(_ line: Slice<UnsafeBufferPointer<UInt8>>) throws(RequestError) -> Int {
        let bytes = UnsafeBufferPointer(rebasing: line)
        fault = .malformedStatusLine
        guard bytes.count >= 12, bytes.starts(with: "HTTP/".utf8), bytes[6] == Byte.dot, bytes[8] == Byte.space,
            bytes.count == 12 || bytes[12] == Byte.space, let major = bytes[5].decimalValue,
            bytes[7].decimalValue != nil
        else { throw .malformedRequestLine }
        if major != 1 {
            fault = .unsupportedVersion
            throw .unsupportedVersion
        }
        var code = 0
        for byte in bytes[9..<12] {
            guard let digit = byte.decimalValue else { throw .malformedRequestLine }
            code = code * 10 + Int(digit)
        }
        guard (100...599).contains(code) else { throw .malformedRequestLine }
        fault = nil
        return code
    }

    /// How the content is delimited; nil for the end of the connection.
    mutating func framing() throws(RequestError) -> BodyFraming? {
        let codings = fields.values(of: "transfer-encoding")
        let lengths = fields.values(of: "content-length")
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .contentLengthWithTransferCoding }
            // Byte by byte: as text, a Kelvin sign is a k.
            guard codings.count == 1, codings[0].utf8.map(\.lowercased) == Array("chunked".utf8) else {
                fault = .unsupportedTransferCoding
                throw .unsupportedTransferCoding
            }
            return .chunked
        }
        guard let text = lengths.first else { return nil }
        guard lengths.count == 1, !text.isEmpty, text.utf8.allSatisfy({ $0.decimalValue != nil }),
            let length = Int(text)
        else {
            fault = .invalidContentLength
            throw .invalidContentLength
        }
        return .length(length)
    }
}
