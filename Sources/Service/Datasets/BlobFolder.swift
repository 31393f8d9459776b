// Files by the hash of their content: frozen data sets of jobs, and what is uploaded. What nobody needs any more is found
// by the one rule here, so that a file is never taken from somebody who has just come to need it.
import Foundation
import Glibc
import Synchronization

/// Files by the hash of their content.
package struct BlobFolder: Sendable {
    let folder: URL

    /// The file of a hash.
    func file(_ hash: String) -> URL { folder.appendingPathComponent(hash) }

    /// Keeps bytes; the same bytes are kept once.
    package func keep(_ bytes: [UInt8]) throws -> String {
        let hash = Digest.sha256(bytes)
        if !FileManager.default.fileExists(atPath: file(hash).path) { try DurableFile.write(bytes, to: file(hash)) }
        return hash
    }

    static func isHash(_ name: String) -> Bool {
        name.utf8.count == 64 && name.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}

/// The server's side of the folder: who needs a file at this moment, and which files go.
///
/// A file is removed in two steps: it is condemned, then the store is asked whether a row needs it, then it goes unless
/// somebody has held it since. Whoever writes a row holds the file first and until the row is written: it either is held
/// before the condemned are read, and then is no longer among them, or its row is there when the store is asked.
package final class BlobKeeper: Sendable {
    private struct State {
        var holders: [String: Int] = [:]
        var condemned: Set<String> = []
    }

    package let blobs: BlobFolder
    private let state = Mutex(State())

    /// Time for which a file that nobody needs is left alone while the service runs: a worker may have written it for a
    /// document that it still checks.
    static let grace: TimeInterval = 600
    /// Files looked at in one go.
    private static let sweepCount = 1_000

    package init(folder: URL) { blobs = BlobFolder(folder: folder) }

    /// Keeps these files from being removed.
    ///
    /// - Returns: nil when one of them is not there.
    package func hold(_ hashes: Set<String>) -> BlobHold? {
        let isWhole = state.withLock { state in
            guard hashes.allSatisfy({ FileManager.default.fileExists(atPath: blobs.file($0).path) }) else {
                return false
            }
            Self.take(hashes, &state)
            return true
        }
        return isWhole ? BlobHold(keeper: self, hashes: hashes) : nil
    }

    /// Moves a finished file into the folder under its hash and holds it; the same bytes are kept once.
    package func adopt(_ path: String, as hash: String) throws(DurableFile.Failure) -> BlobHold {
        try state.withLock { (state) throws(DurableFile.Failure) in
            if FileManager.default.fileExists(atPath: blobs.file(hash).path) {
                unlink(path)
            } else {
                try DurableFile.move(path, to: blobs.file(hash))
            }
            Self.take([hash], &state)
        }
        return BlobHold(keeper: self, hashes: [hash])
    }

    private static func take(_ hashes: Set<String>, _ state: inout State) {
        for hash in hashes {
            state.holders[hash, default: 0] += 1
            state.condemned.remove(hash)
        }
    }

    fileprivate func release(_ hashes: Set<String>) {
        state.withLock { state in
            for hash in hashes {
                let count = state.holders[hash, default: 1] - 1
                state.holders[hash] = count > 0 ? count : nil
            }
        }
    }

    /// Removes files that neither a row nor anybody at this moment needs.
    ///
    /// - Parameters:
    ///   - age: seconds since a file was written that it is left alone for.
    ///   - needed: those of some files that rows need.
    /// - Returns: how many were removed.
    package func sweep(
        olderThan age: TimeInterval, at now: Date, needed: (Set<String>) async throws -> Set<String>
    ) async throws -> Int {
        let names = try FileManager.default.contentsOfDirectory(atPath: blobs.folder.path)
        var count = 0
        for start in stride(from: 0, to: names.count, by: Self.sweepCount) {
            let some = names[start..<min(start + Self.sweepCount, names.count)]
            let old = Set(some.filter { isOlder($0, than: age, at: now) })
            condemn(old)
            let spared = try await needed(old)
            count += removeCondemned(except: spared)
        }
        return count
    }

    private func isOlder(_ name: String, than age: TimeInterval, at now: Date) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: blobs.file(name).path)
        guard let written = attributes?[.modificationDate] as? Date else { return false }
        return now.timeIntervalSince(written) >= age
    }

    private func condemn(_ names: Set<String>) {
        state.withLock { state in state.condemned = names.filter { state.holders[$0] == nil } }
    }

    private func removeCondemned(except spared: Set<String>) -> Int {
        state.withLock { state in
            let names = state.condemned.subtracting(spared)
            state.condemned = []
            // What cannot be removed now is found again.
            for name in names { unlink(blobs.file(name).path) }
            return names.count
        }
    }
}

/// Keeps files from being removed as long as it lives.
package final class BlobHold: Sendable {
    private let keeper: BlobKeeper
    package let hashes: Set<String>

    fileprivate init(keeper: BlobKeeper, hashes: Set<String>) {
        self.keeper = keeper
        self.hashes = hashes
    }

    deinit { keeper.release(hashes) }

    /// Keeps them at least until `body` is through.
    func during<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        defer { withExtendedLifetime(self) {} }
        return try await body()
    }
}
