// gzip by the plainest calls of zlib, as an oracle for the coding of the server.
import CZlib

enum Gzip {
    static func compress(_ text: String) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        return pass(Array(text.utf8), through: &stream, room: text.utf8.count + 100) { deflate($0, Z_FINISH) }.output
    }

    /// As much text as the bytes give, whether or not they are complete; nil when they are no gzip.
    static func expand(_ bytes: [UInt8]) -> String? {
        var stream = z_stream()
        inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { inflateEnd(&stream) }
        let (status, output) = pass(bytes, through: &stream, room: 4 << 20) { inflate($0, Z_SYNC_FLUSH) }
        guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else { return nil }
        return String(decoding: output, as: UTF8.self)
    }

    private static func pass(
        _ bytes: [UInt8], through stream: inout z_stream, room: Int, _ code: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (status: Int32, output: [UInt8]) {
        var input = bytes
        var output = [UInt8](repeating: 0, count: room)
        return input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                let status = code(&stream)
                return (status, Array(output[..<(output.count - Int(stream.avail_out))]))
            }
        }
    }
}
