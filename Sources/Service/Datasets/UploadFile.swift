// A file that is being received: hashed and written piece by piece on a queue of its own, whole on disk before it is used,
// and gone with its object unless it was moved away.
import Dispatch
import Foundation
import Glibc
import Synchronization

/// A temporary file.
package final class UploadFile: Sendable {
    private struct State: ~Copyable {
        var descriptor: Int32
        let digest = RunningDigest(.sha256)
        var byteCount = 0

        deinit { if descriptor >= 0 { close(descriptor) } }
    }

    /// What the queue's work holds, and not the file: that would be gone only some time after its last piece was answered.
    private final class Contents: Sendable {
        let state: Mutex<State>

        init(descriptor: Int32) { state = Mutex(State(descriptor: descriptor)) }
    }

    package let path: String
    private let queue: DispatchQueue
    private let contents: Contents

    /// Makes an empty file that nobody else can read.
    package init(path: String) throws(DurableFile.Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DurableFile.Failure(step: "open", code: errno) }
        self.path = path
        queue = DispatchQueue(label: "upload")
        contents = Contents(descriptor: descriptor)
    }

    deinit { unlink(path) }

    /// Writes the next piece.
    package func append(_ bytes: [UInt8]) async throws(DurableFile.Failure) {
        try await perform { (state) throws(DurableFile.Failure) in
            try DurableFile.writeAll(bytes, state.descriptor)
            state.digest.add(bytes)
            state.byteCount += bytes.count
        }
    }

    /// Forces the file to disk; nothing is written after that.
    ///
    /// - Returns: the SHA-256 of its bytes, and how many there are.
    package func seal() async throws(DurableFile.Failure) -> (hash: [UInt8], byteCount: Int) {
        try await perform { (state) throws(DurableFile.Failure) in
            try DurableFile.check("fsync", fsync(state.descriptor))
            try DurableFile.check("close", close(state.descriptor))
            state.descriptor = -1
            return (state.digest.finish(), state.byteCount)
        }
    }

    /// Moves the sealed file to where it stays.
    package func move(into keeper: BlobKeeper, as hash: String) async throws(DurableFile.Failure) -> BlobHold {
        try await perform { [path] (_) throws(DurableFile.Failure) in try keeper.adopt(path, as: hash) }
    }

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout State) throws(DurableFile.Failure) -> Value
    ) async throws(DurableFile.Failure) -> Value {
        let result: Result<Value, DurableFile.Failure> = await withCheckedContinuation { continuation in
            queue.async { [contents] in
                let result = contents.state.withLock { state in
                    Result { () throws(DurableFile.Failure) in try body(&state) }
                }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }
}

/// Where uploads arrive: a folder of temporary files, so many at once, never filling the disk.
package final class UploadRoom: Sendable {
    private struct State {
        var count = 0
        var number = 0
    }

    private let folder: URL
    private let limits: UploadLimits
    private let state = Mutex(State())

    package init(folder: URL, limits: UploadLimits) {
        self.folder = folder
        self.limits = limits
    }

    /// Begins a file.
    ///
    /// - Parameter announced: its bytes, where they are known.
    /// - Throws: ``APIError/tooManyUploads(limit:)``, ``APIError/diskFull``.
    package func begin(announced: Int?) throws -> Upload {
        guard hasRoom(for: announced ?? 0) else { throw APIError.diskFull }
        let number = try state.withLock { state throws(APIError) in
            guard state.count < limits.atOnce else { throw .tooManyUploads(limit: limits.atOnce) }
            state.count += 1
            state.number += 1
            return state.number
        }
        do {
            return Upload(file: try UploadFile(path: folder.appendingPathComponent("\(number)").path), room: self)
        } catch {
            end()
            throw error
        }
    }

    fileprivate func end() { state.withLock { $0.count -= 1 } }

    /// Whether the file system keeps its reserve.
    private func hasRoom(for bytes: Int) -> Bool {
        var status = statvfs()
        guard statvfs(folder.path, &status) == 0 else { return true }
        let (free, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        let (wanted, beyond) = UInt64(bytes).addingReportingOverflow(UInt64(limits.reservedBytes))
        return overflow || (!beyond && wanted <= free)
    }
}

/// A file that arrives, and its place among those that may.
package final class Upload: Sendable {
    package let file: UploadFile
    private let room: UploadRoom

    fileprivate init(file: UploadFile, room: UploadRoom) {
        self.file = file
        self.room = room
    }

    deinit { room.end() }
}

/// Bounds of uploads.
package struct UploadLimits: Sendable, Equatable {
    /// Bytes of a data set (413).
    package var bytes = 256 << 20
    /// Uploads at once (503 `overloaded`).
    package var atOnce = 16
    /// Bytes of the file system that uploads leave free (507).
    package var reservedBytes = 64 << 20

    package init() {}
}
