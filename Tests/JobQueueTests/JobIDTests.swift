// Names of jobs: the form, the order, the ends of the range.
import JobQueue
import Testing

@Suite struct JobIDTests {
    /// The example of the ULID specification's reference implementation: 1469918176385 is `01ARYZ6S41`.
    @Test func timeStandsInFrontAsTheSpecificationSays() {
        var generator = JobIDGenerator()
        var source = CountingGenerator()
        let id = generator.next(at: Timestamp(milliseconds: 1_469_918_176_385), using: &source)
        #expect(id.description.hasPrefix("job_01ARYZ6S41"))
        #expect(id.description.utf8.count == 30)
    }

    @Test(arguments: [UInt128(0), 1, .max, .max / 3, UInt128(1) << 127])
    func readsWhatItWrites(_ bits: UInt128) {
        let id = JobID(bits: bits)
        #expect(JobID(id.description) == id)
    }

    @Test func writesTheEndsOfItsRange() {
        #expect(JobID(bits: 0).description == "job_00000000000000000000000000")
        #expect(JobID(bits: .max).description == "job_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
    }

    @Test(arguments: [
        "", "job_", "job_0000000000000000000000000", "job_000000000000000000000000000",
        "ds__00000000000000000000000000", "job_80000000000000000000000000", "job_0000000000000000000000000I",
        "job_0000000000000000000000000l", "job_0000000000000000000000000a", "job_000000000000000000000000 0",
        "job_000000000000000000000000é", " job_00000000000000000000000000",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(JobID(text) == nil)
    }

    @Test func risesWithinAMillisecondAndWhenTheClockGoesBack() {
        var generator = JobIDGenerator()
        var source = CountingGenerator(state: .max - 10)
        let first = generator.next(at: noon, using: &source)
        let second = generator.next(at: noon, using: &source)
        let third = generator.next(at: noon.advanced(by: .seconds(-5)), using: &source)
        let fourth = generator.next(at: noon.advanced(by: .milliseconds(1)), using: &source)
        #expect(second.bits == first.bits + 1)
        #expect(third.bits == second.bits + 1)
        #expect(fourth > third && fourth.bits >> 80 == third.bits >> 80 + 1)
    }

    @Test(arguments: [Int64.min, -1, .max])
    func takesAnyTime(_ milliseconds: Int64) {
        var generator = JobIDGenerator()
        var source = CountingGenerator()
        let id = generator.next(at: Timestamp(milliseconds: milliseconds), using: &source)
        #expect(JobID(id.description) == id)
    }

    @Test func textAndNumberAreOrderedAlike() {
        var source = CountingGenerator(state: 3)
        var ids: [JobID] = []
        for step in 0..<200 {
            var generator = JobIDGenerator()
            ids.append(generator.next(at: noon.advanced(by: .milliseconds(step * 7_919)), using: &source))
        }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }
}
