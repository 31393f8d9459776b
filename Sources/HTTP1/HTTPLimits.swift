// Every limit of the protocol layer, with its unit. What a limit allows is accepted exactly; one more is refused.

/// Bounds on what a peer may send.
package struct HTTPLimits: Equatable, Sendable {
    /// Bytes of the request line without its line end (414).
    package var requestLineBytes = 8 * 1024
    /// Bytes of one field line without its line end (431).
    package var fieldBytes = 8 * 1024
    /// Bytes of the whole head, the empty line included (431).
    package var headBytes = 64 * 1024
    /// Field lines of a head (431).
    package var fieldCount = 100
    /// Bytes of a chunk-size line without its line end (400).
    package var chunkLineBytes = 1024
    /// Bytes of all chunk extensions of one body (400): many small chunks with large extensions cost a server more
    /// than they carry.
    package var chunkExtensionBytes = 16 * 1024
    /// Bytes of the trailer section, the empty line included (431); its fields count against `fieldCount`.
    package var trailerBytes = 8 * 1024
    /// Requests answered on one connection; the last one is answered with `Connection: close`.
    package var requestsPerConnection = 1_000_000
    /// Requests answered from one read before what they produced is written.
    package var pipelinedDepth = 16
    /// Bytes of an unread body that are read and dropped to keep a connection; a longer rest closes it.
    package var discardedBodyBytes = 64 * 1024

    /// The defaults.
    package init() {}
}
