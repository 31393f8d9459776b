// Inflate of request content in gzip, RFC 1952, guarded: a few kilobytes can stand for gigabytes.
import CZlib

/// Why coded content is refused.
enum GzipFault: Error, Equatable {
    case malformed
    /// It grows beyond what the route takes.
    case tooLarge(limit: Int)
    /// It grows faster than honest content does.
    case tooDense(ratio: Int)
}

/// Takes the gzip coding off one request's content, in whatever pieces it comes.
final class GzipDecoder {
    private static let pieceBytes = 16 * 1024
    /// Bytes to give it at a time: a thousandfold, which is as dense as gzip gets, they are half a mebibyte.
    static let bytesAtOnce = 512
    /// Below this much the ratio is not looked at: short texts of one letter are honest.
    static let freeBytes = 1024 * 1024

    /// zlib keeps a pointer to it: it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let limit: Int
    private let ratio: Int
    private var consumed = 0
    private var produced = 0
    /// At the end of a member, where the content may end.
    private(set) var isComplete = false

    /// nil when there is no memory for it.
    ///
    /// - Parameters:
    ///   - limit: bytes that may come out.
    ///   - ratio: bytes that may come out for each that went in, once a mebibyte has come out.
    init?(limit: Int, ratio: Int) {
        self.limit = limit
        self.ratio = ratio
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 is the largest window, 16 asks for the gzip format.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        if status != Z_OK { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// What `bytes` stand for. Several members one behind the other are one content (§2.2).
    func decode(_ bytes: [UInt8]) throws(GzipFault) -> [UInt8] {
        var output: [UInt8] = []
        var rest = bytes[...]
        var mayHoldBack = false
        while !rest.isEmpty || mayHoldBack {
            if isComplete {
                inflateReset(stream)
                isComplete = false
            }
            let (used, status) = turn(rest, into: &output)
            rest = rest.dropFirst(used)
            consumed += used
            try check(status, output.count)
            isComplete = status == Z_STREAM_END
            // A full piece: there may be more behind it, though the input is used up.
            mayHoldBack = !isComplete && stream.pointee.avail_out == 0
        }
        produced += output.count
        return output
    }

    private func check(_ status: CInt, _ fresh: Int) throws(GzipFault) {
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { throw .malformed }
        let total = produced + fresh
        if total > limit { throw .tooLarge(limit: limit) }
        if total > Self.freeBytes, total / ratio > consumed { throw .tooDense(ratio: ratio) }
    }

    /// Inflates until the input is used up, a member ends, or one piece has come out.
    private func turn(_ input: ArraySlice<UInt8>, into output: inout [UInt8]) -> (used: Int, status: CInt) {
        var status = Z_OK
        var used = 0
        output += [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
            input.withUnsafeBufferPointer { input in
                // zlib does not write to its input.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.pointee.avail_in = uInt(input.count)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = uInt(Self.pieceBytes)
                status = inflate(stream, Z_NO_FLUSH)
                used = input.count - Int(stream.pointee.avail_in)
                count = Self.pieceBytes - Int(stream.pointee.avail_out)
                stream.pointee.next_in = nil
            }
        }
        return (used, status)
    }
}
