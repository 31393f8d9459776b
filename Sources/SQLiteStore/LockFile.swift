// One server per data folder: an flock(2) on a file that lives as long as the store, invisible to child processes.
import Glibc

/// An exclusive lock on a folder, held until the value ends.
struct LockFile: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock of `folder`, without waiting, and makes the lock file's name durable.
    ///
    /// - Throws: ``SQLiteStoreError/folderInUse(_:)``, ``SQLiteStoreError/system(call:path:errno:)``.
    static func taken(of folder: String) throws(SQLiteStoreError) -> LockFile {
        let path = folder + "/lock"
        let descriptor = try systemCall("open", path) { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        let file = LockFile(descriptor: descriptor)
        do throws(SQLiteStoreError) {
            _ = try systemCall("flock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            if case .system(_, _, EWOULDBLOCK) = error { throw .folderInUse(folder) }
            throw error
        }
        try syncFolder(folder)
        return file
    }

    deinit { close(descriptor) }
}

/// Makes the names in `folder` durable.
///
/// - Throws: ``SQLiteStoreError/system(call:path:errno:)``.
func syncFolder(_ folder: String) throws(SQLiteStoreError) {
    let descriptor = try systemCall("open", folder) { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { close(descriptor) }
    _ = try systemCall("fsync", folder) { fsync(descriptor) }
}

/// The bytes of the file at `path`; 0 if there is none.
func fileSize(_ path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
}

/// Makes one system call, again when a signal cut it short.
private func systemCall(_ name: String, _ path: String, _ body: () -> Int32) throws(SQLiteStoreError) -> Int32 {
    while true {
        let result = body()
        let code = errno
        if result >= 0 { return result }
        if code != EINTR { throw .system(call: name, path: path, errno: code) }
    }
}
