// Which new best points are told: the first few, then eight an octave, whatever was told before.
import Service
import Testing

@Suite struct IncumbentPaceTests {
    @Test func theFirstSixteenAreEachTold() {
        for iteration in 1...16 { #expect(IncumbentPace.tells(iteration, after: iteration - 1)) }
        #expect(!IncumbentPace.tells(0, after: 0) && !IncumbentPace.tells(5, after: 5))
    }

    /// Where every iteration is a new best, those told are eight in each octave from 8 on.
    @Test func aDescentIsToldByTheLogarithm() {
        let told = (1..<1 << 20).filter { IncumbentPace.tells($0, after: $0 - 1) }
        #expect(told.count == 7 + 8 * 17)
        #expect(Array(told.suffix(8)) == (8..<16).map { $0 << 16 })
    }

    /// A run whose best is older than what the reader knows tells nothing, and huge numbers are numbers.
    @Test func nothingIsToldTwice() {
        #expect(!IncumbentPace.tells(1_000_001, after: 1_000_000) && IncumbentPace.tells(2_000_000, after: 1_000_000))
        #expect(IncumbentPace.tells(.max, after: 0) && !IncumbentPace.tells(.max, after: .max))
        #expect(!IncumbentPace.tells(-1, after: 0))
    }
}
