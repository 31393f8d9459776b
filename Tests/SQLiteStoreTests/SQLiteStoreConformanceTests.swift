// The suite that every store passes, on the embedded one.
import JobStoreConformance
import SQLiteStore
import Testing

@Suite struct SQLiteStoreConformanceTests {
    @Test(arguments: ConformanceCheck.all) func keepsThePromise(_ check: ConformanceCheck) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let store = try await folder.open()
        try await check.run(on: store)
        await store.close()
    }
}
