// Writing a solver's state out and reading it back, bit for bit: little-endian fields behind a header with version and
// checksum. A state that is cut short, altered or of another version is refused.

/// Why bytes are no solver state.
package enum StateArchiveError: Error, Equatable {
    case notAState
    case unsupportedVersion(found: UInt32, supported: UInt32)
    case checksumMismatch
    case truncated
    case invalidField(String)
    /// The state belongs to another document, method or seed.
    case otherProblem
}

/// Collects fields.
package struct StateWriter {
    /// "STKL", the version, and the length and checksum of what follows.
    static let magic: [UInt8] = [0x53, 0x54, 0x4B, 0x4C]
    static let version: UInt32 = 6
    private var bytes: [UInt8] = []

    package init() {}

    package mutating func write(_ value: UInt64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    package mutating func write(_ value: Int) { write(UInt64(bitPattern: Int64(value))) }
    package mutating func write(_ value: Double) { write(value.bitPattern) }
    package mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func write(_ text: String) {
        write(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }
    package mutating func write(bytes more: [UInt8]) {
        write(more.count)
        bytes.append(contentsOf: more)
    }
    package mutating func write(_ values: [Double]) {
        write(values.count)
        for value in values { write(value) }
    }
    package mutating func write(_ value: Double?) {
        write(value != nil)
        if let value { write(value) }
    }

    /// The archive: header and fields.
    package var archive: [UInt8] {
        var header = StateWriter()
        header.write(bytes.count)
        header.write(StateChecksum.fnv1a(bytes))
        return Self.magic + withUnsafeBytes(of: Self.version.littleEndian) { Array($0) } + header.bytes + bytes
    }
}

/// Reads fields in the order in which they were written.
package struct StateReader {
    private let bytes: [UInt8]
    private var position: Int

    /// Checks the header.
    package init(_ archive: [UInt8]) throws(StateArchiveError) {
        guard archive.count >= 24, Array(archive[..<4]) == StateWriter.magic else { throw .notAState }
        let version = archive[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard version == StateWriter.version else {
            throw .unsupportedVersion(found: version, supported: StateWriter.version)
        }
        bytes = archive
        position = 8
        let count = try readInt()
        let checksum = try readUInt64()
        guard archive.count - position == count else { throw .truncated }
        guard StateChecksum.fnv1a(archive[position...]) == checksum else { throw .checksumMismatch }
    }

    package mutating func readUInt64() throws(StateArchiveError) -> UInt64 {
        guard bytes.count - position >= 8 else { throw .truncated }
        defer { position += 8 }
        return bytes[position..<(position + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    package mutating func readInt() throws(StateArchiveError) -> Int { Int(Int64(bitPattern: try readUInt64())) }
    package mutating func readDouble() throws(StateArchiveError) -> Double { Double(bitPattern: try readUInt64()) }
    package mutating func readBool() throws(StateArchiveError) -> Bool {
        guard position < bytes.count, bytes[position] <= 1 else { throw .invalidField("flag") }
        defer { position += 1 }
        return bytes[position] == 1
    }
    package mutating func readString() throws(StateArchiveError) -> String {
        let count = try readCount(elementSize: 1)
        defer { position += count }
        guard let text = String(validating: bytes[position..<(position + count)], as: UTF8.self) else {
            throw .invalidField("text")
        }
        return text
    }
    package mutating func readBytes() throws(StateArchiveError) -> [UInt8] {
        let count = try readCount(elementSize: 1)
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }
    package mutating func readDoubles() throws(StateArchiveError) -> [Double] {
        var values: [Double] = []
        let count = try readCount(elementSize: 8)
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try readDouble()) }
        return values
    }
    package mutating func readStrings() throws(StateArchiveError) -> [String] {
        var texts: [String] = []
        // Each has a length of its own.
        for _ in 0..<(try readCount(elementSize: 8)) { texts.append(try readString()) }
        return texts
    }
    package mutating func readVectors() throws(StateArchiveError) -> [[Double]] {
        var vectors: [[Double]] = []
        // Each has a length of its own.
        for _ in 0..<(try readCount(elementSize: 8)) { vectors.append(try readDoubles()) }
        return vectors
    }
    package mutating func readOptionalDouble() throws(StateArchiveError) -> Double? {
        try readBool() ? try readDouble() : nil
    }

    /// A count that the bytes left can hold, so that a damaged one cannot ask for memory.
    private mutating func readCount(elementSize: Int) throws(StateArchiveError) -> Int {
        let count = try readInt()
        guard count >= 0, count <= (bytes.count - position) / elementSize else { throw .truncated }
        return count
    }

    package var isAtEnd: Bool { position == bytes.count }
}

/// FNV-1a, 64 bits: a guard against accidents, not against intent.
enum StateChecksum {
    static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
