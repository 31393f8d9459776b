// Files that are whole or not there: temporary file, fsync, rename, fsync of the folder.
import Foundation
import Glibc

/// Writes files atomically and durably.
package enum DurableFile {
    /// Which step failed, and why.
    package struct Failure: Error, Equatable {
        package let step: String
        package let code: Int32

        package var reason: String { "\(step): \(String(cString: strerror(code)))" }
    }

    /// Replaces `file` by `bytes`.
    ///
    /// - Parameter mode: the permissions of the new file.
    package static func write(_ bytes: [UInt8], to file: URL, mode: mode_t = 0o644) throws(Failure) {
        let temporary = file.path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Failure(step: "open", code: errno) }
        do throws(Failure) {
            try writeAll(bytes, descriptor)
            try check("fsync", fsync(descriptor))
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        try check("close", close(descriptor))
        try check("rename", rename(temporary, file.path))
        try syncFolder(file.deletingLastPathComponent().path)
    }

    /// Gives a file that is on disk another name in a folder of the same file system.
    static func move(_ path: String, to file: URL) throws(Failure) {
        try check("rename", rename(path, file.path))
        try syncFolder(file.deletingLastPathComponent().path)
    }

    static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure(step: "write", code: errno)
            }
            written += count
        }
    }

    private static func syncFolder(_ path: String) throws(Failure) {
        let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(step: "open folder", code: errno) }
        defer { close(descriptor) }
        try check("fsync folder", fsync(descriptor))
    }

    static func check(_ step: String, _ status: Int32) throws(Failure) {
        if status != 0 { throw Failure(step: step, code: errno) }
    }
}
