// Bytes on their way to a socket.

/// A queue that is written from the back and taken from the front.
struct OutputBuffer {
    /// Where answers are encoded to.
    var bytes: [UInt8] = []
    private var start = 0

    /// Room that is kept when everything has left; more is given back.
    private static let keptBytes = 4096

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    /// Drops what the socket took.
    mutating func consume(_ count: Int) {
        start += count
        guard start == bytes.count else { return }
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytes)
        start = 0
    }

    func withUnsent<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all[start...])))
        }
    }
}
