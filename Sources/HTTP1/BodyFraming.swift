// How a request's body is delimited, RFC 9112 §6, and what else its head says about the connection, §9.
// Decided once, from one pass over the fields; whatever two recipients could read differently is refused.

/// The end of a request's body.
package enum BodyFraming: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
}

/// What the fields of a head say about the message and its connection.
struct MessageSemantics: Equatable {
    var framing = BodyFraming.none
    var allowsReuse = true
    var expectsContinue = false

    /// - Throws: ``RequestError`` for every ambiguity of framing, and for a missing, repeated or invalid Host.
    init(
        of entries: [Fields.Entry], in bytes: UnsafeBufferPointer<UInt8>, version: HTTPVersion
    ) throws(RequestError) {
        var evidence = Evidence()
        for entry in entries {
            try evidence.note(name: bytes.slice(entry.name), value: bytes.slice(entry.value), version: version)
        }
        if version == .http11, !evidence.hasHost { throw .missingHost }
        if evidence.hasTransferCoding, version == .http10 { throw .transferCodingInHTTP10 }
        if evidence.hasTransferCoding, evidence.contentLength != nil { throw .contentLengthWithTransferCoding }
        if evidence.hasTransferCoding {
            try evidence.checkTransferCodings()
            framing = .chunked
        } else if let length = evidence.contentLength {
            framing = .length(length)
        }
        allowsReuse = !evidence.asksForClose && (version == .http11 || evidence.asksForKeepAlive)
        expectsContinue = evidence.expectsContinue && framing != .none && framing != .length(0)
    }
}

/// What one pass over the fields has seen.
private struct Evidence {
    var hasHost = false
    var contentLength: Int?
    /// In lower case, byte by byte: as text, a Kelvin sign is a k, and `chun\u{212A}ed` would be chunked to us alone.
    var transferCodings: [[UInt8]] = []
    var hasTransferCoding = false
    var asksForClose = false
    var asksForKeepAlive = false
    var expectsContinue = false

    mutating func note(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, version: HTTPVersion
    ) throws(RequestError) {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            if hasHost { throw .severalHosts }
            guard Authority.isValid(value) else { throw .invalidHost }
            hasHost = true
        case 6 where name.equalsIgnoringCase("expect"):
            try noteExpectation(value, version: version)
        case 10 where name.equalsIgnoringCase("connection"):
            noteConnection(value)
        case 14 where name.equalsIgnoringCase("content-length"):
            if contentLength != nil { throw .severalContentLengths }
            guard let length = value.decimalLength else { throw .invalidContentLength }
            contentLength = length
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            hasTransferCoding = true
            transferCodings += value.split(separator: Byte.comma, omittingEmptySubsequences: false)
                .map { UnsafeBufferPointer(rebasing: $0).trimmed.map(\.lowercased) }
        default:
            break
        }
    }

    /// Any other expectation is one this server cannot meet. HTTP/1.0 has no expectations: ignored there.
    private mutating func noteExpectation(
        _ value: UnsafeBufferPointer<UInt8>, version: HTTPVersion
    ) throws(RequestError) {
        guard version == .http11 else { return }
        guard value.equalsIgnoringCase("100-continue") else { throw .unknownExpectation }
        expectsContinue = true
    }

    private mutating func noteConnection(_ value: UnsafeBufferPointer<UInt8>) {
        for option in value.split(separator: Byte.comma) {
            let option = UnsafeBufferPointer(rebasing: option).trimmed
            if option.equalsIgnoringCase("close") { asksForClose = true }
            if option.equalsIgnoringCase("keep-alive") { asksForKeepAlive = true }
        }
    }

    /// Only `chunked`, once and alone, is understood. A list that properly ends in chunked but begins with another
    /// coding is honest and unsupported (501); everything else has no reliable end (400).
    func checkTransferCodings() throws(RequestError) {
        let chunked = Array("chunked".utf8)
        guard transferCodings.last == chunked else { throw .invalidTransferCoding }
        let others = transferCodings.dropLast()
        if others.isEmpty { return }
        let areTokens = others.allSatisfy { !$0.isEmpty && $0.allSatisfy(ByteSet.token.contains) }
        throw areTokens && !others.contains(chunked) ? .unsupportedTransferCoding : .invalidTransferCoding
    }
}

extension UnsafeBufferPointer<UInt8> {
    func slice(_ range: Range<UInt32>) -> Self {
        Self(rebasing: self[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    /// - Parameter name: lower case.
    func equalsIgnoringCase(_ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount else { return false }
        return indices.allSatisfy { self[$0].lowercased == name.utf8Start[$0] }
    }

    func equalsIgnoringCase(_ other: Self) -> Bool {
        guard count == other.count else { return false }
        return indices.allSatisfy { self[$0] == other[$0] || self[$0].lowercased == other[$0].lowercased }
    }

    /// Without spaces and tabs at either end.
    var trimmed: Self {
        var range = startIndex..<endIndex
        while let first = range.first, self[first].isBlank { range = (first + 1)..<range.upperBound }
        while let last = range.last, self[last].isBlank { range = range.lowerBound..<last }
        return Self(rebasing: self[range])
    }

    /// `1*DIGIT` that fits an `Int`; nil for a sign, a list, blanks, another base, nothing, or an overflow.
    fileprivate var decimalLength: Int? {
        guard !isEmpty else { return nil }
        var length = 0
        for byte in self {
            guard let digit = byte.decimalValue else { return nil }
            let (product, overflowed) = length.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int(digit))
            if overflowed || carried { return nil }
            length = sum
        }
        return length
    }
}

extension UInt8 {
    var isBlank: Bool { self == Byte.space || self == Byte.horizontalTab }
}
