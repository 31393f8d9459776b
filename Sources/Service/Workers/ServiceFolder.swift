// Where the service keeps its files.
import Foundation

/// The layout of the data folder.
package struct ServiceFolder: Sendable {
    package let root: URL

    package init(_ root: URL) { self.root = root }

    /// Data sets frozen by their hash.
    var blobs: URL { root.appendingPathComponent("blobs") }
    /// Documents on their way through admission.
    var spool: URL { root.appendingPathComponent("spool") }
    /// States and results of one job.
    func job(_ id: String) -> URL { root.appendingPathComponent("jobs").appendingPathComponent(id) }

    /// Makes the folders.
    package func prepare() throws {
        for folder in [root, blobs, spool, root.appendingPathComponent("jobs")] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
    }

    /// Removes what a lost server left in the spool. Only for the one who holds the folder's lock: another server's
    /// documents may lie there.
    package func emptySpool() throws {
        for file in try FileManager.default.contentsOfDirectory(at: spool, includingPropertiesForKeys: nil) {
            try FileManager.default.removeItem(at: file)
        }
    }
}
