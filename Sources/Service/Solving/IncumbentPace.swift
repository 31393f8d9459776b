// When a new best point is told as an event of its own: ever more seldom, and by the numbers of iterations alone, so that a
// resumed run tells what an undisturbed one would have told.

/// Divides the iterations into stretches: the first seven are one each, then eight make an octave.
package enum IncumbentPace {
    /// Whether the best point of iteration `best` is told, when at the progress point before the best was that of `known`.
    package static func tells(_ best: Int, after known: Int) -> Bool { stretch(best) > stretch(known) }

    private static func stretch(_ iteration: Int) -> Int {
        guard iteration >= 8 else { return max(0, iteration) }
        let octave = Int.bitWidth - 1 - iteration.leadingZeroBitCount
        return 8 * octave + (iteration >> (octave - 3)) - 8
    }
}
