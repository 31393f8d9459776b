// The bytes of a request's body by its framing, RFC 9112 §6.2 and §7.1.

/// Takes a body apart, in whatever pieces it comes.
struct BodyDecoder: Sendable {
    /// What one look at the input gave.
    enum Step: Equatable {
        case needsMore
        /// `skip` bytes of framing, then `count` bytes of content.
        case content(skip: Int, count: Int)
        /// The body is over; `consumed` bytes of framing ended it.
        case end(trailers: Fields, consumed: Int)
    }

    private enum Form {
        case counted(remaining: Int)
        case chunked(ChunkedDecoder)
    }

    private var form: Form

    /// nil when there is no body.
    init?(framing: BodyFraming, limits: HTTPLimits) {
        switch framing {
        case .none, .length(0): return nil
        case .length(let count): form = .counted(remaining: count)
        case .chunked: form = .chunked(ChunkedDecoder(limits: limits))
        }
    }

    /// Bytes still to come when the framing tells; nil for chunks.
    var remaining: Int? {
        switch form {
        case .counted(let remaining): remaining
        case .chunked: nil
        }
    }

    /// Looks at `input`, which begins where the last step ended.
    ///
    /// - Parameter limit: bytes of content in one step at most.
    mutating func decode(
        _ input: UnsafeBufferPointer<UInt8>, atMost limit: Int = .max
    ) throws(RequestError) -> Step {
        switch form {
        case .counted(let remaining):
            if remaining == 0 { return .end(trailers: Fields(), consumed: 0) }
            guard !input.isEmpty else { return .needsMore }
            let count = min(remaining, input.count, limit)
            form = .counted(remaining: remaining - count)
            return .content(skip: 0, count: count)
        case .chunked(var decoder):
            defer { form = .chunked(decoder) }
            return try decoder.decode(input, atMost: limit)
        }
    }
}

/// The chunked coding. A size is hexadecimal digits and nothing else; extensions are bounded, checked and ignored; trailers are
/// bounded and kept apart.
struct ChunkedDecoder: Sendable {
    private enum State {
        case size
        case content(remaining: Int)
        case contentEnd
        case trailers
    }

    private let limits: HTTPLimits
    private var state = State.size
    private var scanner = LineScanner()
    private var extensionBytes = 0
    private var trailers: [Fields.Entry] = []

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    mutating func decode(
        _ input: UnsafeBufferPointer<UInt8>, atMost limit: Int = .max
    ) throws(RequestError) -> BodyDecoder.Step {
        var skip = 0
        while true {
            let rest = UnsafeBufferPointer(rebasing: input[skip...])
            switch state {
            case .size:
                guard let used = try readSize(rest) else { return .waiting(after: skip) }
                skip += used
            case .content(let remaining):
                guard !rest.isEmpty else { return .waiting(after: skip) }
                let count = min(remaining, rest.count, limit)
                state = count == remaining ? .contentEnd : .content(remaining: remaining - count)
                return .content(skip: skip, count: count)
            case .contentEnd:
                guard try readContentEnd(rest) else { return .waiting(after: skip) }
                skip += 2
            case .trailers:
                guard let (fields, used) = try readTrailers(rest) else { return .waiting(after: skip) }
                return .end(trailers: fields, consumed: skip + used)
            }
        }
    }

    /// The bytes of a complete chunk-size line; nil when more are needed.
    private mutating func readSize(_ input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Int? {
        let limit = limits.chunkLineBytes
        let line = try scanner.nextLine(
            in: input, lineLimit: limit, tooLong: .chunkLineTooLong(limit: limit), sectionLimit: limit + 2,
            sectionTooLong: .chunkLineTooLong(limit: limit))
        guard let line else { return nil }
        let used = scanner.lineStart
        scanner = LineScanner()
        let size = try chunkSize(UnsafeBufferPointer(rebasing: input[line]))
        state = size == 0 ? .trailers : .content(remaining: size)
        return used
    }

    private mutating func chunkSize(_ line: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Int {
        var size = 0
        var index = 0
        while index < line.count, let digit = line[index].hexadecimalValue {
            guard size <= Int.max >> 4 else { throw .invalidChunkSize }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0, index == line.count || line[index] == Byte.semicolon else { throw .invalidChunkSize }
        extensionBytes += line.count - index
        guard extensionBytes <= limits.chunkExtensionBytes else {
            throw .chunkExtensionsTooLong(limit: limits.chunkExtensionBytes)
        }
        guard ChunkExtensions.isWellFormed(line[index...]) else { throw .invalidChunkExtension }
        return size
    }

    private mutating func readContentEnd(_ input: UnsafeBufferPointer<UInt8>) throws(RequestError) -> Bool {
        if let first = input.first, first != Byte.carriageReturn { throw .chunkNotTerminated }
        guard input.count >= 2 else { return false }
        guard input[1] == Byte.lineFeed else { throw .bareCarriageReturn }
        state = .size
        return true
    }

    private mutating func readTrailers(
        _ input: UnsafeBufferPointer<UInt8>
    ) throws(RequestError) -> (Fields, used: Int)? {
        let limit = limits.trailerBytes
        while let line = try scanner.nextLine(
            in: input, lineLimit: limits.fieldBytes, tooLong: .fieldTooLong(limit: limits.fieldBytes),
            sectionLimit: limit, sectionTooLong: .trailersTooLarge(limit: limit))
        {
            if line.isEmpty {
                let used = scanner.lineStart
                return (Fields(storage: Array(input[..<used]), entries: trailers), used)
            }
            guard trailers.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
            trailers.append(try FieldLine.parse(line, in: input))
        }
        return nil
    }
}

extension BodyDecoder.Step {
    /// Framing alone was used up: content of no bytes tells the caller to drop it.
    fileprivate static func waiting(after skip: Int) -> Self {
        skip == 0 ? .needsMore : .content(skip: skip, count: 0)
    }
}
