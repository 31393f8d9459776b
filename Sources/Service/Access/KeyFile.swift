// The keys of a service: one file in its data folder, written whole, read again when it has changed. Commands write it while
// the service runs; a lock keeps two of them apart.
import Foundation
import Glibc
import JobQueue
import ProblemSpecification

/// Why keys cannot be read or changed: a sentence.
package struct KeyFileError: Error, Equatable {
    package let reason: String
}

/// `keys.json` in a data folder. Keys that have ended stay in it: a service that once had keys never opens by losing them.
package struct KeyFile: Sendable {
    private let folder: URL
    private let file: URL
    /// For the system call of each request: made once, for a URL takes its time.
    private let path: String
    private static let version = 1

    package init(in folder: URL) {
        self.folder = folder
        file = folder.appendingPathComponent("keys.json")
        path = file.path
    }

    /// What tells one state of the file from another.
    struct Stamp: Equatable, Sendable {
        let inode: UInt
        let seconds: Int
        let nanoseconds: Int
    }

    /// The file's present stamp; nil when there is none. One system call.
    var stamp: Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt(status.st_ino), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    /// The keys; none where there is no file.
    func read() throws(KeyFileError) -> [AccessKey] {
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        let document: JSONValue
        do {
            document = try JSONParser.parse([UInt8](try Data(contentsOf: file)))
        } catch {
            throw KeyFileError(reason: "\(file.path) cannot be read: \(error)")
        }
        let entries = document["keys"]?.elements ?? []
        guard document["version"]?.int == Self.version else {
            throw KeyFileError(reason: "\(file.path) is not a list of keys of this version")
        }
        var keys: [AccessKey] = []
        for (index, entry) in entries.enumerated() {
            guard let key = AccessKey(entry) else {
                throw KeyFileError(
                    reason:
                        "\(file.path): entry \(index + 1) is no key: a member is missing, or its value makes no sense")
            }
            keys.append(key)
        }
        return keys
    }

    /// Reads, changes and writes the keys, with no other command in between.
    func update<Value>(
        _ change: (inout [AccessKey]) throws(KeyFileError) -> Value
    ) throws(KeyFileError) -> Value {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw KeyFileError(reason: "\(folder.path) cannot be made: \(FileFault.describe(error))")
        }
        let lock = open(folder.appendingPathComponent("keys.lock").path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else {
            throw KeyFileError(reason: "\(folder.path) cannot be locked: \(String(cString: strerror(errno)))")
        }
        defer { close(lock) }
        var keys = try read()
        let value = try change(&keys)
        var document = JSONObjectBuilder()
        document.add("version", Self.version)
        document.add("keys", .array(keys.map(\.json)))
        do throws(DurableFile.Failure) {
            try DurableFile.write(JSONWriter.bytes(document.value) + [0x0A], to: file, mode: 0o600)
        } catch {
            throw KeyFileError(reason: "\(file.path) cannot be written: \(error.reason)")
        }
        return value
    }
}
