// Sending a file: conditions and single ranges as of any stored content (RFC 9110 §13, §14), read piece by piece on a queue.
import Dispatch
import Foundation
import Glibc
import HTTP1
import HTTPServer

/// An open file; it can be read to its end whatever becomes of its name.
final class StoredFile: Sendable {
    private let descriptor: Int32
    let byteCount: Int
    private let queue = DispatchQueue(label: "stored-file")
    private static let pieceBytes = 128 << 10

    /// - Throws: ``DurableFile/Failure``.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DurableFile.Failure(step: "open", code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw DurableFile.Failure(step: "fstat", code: code)
        }
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// The answer to GET or HEAD.
    ///
    /// - Parameter hash: the SHA-256 of the content in hexadecimal: its tag.
    func response(to request: Request, mediaType: String, hash: String) throws -> Response {
        var response = Response()
        let tag = EntityTag(opaque: hash)
        response.fields.add("ETag", "\"\(hash)\"")
        response.fields.add("Accept-Ranges", "bytes")
        switch Precondition(of: request.head, current: tag) {
        case .notModified:
            response.status = .notModified
            return response
        case .failed: throw APIError.contentChanged
        case .proceed: break
        }
        let range: Range<Int>
        switch RangeSelection(of: request.head, length: byteCount, current: tag) {
        case .whole:
            range = 0..<byteCount
            response.fields.add("Repr-Digest", ContentDigest.field(ofSHA256: Self.bytes(hash)))
        case .part(let part):
            range = part
            response.status = .partialContent
            response.fields.add("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(byteCount)")
        case .unsatisfiable: throw APIError.unsatisfiableRange(length: byteCount)
        }
        response.fields.add("Content-Type", mediaType)
        response.body = .stream(length: range.count) { writer in try await self.send(range, to: writer) }
        return response
    }

    private func send(_ range: Range<Int>, to writer: ResponseWriter) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let piece = try await read(offset, min(Self.pieceBytes, range.upperBound - offset))
            try await writer.write(piece)
            offset += piece.count
        }
    }

    private func read(_ offset: Int, _ count: Int) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                var piece = [UInt8](repeating: 0, count: count)
                let taken = pread(self.descriptor, &piece, count, offset)
                guard taken > 0 else {
                    // Nothing is cut off a file under its hash: an end that comes too early is a fault of the disk.
                    continuation.resume(throwing: DurableFile.Failure(step: "pread", code: taken < 0 ? errno : EIO))
                    return
                }
                continuation.resume(returning: Array(piece[..<taken]))
            }
        }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        var digits = hexadecimal[...]
        var bytes: [UInt8] = []
        while let byte = UInt8(digits.prefix(2), radix: 16) {
            bytes.append(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }
}
