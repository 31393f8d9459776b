// Where the service keeps its files.
import Foundation
import JobQueue

/// The layout of the data folder.
package struct ServiceFolder: Sendable {
    package let root: URL

    package init(_ root: URL) { self.root = root }

    /// Data sets by their hash: those that are uploaded, and those that jobs have frozen.
    var blobs: URL { root.appendingPathComponent("blobs") }
    /// Documents on their way through admission.
    var spool: URL { root.appendingPathComponent("spool") }
    /// Data sets that arrive.
    var uploads: URL { root.appendingPathComponent("uploads") }
    /// A folder for each job that has files.
    var jobs: URL { root.appendingPathComponent("jobs") }
    /// States and results of one job.
    func job(_ id: String) -> URL { jobs.appendingPathComponent(id) }

    /// The newest iterate that a running job has told by a link.
    func iterate(of job: String) -> URL { self.job(job).appendingPathComponent(IterateFile.name) }

    /// The file of a job's state, where it is still there.
    func state(_ name: String, of job: String) -> URL? {
        let file = self.job(job).appendingPathComponent(name)
        return FileManager.default.fileExists(atPath: file.path) ? file : nil
    }

    /// Removes what nobody needs any more.
    func discard(_ what: Discarded, of job: String) {
        let files: [URL] =
            switch what {
            case .everything: [self.job(job)]
            case .checkpoints(let checkpoints): checkpoints.map { self.job(job).appendingPathComponent($0.name) }
            }
        // What cannot be removed now is removed with the job.
        for file in files { try? FileManager.default.removeItem(at: file) }
    }

    /// Makes the folders.
    package func prepare() throws {
        for folder in [root, blobs, spool, uploads, jobs] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
    }

    /// Removes what a lost server left on its way: documents, and halves of data sets. Only for the one who holds the
    /// folder's lock: another server's may lie there.
    package func removeLeftovers() throws {
        for folder in [spool, uploads] {
            for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                try FileManager.default.removeItem(at: file)
            }
        }
    }
}
