// Batches: an axis is cut once into fixed batches by a seeded permutation, and every epoch visits each batch once, in
// an order of its own. A draw depends on (seed, axis, stream, count) alone, so a sampler has no state to lose.
import Tensors

/// The one way to data: which rows, and with which weight.
package struct Draw: Sendable, Equatable {
    /// The first row, in the order in which the rows are laid out.
    package let start: Int
    package let count: Int
    /// The factor that makes Σ over these rows an unbiased estimate of Σ over all.
    package let weight: Double
    /// The batch's number, for methods that keep a table.
    package let slot: Int
    /// The batch's part of a table's average; 1/weight where all batches have the same.
    package let share: Double

    package init(start: Int, count: Int, weight: Double, slot: Int, share: Double? = nil) {
        self.start = start
        self.count = count
        self.weight = weight
        self.slot = slot
        self.share = share ?? 1 / weight
    }
}

/// Where the draws of one axis for one use come from.
package enum DrawSource: Sendable {
    /// Shuffled epochs over the fixed batches.
    case seeded(BatchSampler)
    /// A given sequence, repeated, for comparisons step by step.
    case sequence([Draw])

    /// The draw for iteration `t` = 0, 1, …
    mutating func draw(at t: Int) -> Draw {
        switch self {
        case .seeded(var sampler):
            let draw = sampler.draw(at: t)
            self = .seeded(sampler)
            return draw
        case .sequence(let draws): return draws[t % draws.count]
        }
    }

    /// The draw for iteration `t + 1`, where it is known without beginning another epoch.
    func peek(after t: Int) -> Draw? {
        switch self {
        case .seeded(let sampler): sampler.peek(after: t)
        case .sequence(let draws): draws[(t + 1) % draws.count]
        }
    }

    /// Rows of the largest draw.
    var largestCount: Int {
        switch self {
        case .seeded(let sampler): min(sampler.batch, sampler.rows)
        case .sequence(let draws): draws.map(\.count).max() ?? 0
        }
    }

    /// Batches that draws are told apart by.
    var slotCount: Int {
        switch self {
        case .seeded(let sampler): sampler.batchCount
        case .sequence(let draws): (draws.map(\.slot).max() ?? 0) + 1
        }
    }

    /// One draw of every batch, by number; of a given sequence, the first with that number.
    func batches() -> [Draw] {
        switch self {
        case .seeded(let sampler): (0..<sampler.batchCount).map(sampler.draw(slot:))
        case .sequence(let draws):
            (0..<slotCount).compactMap { slot in draws.first { $0.slot == slot } }
        }
    }

    /// Draws of one pass over the data.
    var epochLength: Int {
        switch self {
        case .seeded(let sampler): sampler.batchCount
        case .sequence(let draws): draws.count
        }
    }
}

/// Draws the batches of one axis.
package struct BatchSampler: Sendable, Equatable {
    package let rows: Int
    package let batch: Int
    private let seed: UInt64
    private let name: String
    private var epoch = -1
    private var order: [Int] = []

    /// - Parameters:
    ///   - axis: its name; it and `stream` key the random streams.
    ///   - stream: what the draws are for. Draws that a method's theory wants independent have different streams.
    package init(seed: UInt64, axis: String, stream: String, rows: Int, batch: Int) {
        self.seed = seed
        name = "batches/\(axis)/\(stream)"
        self.rows = rows
        self.batch = max(1, min(batch, rows))
    }

    /// K, the number of batches; the last may be short.
    package var batchCount: Int { (rows + batch - 1) / batch }

    /// The draw for iteration `t`. Each epoch of K draws holds every batch once.
    package mutating func draw(at t: Int) -> Draw {
        if t / batchCount != epoch {
            epoch = t / batchCount
            var stream = RandomStream(seed: seed, stream: "\(name)/\(epoch)")
            order = stream.permutation(batchCount)
        }
        return draw(slot: order[t % batchCount])
    }

    func peek(after t: Int) -> Draw? {
        (t + 1) / batchCount == epoch ? draw(slot: order[(t + 1) % batchCount]) : nil
    }

    func draw(slot: Int) -> Draw {
        let start = slot * batch
        return Draw(start: start, count: min(batch, rows - start), weight: Double(batchCount), slot: slot)
    }

    /// The order in which the rows of an axis are laid out, so that a batch is a contiguous slice.
    package static func rowOrder(seed: UInt64, axis: String, rows: Int) -> [Int] {
        var stream = RandomStream(seed: seed, stream: "rows/\(axis)")
        return stream.permutation(rows)
    }
}
