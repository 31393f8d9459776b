// Which addresses webhooks may call: those that everybody can reach, and what the operator names. A document must not make
// the service speak to its own machine or network. Registries: IANA IPv4 and IPv6 special-purpose addresses, RFC 6890.
import HTTP1
import Sockets

/// Judges addresses; the very address that was judged is the one that is connected to.
package struct CallableAddresses: Sendable {
    private let allowed: [AddressBlock]

    /// - Parameter allowed: called although they are not public.
    package init(allowing allowed: [AddressBlock] = []) { self.allowed = allowed }

    /// Reads blocks as `10.0.0.0/8`.
    ///
    /// - Throws: ``StartError`` that says what was wanted.
    package init(allowing texts: [String]) throws(StartError) {
        var blocks: [AddressBlock] = []
        for text in texts {
            guard let block = AddressBlock(text) else {
                throw StartError(reason: "--webhook-allow wants an address or a block as 10.0.0.0/8, came '\(text)'")
            }
            blocks.append(block)
        }
        allowed = blocks
    }

    /// Whether a numeric host may be called. An IPv4 address in IPv6's form is the IPv4 address.
    package func contains(_ host: String) -> Bool {
        if allowed.contains(where: { $0.contains(host) }) { return true }
        let isInternet = Self.internet.contains { $0.contains(host) }
        return isInternet && !Self.special.contains { $0.contains(host) }
    }

    /// Whether a host can be told to be forbidden before it is looked up: numeric, or a name of this machine.
    func forbidsAtOnce(_ host: String) -> Bool {
        let name = host.lowercased().trimmingSuffix(".")
        if name == "localhost" || name.hasSuffix(".localhost") { return !contains("127.0.0.1") && !contains("::1") }
        return (try? SocketAddress(host: host, port: 0)) != nil && !contains(host)
    }

    private static func blocks(_ texts: String) -> [AddressBlock] {
        texts.split(separator: " ").compactMap { AddressBlock($0) }
    }

    /// Of IPv6 only what is given out to the world.
    private static let internet = blocks("0.0.0.0/0 2000::/3")
    /// This network, private, shared, loopback, link-local, protocol, documentation, relay, benchmarking, multicast and
    /// reserved ones; then those of IPv6 that stand for others: Teredo, 6to4, documentation.
    private static let special = blocks(
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
            + "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
            + "2001::/23 2001:db8::/32 2002::/16 3fff::/20")
}

extension String {
    fileprivate func trimmingSuffix(_ end: Character) -> Substring { last == end ? dropLast() : self[...] }
}
