// Blocks of addresses as `10.0.0.0/8` writes them, RFC 4632 and RFC 4291 §2.3.
import Glibc

/// All addresses that begin with the same bits.
package struct AddressBlock: Equatable, Sendable {
    private let bytes: [UInt8]
    private let prefix: Int

    /// Reads `address/bits`, or one address.
    ///
    /// - Returns: nil for anything else; bits behind the prefix are not looked at.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let bytes = Self.bytes(of: String(parts[0])) else { return nil }
        self.bytes = bytes
        guard parts.count == 2 else {
            prefix = bytes.count * 8
            return
        }
        guard parts[1].allSatisfy(\.isWholeNumber), let prefix = Int(parts[1]), prefix <= bytes.count * 8 else {
            return nil
        }
        self.prefix = prefix
    }

    /// Whether `host`, numeric, lies in the block. An IPv4 address in an IPv6 socket's form is the IPv4 address.
    package func contains(_ host: String) -> Bool {
        guard let other = Self.bytes(of: host), other.count == bytes.count else { return false }
        return (0..<prefix).allSatisfy { bit in
            (bytes[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }

    private static func bytes(of host: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        guard inet_pton(AF_INET6, host, &six) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: six) { Array($0) }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes[12...]) : bytes
    }
}
