// The value of Host and the authority of a target, RFC 3986 §3.2 without user information, RFC 9110 §7.2.

/// Checks `host [":" port]`.
enum Authority {
    /// Whether `bytes` is a host that is not empty, and a port of at most 65535 or none. User information is refused:
    /// RFC 9110 §4.2.4 has it only to mislead.
    static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.first else { return false }
        if first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let inside = UnsafeBufferPointer(rebasing: bytes[1..<end])
            return isAddressLiteral(inside) && isPortSuffix(bytes[(end + 1)...])
        }
        let end = bytes.firstIndex(of: Byte.colon) ?? bytes.endIndex
        return end > 0 && isRegisteredName(bytes[..<end]) && isPortSuffix(bytes[end...])
    }

    /// Whether `bytes` is an authority with an explicit port, as CONNECT wants it.
    static func isValidWithPort(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard isValid(bytes), let colon = bytes.lastIndex(of: Byte.colon) else { return false }
        return colon + 1 < bytes.count && bytes[(colon + 1)...].allSatisfy { $0.decimalValue != nil }
    }

    private static func isRegisteredName(_ name: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var rest = name
        while let byte = rest.popFirst() {
            if byte == Byte.percent {
                guard rest.popFirst()?.hexadecimalValue != nil, rest.popFirst()?.hexadecimalValue != nil else {
                    return false
                }
            } else if !ByteSet.registeredName.contains(byte) {
                return false
            }
        }
        return true
    }

    /// IPv6 in the shape of its grammar: up to eight groups of at most four digits, `::` at most once, at its end
    /// perhaps a dotted IPv4 address. `IPvFuture` names nothing that exists and is refused.
    private static func isAddressLiteral(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count >= 2, bytes.allSatisfy(ByteSet.addressLiteral.contains) else { return false }
        let text = String(decoding: bytes, as: UTF8.self)
        let halves = text.ranges(of: "::")
        guard halves.count <= 1, !text.contains(":::") else { return false }
        var groups: [Substring] = []
        for half in text.split(separator: "::", omittingEmptySubsequences: true) {
            groups += half.split(separator: ":", omittingEmptySubsequences: false)
        }
        guard let words = wordCount(of: groups) else { return false }
        return halves.isEmpty ? words == 8 : words <= 7
    }

    /// The number of 16-bit words that `groups` stand for; nil when one of them is malformed.
    private static func wordCount(of groups: [Substring]) -> Int? {
        var words = 0
        for (index, group) in groups.enumerated() {
            if group.contains(".") {
                guard index == groups.count - 1, isDottedAddress(group) else { return nil }
                words += 2
            } else {
                guard (1...4).contains(group.utf8.count) else { return nil }
                words += 1
            }
        }
        return words
    }

    private static func isDottedAddress(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { $0.utf8.count <= 3 && (Int($0).map { (0...255).contains($0) } ?? false) }
    }

    private static func isPortSuffix(_ suffix: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard let colon = suffix.first else { return true }
        let digits = suffix.dropFirst()
        guard colon == Byte.colon, digits.count <= 5 else { return false }
        let port = digits.reduce(Int?.some(0)) { port, byte in
            guard let port, let digit = byte.decimalValue else { return nil }
            return port * 10 + Int(digit)
        }
        return port.map { $0 <= 65_535 } ?? false
    }
}
