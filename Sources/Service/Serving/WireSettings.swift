// What a service is told of its connections: `name=value` for every bound, and blocks of trusted proxies.
import HTTPServer
import Sockets

/// Bounds and proxies as text, checked before anything begins.
package struct WireSettings: Sendable {
    private let limits: [(limit: ServerLimit, value: Int)]
    private let proxies: [AddressBlock]

    /// The defaults.
    package init() {
        limits = []
        proxies = []
    }

    /// - Parameters:
    ///   - limits: each `name=value`, with a name of ``ServerLimit/all``.
    ///   - proxies: each an address, or a block as `10.0.0.0/8`.
    /// - Throws: ``StartError`` that says what was wanted.
    package init(limits: [String], proxies: [String]) throws(StartError) {
        var pairs: [(ServerLimit, Int)] = []
        for text in limits { pairs.append(try Self.limit(text)) }
        self.limits = pairs
        var blocks: [AddressBlock] = []
        for text in proxies {
            guard let block = AddressBlock(text) else {
                throw StartError(reason: "--trusted-proxies wants an address or a block as 10.0.0.0/8, came '\(text)'")
            }
            blocks.append(block)
        }
        self.proxies = blocks
    }

    private static func limit(_ text: String) throws(StartError) -> (ServerLimit, Int) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let limit = ServerLimit.all.first(where: { $0.name == parts[0] }) else {
            let names = ServerLimit.all.map(\.name).joined(separator: ", ")
            throw StartError(reason: "--limit knows no '\(parts[0])'; there are \(names)")
        }
        guard parts.count == 2, let value = Int(parts[1]), limit.range.contains(value) else {
            throw StartError(
                reason: "--limit \(limit.name) wants \(limit.range.lowerBound) to \(limit.range.upperBound), came "
                    + "'\(parts.count == 2 ? parts[1] : "")'")
        }
        return (limit, value)
    }

    /// Sets them.
    func apply(to configuration: inout ServerConfiguration) {
        for (limit, value) in limits { limit.set(value, in: &configuration) }
        configuration.trustedProxies = proxies
    }
}
