// Draws: every row once an epoch, orders that depend on (seed, axis, stream, epoch) alone.
import MultilevelOptimization
import Testing

@Suite struct BatchSamplerTests {
    private static func slots(_ sampler: BatchSampler, _ range: Range<Int>) -> [Int] {
        var sampler = sampler
        return range.map { sampler.draw(at: $0).slot }
    }

    @Test(arguments: [(1, 1), (1, 9), (12, 4), (13, 4), (11, 4), (64, 64), (65, 64), (63, 64), (1000, 7)])
    func everyRowOnceAnEpoch(_ rows: Int, _ batch: Int) {
        var sampler = BatchSampler(seed: 3, axis: "a", stream: "lower", rows: rows, batch: batch)
        let batches = (rows + min(batch, rows) - 1) / min(batch, rows)
        #expect(sampler.batchCount == batches)
        for epoch in 0..<3 {
            var visits = [Int](repeating: 0, count: rows)
            for t in (epoch * batches)..<((epoch + 1) * batches) {
                let draw = sampler.draw(at: t)
                #expect(draw.weight == Double(batches))
                #expect(draw.start == draw.slot * min(batch, rows))
                for row in draw.start..<(draw.start + draw.count) { visits[row] += 1 }
            }
            #expect(visits.allSatisfy { $0 == 1 })
        }
    }

    @Test func everyEpochIsShuffledAnewTheFirstToo() {
        let sampler = BatchSampler(seed: 3, axis: "a", stream: "lower", rows: 100, batch: 2)
        let epochs = (0..<4).map { Self.slots(sampler, (50 * $0)..<(50 * $0 + 50)) }
        #expect(Set(epochs).count == 4)
        #expect(!epochs.contains(Array(0..<50)))
    }

    @Test func aDrawDependsOnItsNumberAlone() {
        let sampler = BatchSampler(seed: 3, axis: "a", stream: "lower", rows: 40, batch: 3)
        let inOrder = Self.slots(sampler, 0..<70)
        var jumping = sampler
        for t in [69, 0, 13, 14, 68, 1, 27, 28, 27] { #expect(jumping.draw(at: t).slot == inOrder[t]) }
    }

    @Test func seedAxisAndStreamEachKeyTheOrder() {
        func order(_ seed: UInt64, _ axis: String, _ stream: String) -> [Int] {
            Self.slots(BatchSampler(seed: seed, axis: axis, stream: stream, rows: 60, batch: 1), 0..<60)
        }
        let base = order(1, "a", "lower")
        #expect(base == order(1, "a", "lower"))
        #expect(base != order(2, "a", "lower"))
        #expect(base != order(1, "b", "lower"))
        #expect(base != order(1, "a", "upper"))
    }

    @Test func rowsAreLaidOutAsAPermutation() {
        let order = BatchSampler.rowOrder(seed: 1, axis: "a", rows: 50)
        #expect(order.sorted() == Array(0..<50))
        #expect(order != Array(0..<50))
        #expect(order != BatchSampler.rowOrder(seed: 1, axis: "b", rows: 50))
    }

    /// Two levels that draw from one axis see different batches at the same time, equally often each pair.
    @Test func levelsDrawIndependently() {
        let lower = BatchSampler(seed: 5, axis: "a", stream: "lower", rows: 4, batch: 1)
        let upper = BatchSampler(seed: 5, axis: "a", stream: "upper", rows: 4, batch: 1)
        var pairs = [Int](repeating: 0, count: 16)
        for (i, j) in zip(Self.slots(lower, 0..<8000), Self.slots(upper, 0..<8000)) { pairs[4 * i + j] += 1 }
        // 500 of each are expected, with a standard deviation of about 22.
        #expect(pairs.allSatisfy { abs($0 - 500) < 110 })
    }
}
