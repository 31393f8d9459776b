// A folder of its own for each test.
import Foundation
import JobQueue
import JobStoreConformance
import SQLiteStore

struct TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "jobs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/" + SQLiteStore.fileName }

    func open(_ edit: (inout SQLiteStore.Options) -> Void = { _ in }) async throws -> SQLiteStore {
        var options = SQLiteStore.Options()
        edit(&options)
        return try await SQLiteStore.open(folder: path, options: options, compose: ConformanceCheck.describe)
    }
}
