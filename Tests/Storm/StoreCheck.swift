// What SQLite says of a store that a killed server left: pages, indices, references.
import Foundation
import GRDB

enum StoreCheck {
    /// Looks at a copy, so that the next server finds what the last one left.
    static func faults(of data: URL) throws -> [String] {
        let copy = data.deletingLastPathComponent().appendingPathComponent("copy")
        try? FileManager.default.removeItem(at: copy)
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: copy) }
        for name in ["jobs.sqlite", "jobs.sqlite-wal"] {
            let file = data.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            try FileManager.default.copyItem(at: file, to: copy.appendingPathComponent(name))
        }
        let database = try DatabaseQueue(path: copy.appendingPathComponent("jobs.sqlite").path)
        return try database.read { db in
            let words = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
            let references = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").count
            return words + (references == 0 ? [] : ["\(references) rows refer to none"])
        }
    }
}
