// The calendar never traps.
import JobQueue
import Testing

@Suite struct TimestampTests {
    @Test func movesByDurations() {
        #expect(noon.advanced(by: .seconds(1.5)) == Timestamp(milliseconds: noon.milliseconds + 1_500))
        #expect(noon.advanced(by: .seconds(-1)) < noon)
    }

    @Test func staysAtTheEndsOfItsRange() {
        #expect(Timestamp(milliseconds: .max).advanced(by: .milliseconds(1)).milliseconds == .max)
        #expect(Timestamp(milliseconds: .min).advanced(by: .milliseconds(-1)).milliseconds == .min)
        #expect(Timestamp(milliseconds: .max - 1).advanced(by: .milliseconds(1)).milliseconds == .max)
    }

    @Test(arguments: [
        (Duration.zero, Int64(0)), (.microseconds(1_999), 1), (.microseconds(-1_999), -1), (.seconds(2), 2_000),
        (.seconds(Int64.max), Int64.max), (.seconds(Int64.min), Int64.min),
    ])
    func durationsHaveWholeMilliseconds(_ duration: Duration, _ expected: Int64) {
        #expect(duration.wholeMilliseconds == expected)
    }
}
