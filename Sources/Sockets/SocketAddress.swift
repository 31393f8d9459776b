// Addresses of IPv4 and IPv6 as values.
import Glibc

/// Where a socket is bound or connected.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The numeric host: dotted, or colons without brackets.
    package let host: String
    /// In host order.
    package let port: UInt16

    /// - Throws: ``SystemError`` (EINVAL) when `host` is not a numeric address.
    package init(host: String, port: UInt16) throws(SystemError) {
        self.host = host
        self.port = port
        guard native != nil else { throw SystemError(call: "inet_pton", code: EINVAL) }
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The kernel's form; nil when `host` is not numeric.
    private var native: NativeAddress? {
        var four = sockaddr_in()
        if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            return NativeAddress(copying: four)
        }
        var six = sockaddr_in6()
        guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        return NativeAddress(copying: six)
    }

    /// The kernel's form of an address that `init` has checked.
    func makeNative() throws(SystemError) -> NativeAddress {
        guard let native else { throw SystemError(call: "inet_pton", code: EINVAL) }
        return native
    }
}

/// A `sockaddr_storage` and how much of it counts.
struct NativeAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    init() {}

    init<Address>(copying address: Address) {
        length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: address) { target.copyMemory(from: $0) }
        }
    }

    var family: CInt { CInt(storage.ss_family) }

    /// Calls `body` with the address as system calls take it; they may write it.
    mutating func withPointer<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &length) { length in
            withUnsafeMutablePointer(to: &storage) { storage in
                storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
            }
        }
    }

    /// As a value; nil for a family other than IPv4 and IPv6.
    var address: SocketAddress? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let port: UInt16? = withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let four = bytes.load(as: sockaddr_in.self)
                var host = four.sin_addr
                _ = inet_ntop(AF_INET, &host, &text, socklen_t(text.count))
                return UInt16(bigEndian: four.sin_port)
            case AF_INET6:
                let six = bytes.load(as: sockaddr_in6.self)
                var host = six.sin6_addr
                _ = inet_ntop(AF_INET6, &host, &text, socklen_t(text.count))
                return UInt16(bigEndian: six.sin6_port)
            default:
                return nil
            }
        }
        let host = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return port.flatMap { try? SocketAddress(host: host, port: $0) }
    }
}
