// Every bound of a server by its name, unit and range, so that whoever runs one can set it: one table.
import HTTP1

/// A bound that can be set.
package struct ServerLimit: Sendable {
    /// What its number counts.
    package enum Unit: String, Sendable {
        case bytes
        case seconds
        case count
        case ratio
    }

    /// In words that say the unit, `head-seconds`.
    package let name: String
    package let unit: Unit
    /// What may be asked for.
    package let range: ClosedRange<Int>
    /// What happens to whoever goes beyond it.
    package let consequence: String
    private let read: @Sendable (ServerConfiguration) -> Int
    private let write: @Sendable (inout ServerConfiguration, Int) -> Void

    /// The number in `configuration`.
    package func value(in configuration: ServerConfiguration) -> Int { read(configuration) }

    /// - Precondition: `value` is in the range.
    package func set(_ value: Int, in configuration: inout ServerConfiguration) {
        precondition(range.contains(value))
        write(&configuration, value)
    }

    private init(
        _ name: String, _ unit: Unit, _ range: ClosedRange<Int>,
        _ path: any WritableKeyPath<ServerConfiguration, Int> & Sendable, _ consequence: String
    ) {
        self.name = name
        self.unit = unit
        self.range = range
        self.consequence = consequence
        read = { $0[keyPath: path] }
        write = { $0[keyPath: path] = $1 }
    }

    private init(
        _ name: String, _ path: any WritableKeyPath<ServerConfiguration, Duration> & Sendable, _ consequence: String
    ) {
        self.name = name
        unit = .seconds
        range = 1...86_400
        self.consequence = consequence
        read = { Int($0[keyPath: path].components.seconds) }
        write = { $0[keyPath: path] = .seconds($1) }
    }

    /// All of them.
    package static let all: [ServerLimit] = ofHeads + ofBodies + ofTime + ofConnections

    private static let ofHeads = [
        ServerLimit("request-line-bytes", .bytes, 64...1 << 20, \.limits.requestLineBytes, "414"),
        ServerLimit("field-bytes", .bytes, 64...1 << 20, \.limits.fieldBytes, "431"),
        ServerLimit("head-bytes", .bytes, 128...1 << 24, \.limits.headBytes, "431"),
        ServerLimit("fields", .count, 1...10_000, \.limits.fieldCount, "431"),
    ]

    private static let ofBodies = [
        ServerLimit("chunk-line-bytes", .bytes, 16...1 << 16, \.limits.chunkLineBytes, "400"),
        ServerLimit("chunk-extension-bytes", .bytes, 0...1 << 24, \.limits.chunkExtensionBytes, "400"),
        ServerLimit("trailer-bytes", .bytes, 2...1 << 20, \.limits.trailerBytes, "431"),
        ServerLimit("discarded-body-bytes", .bytes, 0...1 << 30, \.limits.discardedBodyBytes, "answered, then closed"),
        ServerLimit("collected-bytes", .bytes, 1 << 12...1 << 40, \.collectedBytes, "503"),
        ServerLimit("decompression-ratio", .ratio, 1...2_000, \.decompressionRatio, "413"),
        ServerLimit("body-window-bytes", .bytes, 0...1 << 30, \.timeouts.bodyBytesPerWindow, "408"),
        ServerLimit("body-window-seconds", \.timeouts.bodyWindow, "408"),
    ]

    private static let ofTime = [
        ServerLimit("handshake-seconds", \.timeouts.handshake, "closed"),
        ServerLimit("head-seconds", \.timeouts.head, "408"),
        ServerLimit("idle-seconds", \.timeouts.idle, "closed"),
        ServerLimit("write-stall-seconds", \.timeouts.writeStall, "closed"),
        ServerLimit("linger-seconds", \.timeouts.linger, "closed"),
    ]

    private static let ofConnections = [
        ServerLimit("connections", .count, 1...1 << 20, \.connections, "503, then closed; under TLS closed"),
        ServerLimit("connections-per-address", .count, 1...1 << 20, \.connectionsPerAddress, "as `connections`"),
        ServerLimit("waiting-connections", .count, 1...1 << 16, \.backlog, "left to the kernel"),
        ServerLimit(
            "requests-per-connection", .count, 1...1 << 40, \.limits.requestsPerConnection, "answered, then closed"),
        ServerLimit("pipelined-requests", .count, 1...1 << 16, \.limits.pipelinedDepth, "read later"),
        ServerLimit("handlers", .count, 1...1 << 20, \.handlersAtOnce, "503"),
        ServerLimit("buffered-bytes", .bytes, 1 << 12...1 << 30, \.bufferedBytes, "its producer waits"),
        ServerLimit("linger-bytes", .bytes, 0...1 << 30, \.lingerBytes, "closed"),
        ServerLimit("compression-bytes", .bytes, 0...1 << 40, \.compressionBytes, "answered in gzip"),
    ]
}
