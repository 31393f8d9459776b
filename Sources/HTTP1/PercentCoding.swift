// Percent-encoding, RFC 3986 §2.1 and §6.2.2: checked when a head is parsed, decoded exactly once.

/// Checks and decodes `%XX`.
package enum PercentCoding {
    /// Whether `bytes` holds only characters of `literal` and well-formed escapes.
    static func isValid(_ bytes: some Collection<UInt8>, literal: ByteSet) -> Bool {
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == Byte.percent {
                guard popEscape(&rest) != nil else { return false }
            } else if !literal.contains(byte) {
                return false
            }
        }
        return true
    }

    /// The two digits behind a percent sign as the byte they stand for.
    static func popEscape<Bytes: Collection<UInt8>>(_ rest: inout Bytes) -> UInt8? where Bytes.SubSequence == Bytes {
        guard let high = rest.popFirst()?.hexadecimalValue, let low = rest.popFirst()?.hexadecimalValue else {
            return nil
        }
        return high << 4 | low
    }

    /// One path segment with its escapes decoded; nil when the result is not UTF-8.
    package static func decodedSegment(_ segment: some StringProtocol) -> String? {
        guard segment.utf8.contains(Byte.percent) else { return String(segment) }
        return String(validating: decoded(Array(segment.utf8)), as: UTF8.self)
    }

    /// A name or value of a query.
    static func decodedForm(_ text: some Collection<UInt8>) -> String {
        String(decoding: decoded(text.map { $0 == UInt8(ascii: "+") ? Byte.space : $0 }), as: UTF8.self)
    }

    /// Escapes that are not well formed stay as they are: their text was checked when it came in.
    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            var afterEscape = rest
            if byte == Byte.percent, let value = popEscape(&afterEscape) {
                output.append(value)
                rest = afterEscape
            } else {
                output.append(byte)
            }
        }
        return output
    }
}

/// Normalises the path of a target.
enum PathNormaliser {
    private static let upperCaseDigits = Array("0123456789ABCDEF".utf8)

    /// The path with dot segments removed and its escapes in normal form; nil when it is outside the grammar. A path
    /// that is normal already, the common case, is recognised in one pass. Dot segments above the root end at the
    /// root.
    static func normalise(_ path: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        guard !path.isEmpty else { return "/" }
        if isNormal(path) { return String(decoding: path, as: UTF8.self) }
        var segments: [[UInt8]] = []
        var endsInDots = false
        for raw in path.dropFirst().split(separator: Byte.slash, omittingEmptySubsequences: false) {
            guard let segment = normalisedSegment(raw) else { return nil }
            endsInDots = segment == [Byte.dot] || segment == [Byte.dot, Byte.dot]
            if !endsInDots {
                segments.append(segment)
            } else if segment.count == 2 {
                _ = segments.popLast()
            }
        }
        if endsInDots { segments.append([]) }
        return String(decoding: segments.flatMap { [Byte.slash] + $0 }, as: UTF8.self)
    }

    /// No escape, no segment that begins with a dot, nothing outside the grammar.
    private static func isNormal(_ path: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var previous: UInt8 = 0
        for byte in path {
            if byte == Byte.dot && previous == Byte.slash { return false }
            if byte != Byte.slash && !ByteSet.pathSegment.contains(byte) { return false }
            previous = byte
        }
        return true
    }

    private static func normalisedSegment(_ segment: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = segment
        while let byte = rest.popFirst() {
            if byte != Byte.percent {
                guard ByteSet.pathSegment.contains(byte) else { return nil }
                output.append(byte)
                continue
            }
            guard let value = PercentCoding.popEscape(&rest), value >= Byte.space, value != Byte.delete else {
                return nil
            }
            if ByteSet.unreserved.contains(value) {
                output.append(value)
            } else {
                output += [Byte.percent, upperCaseDigits[Int(value >> 4)], upperCaseDigits[Int(value & 15)]]
            }
        }
        return output
    }
}
