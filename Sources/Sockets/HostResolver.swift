// Names to addresses, by the system's resolver.
import Glibc

/// A host name that has no address: what the resolver says about it.
package struct UnresolvedHost: Error, Equatable {
    package let host: String
    package let reason: String
}

/// Looks names up. Blocks its thread, for as long as the system's resolver does.
package enum HostResolver {
    /// The addresses of `host`, a name or a numeric address, in the order to try them.
    ///
    /// - Throws: ``UnresolvedHost``.
    package static func addresses(of host: String, port: UInt16) throws(UnresolvedHost) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { throw UnresolvedHost(host: host, reason: String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry?.pointee {
            if let found = address(current, port: port), !addresses.contains(found) { addresses.append(found) }
            entry = current.ai_next
        }
        guard !addresses.isEmpty else { throw UnresolvedHost(host: host, reason: "no address of IPv4 or IPv6") }
        return addresses
    }

    private static func address(_ info: addrinfo, port: UInt16) -> SocketAddress? {
        var native = NativeAddress()
        native.length = info.ai_addrlen
        withUnsafeMutableBytes(of: &native.storage) { target in
            target.copyMemory(
                from: UnsafeRawBufferPointer(start: info.ai_addr, count: min(Int(info.ai_addrlen), target.count)))
        }
        return native.address.flatMap { try? SocketAddress(host: $0.host, port: port) }
    }
}
