// Directions on batches: a compiled program for each combination, the same draw at as many points as an estimator asks.
import ExpressionGraph
import Solvers
import Tensors

/// A point in memory: x [p], y [d], and the tangent v [d] where products are wanted.
struct PointInMemory {
    let x: UnsafePointer<Double>
    let y: UnsafePointer<Double>
    let v: UnsafePointer<Double>
}

/// An upper variable, or the rows of one that a draw shows, in vectors of the upper level.
struct LeafPlace {
    /// Of the variable.
    let entries: Range<Int>
    let rows: UpperLeaf.Rows?
    /// Entries of one row.
    let rowCount: Int
    /// Entries of the largest draw.
    let width: Int
}

/// Evaluates directions on the draws at hand. Nothing is allocated between draws.
final class SampledOracle {
    private typealias Vector = UnsafeMutablePointer<Double>

    /// One program with its inputs resolved.
    private final class Compiled {
        let program: Program
        let x: [InputCell?]
        let y: [InputCell?]
        let v: [InputCell?]
        /// Of a step: its length, b and s, and where each output goes before the next.
        let length: InputCell?
        let offset: [InputCell?]
        let sum: [InputCell?]
        let carried: [InputCell?]
        var weights: [BatchWeight]
        /// Whether each output of a leaf is other than 0 for some point.
        let leaves: [Bool]
        /// The first output of the leaves.
        let firstLeaf: Int

        init(_ piece: SampledPiece, _ programs: SampledPrograms, _ program: Program) {
            func cells(_ nodes: [NodeID]) -> [InputCell?] { nodes.map { program.cell($0) } }
            let sampled = programs.sampled
            let d = sampled.derivatives
            self.program = program
            (x, y, v) = (cells(d.x), cells(d.y), cells(d.v))
            (offset, sum) = (cells(programs.steps.offset), cells(programs.steps.sum))
            length = program.cell(programs.steps.length)
            weights = (piece.isOfLowerLevel ? sampled.lower : sampled.upper).axes.map { axis in
                BatchWeight(cell: program.cell(axis.weight))
            }
            carried =
                switch piece {
                case .lowerStep: y
                case .linearStep: v
                case .seriesStep: v + sum
                case .lowerGradient, .lowerGradients, .hessian, .mixed, .directions, .upper: []
                }
            firstLeaf = piece.lowerVectors * d.y.count
            leaves = programs.outputs(piece)[firstLeaf...].map { !programs.isZero($0) }
        }
    }

    let upperDimension: Int
    let lowerDimension: Int
    let leaves: [LeafPlace]
    private let sampled: SampledGraph
    private let lowerEntries: [Range<Int>]
    private var compiled: [Compiled?]
    private let scratch: AlignedBuffer
    private var lowerNow: [Draw] = []
    private var upperNow: [Draw] = []
    /// Draws whose rows the next evaluation asks for while it computes.
    private var lowerAhead: [Draw?] = []
    private var upperAhead: [Draw?] = []
    /// Evaluations since the last look.
    private(set) var counts = OracleCounts()

    /// - Parameter pieces: what will be evaluated.
    init(_ problem: MultilevelProblem, _ programs: SampledPrograms, _ pieces: [SampledPiece], _ draws: SampledDraws) {
        sampled = programs.sampled
        upperDimension = problem.upper.dimension
        lowerDimension = problem.lower.dimension
        lowerEntries = problem.lower.variables.indices.map(problem.lower.entries)
        let largest = Self.largestCounts(programs, draws)
        leaves = Self.places(problem, programs.sampled, largest)
        scratch = AlignedBuffer(count: max(problem.upper.dimension, 1))
        compiled = SampledPiece.allCases.map { _ in nil }
        let buffers = problem.buffers(in: problem.precision)
        for (index, piece) in SampledPiece.allCases.enumerated() where pieces.contains(piece) {
            compiled[index] = Self.compile(piece, programs, largest, buffers)
        }
    }

    /// Rows of the largest draw of every drawn axis.
    static func largestCounts(_ programs: SampledPrograms, _ draws: SampledDraws) -> [AxisID: Int] {
        var largest: [AxisID: Int] = [:]
        for use in SampleUse.allCases {
            let axes = use.isOfLowerLevel ? programs.sampled.lower.axes : programs.sampled.upper.axes
            for (axis, source) in zip(axes, draws.sources(of: use)) {
                largest[axis.drawn] = max(largest[axis.drawn] ?? 0, source.largestCount)
            }
        }
        return largest
    }

    /// Where the leaves of x lie.
    static func places(
        _ problem: MultilevelProblem, _ sampled: SampledGraph, _ largest: [AxisID: Int]
    ) -> [LeafPlace] {
        sampled.leaves.map { leaf in
            let entries = problem.upper.entries(of: leaf.variable)
            guard let rows = leaf.rows else {
                return LeafPlace(entries: entries, rows: nil, rowCount: 0, width: entries.count)
            }
            let rowCount = problem.upper.variables[leaf.variable].rowCount
            let axes = rows.isLower ? sampled.lower.axes : sampled.upper.axes
            return LeafPlace(
                entries: entries, rows: rows, rowCount: rowCount,
                width: rowCount * (largest[axes[rows.axis].drawn] ?? 0))
        }
    }

    private static func compile(
        _ piece: SampledPiece, _ programs: SampledPrograms, _ largest: [AxisID: Int],
        _ buffers: [NodeID: DataMemory]
    ) -> Compiled {
        let program = Program(programs.plan(piece, largestCounts: largest))
        let sampled = programs.sampled
        for (node, buffer) in buffers { program.bind(node, to: buffer) }
        for input in sampled.lower.inputs + sampled.upper.inputs {
            if let buffer = buffers[input.array.node] { program.bind(input.node, to: buffer) }
        }
        return Compiled(piece, programs, program)
    }

    /// Evaluations since the last call.
    func takeCounts() -> OracleCounts {
        defer { counts = OracleCounts() }
        return counts
    }

    // MARK: - Draws

    /// Draws the next batch of a use; evaluations of that level are on it from now on.
    func draw(_ use: SampleUse, _ draws: inout SampledDraws, _ counters: inout DrawCounters) {
        if use.isOfLowerLevel {
            draws.next(use, &counters, into: &lowerNow)
            draws.following(use, counters, into: &lowerAhead)
        } else {
            draws.next(use, &counters, into: &upperNow)
            draws.following(use, counters, into: &upperAhead)
        }
    }

    /// Shows a given batch of a level with at most one axis.
    func show(_ draw: Draw?, isLower: Bool) {
        if isLower {
            lowerNow.removeAll(keepingCapacity: true)
            if let draw { lowerNow.append(draw) }
        } else {
            upperNow.removeAll(keepingCapacity: true)
            if let draw { upperNow.append(draw) }
        }
    }

    /// The table's entry and share of the present batch, of a level with at most one axis.
    func slot(isLower: Bool) -> (number: Int, share: Double) {
        let draw = isLower ? lowerNow.first : upperNow.first
        return (draw?.slot ?? 0, draw?.share ?? 1)
    }

    /// Rows of the present batch.
    private func sampleCount(isLower: Bool) -> Int {
        (isLower ? lowerNow : upperNow).reduce(0) { $0 + $1.count }
    }

    // MARK: - Evaluating

    private func programs(of piece: SampledPiece) -> Compiled {
        guard let found = compiled[piece.index] else {
            preconditionFailure("\(piece.rawValue) is not among the pieces of this method")
        }
        return found
    }

    /// Evaluates a piece on the present batch of its level; its outputs stay until it is evaluated again.
    func run(_ piece: SampledPiece, at point: PointInMemory) {
        let part = programs(of: piece)
        write(point, to: part)
        run(part, piece, x: point.x)
    }

    /// Evaluates a program whose point is written, but for the rows of x that the present batch shows.
    private func run(_ part: Compiled, _ piece: SampledPiece, x: UnsafePointer<Double>) {
        let isLower = piece.isOfLowerLevel
        let axes = isLower ? sampled.lower.axes : sampled.upper.axes
        let draws = isLower ? lowerNow : upperNow
        for index in axes.indices {
            part.program.selectRows(of: axes[index].drawn, start: draws[index].start, count: draws[index].count)
            part.weights[index].show(draws[index].weight, part.program)
        }
        for index in leaves.indices {
            guard let cell = part.x[index], let range = rows(leaves[index], draws, isLower) else { continue }
            part.program.write(x + range.lowerBound, count: range.count, to: cell)
        }
        if isLower {
            prefetch(&lowerAhead, axes, part.program)
        } else {
            prefetch(&upperAhead, axes, part.program)
        }
        part.program.run()
        counts.add(piece.count(samples: sampleCount(isLower: isLower)))
    }

    /// Writes y, v and the variables of x without rows.
    private func write(_ point: PointInMemory, to part: Compiled) {
        for index in leaves.indices where leaves[index].rows == nil {
            let entries = leaves[index].entries
            guard let cell = part.x[index] else { continue }
            part.program.write(point.x + entries.lowerBound, count: entries.count, to: cell)
        }
        write(point.y, to: part.y, part.program)
        write(point.v, to: part.v, part.program)
    }

    /// Writes a vector of the lower dimension.
    private func write(_ vector: UnsafePointer<Double>, to cells: [InputCell?], _ program: Program) {
        for index in lowerEntries.indices {
            guard let cell = cells[index] else { continue }
            program.write(vector + lowerEntries[index].lowerBound, count: lowerEntries[index].count, to: cell)
        }
    }

    /// Asks for the rows of the draws ahead, once.
    private func prefetch(_ ahead: inout [Draw?], _ axes: [LevelDraw.Axis], _ program: Program) {
        for index in ahead.indices {
            guard let next = ahead[index] else { continue }
            program.prefetchRows(of: axes[index].drawn, start: next.start, count: next.count)
        }
        ahead.removeAll(keepingCapacity: true)
    }

    /// The entries that a draw shows of a variable with rows.
    private func rows(_ place: LeafPlace, _ draws: [Draw], _ isLower: Bool) -> Range<Int>? {
        guard let rows = place.rows, rows.isLower == isLower else { return nil }
        let first = place.entries.lowerBound + draws[rows.axis].start * place.rowCount
        return first..<(first + draws[rows.axis].count * place.rowCount)
    }

    /// Reads a vector of the lower dimension: `number` counts them from 0.
    func readLower(_ piece: SampledPiece, _ number: Int, into target: UnsafeMutablePointer<Double>) {
        let part = programs(of: piece)
        let first = number * lowerEntries.count
        for index in lowerEntries.indices {
            let entries = lowerEntries[index]
            part.program.read(
                first + index,
                into: UnsafeMutableBufferPointer(start: target + entries.lowerBound, count: entries.count))
        }
    }

    /// Reads the numbers of one leaf, and where they belong in x; `nil` for a leaf that is 0 whatever the point.
    func readLeaf(
        _ piece: SampledPiece, _ leaf: Int, into target: UnsafeMutablePointer<Double>
    ) -> Range<Int>? {
        let part = programs(of: piece)
        guard part.leaves[leaf] else { return nil }
        let place = leaves[leaf]
        let isLower = piece.isOfLowerLevel
        guard let range = place.rows == nil ? place.entries : rows(place, isLower ? lowerNow : upperNow, isLower)
        else { return nil }
        part.program.read(
            part.firstLeaf + leaf, into: UnsafeMutableBufferPointer(start: target, count: range.count))
        return range
    }

    /// Whether a leaf's output is other than 0 for some point.
    func hasLeaf(_ piece: SampledPiece, _ leaf: Int) -> Bool { programs(of: piece).leaves[leaf] }

    /// Adds the vector of the upper dimension to `target`, [p].
    func addUpper(_ piece: SampledPiece, to target: UnsafeMutablePointer<Double>) {
        for leaf in leaves.indices {
            guard let range = readLeaf(piece, leaf, into: scratch.base) else { continue }
            for index in 0..<range.count { target[range.lowerBound + index] += scratch.base[index] }
        }
    }
}

// MARK: - Steps

extension SampledOracle {
    /// Begins steps of a piece at a point.
    ///
    /// - Parameter offset: b of a step on v, and where the sum of a series begins; 0 where `nil`.
    func beginSteps(
        _ piece: SampledPiece, at point: PointInMemory, length: Double, offset: UnsafePointer<Double>?
    ) {
        let part = programs(of: piece)
        write(point, to: part)
        if let cell = part.length { part.program.write(length, to: cell) }
        for cells in [part.offset, part.sum] {
            if let offset {
                write(offset, to: cells, part.program)
            } else {
                for cell in cells { if let cell { part.program.clear(cell) } }
            }
        }
    }

    /// Takes one step on the present batch.
    func step(_ piece: SampledPiece, x: UnsafePointer<Double>) {
        let part = programs(of: piece)
        run(part, piece, x: x)
        for output in part.carried.indices {
            if let cell = part.carried[output] { part.program.exchange(output, with: cell) }
        }
    }

    /// Reads where the steps have led: a vector of the lower dimension, `number` counting them from 0.
    func readSteps(_ piece: SampledPiece, _ number: Int, into target: UnsafeMutablePointer<Double>) {
        let part = programs(of: piece)
        for (index, entries) in lowerEntries.enumerated() {
            let output = number * lowerEntries.count + index
            if let cell = part.carried[output] { part.program.read(cell, into: target + entries.lowerBound) }
        }
    }
}

extension SampledOracle {
    /// Hv on the present batch, for what happens before the first iteration. A copy.
    func hessianProduct(_ x: [Double], _ y: [Double], _ v: [Double]) -> [Double] {
        x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
                v.withUnsafeBufferPointer { v in
                    // Empty arrays have no address, and nothing to multiply.
                    guard let x = x.baseAddress, let y = y.baseAddress, let v = v.baseAddress else { return [] }
                    run(.hessian, at: PointInMemory(x: x, y: y, v: v))
                    return [Double](unsafeUninitializedCapacity: lowerDimension) { target, count in
                        if let base = target.baseAddress { readLower(.hessian, 0, into: base) }
                        count = lowerDimension
                    }
                }
            }
        }
    }
}

extension SampledPiece {
    /// Its place among all.
    fileprivate var index: Int {
        switch self {
        case .lowerGradient: 0
        case .lowerGradients: 1
        case .hessian: 2
        case .mixed: 3
        case .directions: 4
        case .upper: 5
        case .lowerStep: 6
        case .linearStep: 7
        case .seriesStep: 8
        }
    }
}
