// The newest iterate of a running job as a file, for iterates that events tell by a link: JSON, an object of upper variables.
import Foundation
import Glibc
import ProblemSpecification

/// Keeps the file, so seldom that it costs little.
struct IterateFile {
    /// The file's name in a job's folder.
    static let name = "iterate.json"

    private let file: URL
    private var nextAt = ContinuousClock.now

    /// - Parameter folder: the job's; made if it is not there.
    init(in folder: URL) { file = folder.appendingPathComponent(Self.name) }

    /// Writes what `variables` says, unless that was done just now: once a second, and a fiftieth of the time at most.
    mutating func offer(_ variables: () -> JSONValue) {
        let began = ContinuousClock.now
        guard began >= nextAt else { return }
        write(JSONWriter.bytes(variables()))
        let end = ContinuousClock.now
        nextAt = end + max(.seconds(1), (end - began) * 50)
    }

    /// Whole or not there, but not forced to the disk: after a loss of power the job tells another one. A disk that takes no
    /// more leaves readers the last one.
    private func write(_ bytes: [UInt8]) {
        let draft = file.appendingPathExtension("new")
        try? FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        guard (try? Data(bytes).write(to: draft)) != nil else { return }
        rename(draft.path, file.path)
    }
}
