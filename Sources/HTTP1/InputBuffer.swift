// Bytes that have been read and not yet understood.

/// A queue of bytes. Taking from its front costs nothing; the room is reclaimed when it runs empty or when the taken
/// part outweighs the rest.
struct InputBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    /// Room that is kept for the next request when the buffer runs empty; more is given back.
    private static let keptBytes = 4096

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ new: UnsafeRawBufferPointer) {
        if start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: new)
    }

    /// Drops the first `count` bytes.
    mutating func consume(_ count: Int) {
        start += count
        if start == bytes.count { clear() }
    }

    mutating func clear() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytes)
        start = 0
    }

    /// `count` bytes from `offset` on, as an array of their own.
    func copy(from offset: Int, count: Int) -> [UInt8] {
        Array(bytes[(start + offset)..<(start + offset + count)])
    }

    func withUnread<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try body(UnsafeBufferPointer(rebasing: all[start...]))
        }
    }
}
