// Cursors and the size of pages.
import JobQueue
import Testing

@Suite struct JobQueryTests {
    @Test func aCursorReadsWhatItWrites() {
        let cursor = JobCursor(after: makeJob())
        #expect(JobCursor(cursor.description) == cursor)
    }

    @Test(
        arguments: ["", ".", "1.", "1.job_"]
            + ["", "x", "-1", "+1", "1e3", "0000000000000001"].map { "\($0).job_00000000000000000000000000" })
    func anythingElseIsNoCursor(_ text: String) {
        #expect(JobCursor(text) == nil)
    }

    @Test(arguments: [0, 201]) func aPageHasItsSize(_ limit: Int) {
        #expect(throws: JobStoreError.outOfRange(.limit, allowed: 1...200, found: limit)) {
            try JobQuery(limit: limit).check()
        }
        #expect(throws: Never.self) { try JobQuery(limit: 200).check() }
    }
}
