// Deflate in the gzip format, RFC 1952, by zlib: for whole answers, and event by event for streams.
import CZlib

/// Codes one answer, piece by piece.
final class GzipEncoder {
    /// What is compressed, which decides how much memory it is worth.
    enum Purpose {
        /// Bytes that are there already: 32 KiB of window, 268 kB of state for a moment.
        case whole
        /// A stream that may last for days: 4 KiB of window, 25 kB of state, a thousand of them at once.
        case stream
    }

    /// How much of what was given has to come out.
    enum Flush {
        /// As zlib likes.
        case none
        /// All of it, so that the reader can read it now.
        case event
        /// All of it, and the end of the format.
        case end
    }

    /// zlib keeps a pointer to it: it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// nil when there is no memory for it.
    init?(_ purpose: Purpose) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let (window, memory, level): (CInt, CInt, CInt) =
            switch purpose {
            case .whole: (15, 8, 4)
            case .stream: (12, 4, 3)
            }
        // 16 asks for the gzip format.
        let status = deflateInit2_(
            stream, level, Z_DEFLATED, window + 16, memory, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size))
        // `deinit` follows a failed initialiser as well, and may end what never began.
        if status != Z_OK { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Codes `bytes`; with `.end` there is nothing more to code.
    func encode(_ bytes: ArraySlice<UInt8>, flush: Flush) -> [UInt8] {
        let mode =
            switch flush {
            case .none: Z_NO_FLUSH
            case .event: Z_SYNC_FLUSH
            case .end: Z_FINISH
            }
        var output: [UInt8] = []
        bytes.withUnsafeBufferPointer { input in
            // zlib does not write to its input.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = uInt(input.count)
            repeat { output += turn(mode, room: max(256, input.count / 4)) } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
        return output
    }

    private func turn(_ mode: CInt, room: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            stream.pointee.next_out = buffer.baseAddress
            stream.pointee.avail_out = uInt(room)
            // Fails only without progress, which shows as room that is left.
            _ = deflate(stream, mode)
            count = room - Int(stream.pointee.avail_out)
        }
    }
}
