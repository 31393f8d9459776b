// Upper variables with one entry per row: kept in full beside SOBA's program, which sees and moves drawn rows only.
import ExpressionGraph
import Solvers
import Tensors

/// The memory of one variable, with an input of the program for every draw that shows its rows.
struct SOBARows {
    /// One draw's rows of the variable.
    struct View {
        let input: NodeID
        /// The program's output that holds γ times the direction along these rows.
        let output: Int
        let rows: UpperLeaf.Rows
    }

    /// Where the variable lies in the level's vector.
    let entries: Range<Int>
    private let rowCount: Int
    private let set: ConvexSet
    private let views: [View]
    /// The variable, and what the program sees of it: the same, or its numbers in the program's precision.
    private let memory: AlignedBuffer
    private let shown: AlignedBuffer
    /// Room for the steps of one draw, and for a projection.
    private let steps: AlignedBuffer
    private let room: AlignedBuffer

    /// - Parameters:
    ///   - variable: its index in the outermost level.
    ///   - firstOutput: the program's first output of a step along rows.
    ///   - precision: the program's.
    init?(_ upper: Level, variable: Int, _ leaves: [UpperLeaf], firstOutput: Int, _ precision: Precision) {
        let withRows = leaves.filter { $0.rows != nil }
        var views: [View] = []
        for (index, leaf) in withRows.enumerated() where leaf.variable == variable {
            guard let rows = leaf.rows else { continue }
            views.append(View(input: leaf.node, output: firstOutput + index, rows: rows))
        }
        if views.isEmpty { return nil }
        self.views = views
        entries = upper.entries(of: variable)
        rowCount = upper.variables[variable].rowCount
        set = upper.constraint.restricted(to: entries)
        memory = AlignedBuffer(count: entries.count)
        shown = precision == .float64 ? memory : AlignedBuffer(count: entries.count, precision: precision)
        steps = AlignedBuffer(count: entries.count)
        room = AlignedBuffer(count: set.room(for: entries.count))
    }

    func bind(to program: Program) {
        for view in views { program.bind(view.input, to: shown) }
    }

    func load(_ x: [Double]) {
        for (offset, entry) in entries.enumerated() { memory.base[offset] = x[entry] }
        show(0..<memory.count)
    }

    /// Gives the program the present numbers of a range.
    private func show(_ range: Range<Int>) {
        if shown === memory { return }
        let size = shown.precision.size
        shown.precision.write(
            memory.base + range.lowerBound, count: range.count, to: shown.address + range.lowerBound * size)
    }

    func store(_ x: inout [Double]) {
        for (offset, entry) in entries.enumerated() { x[entry] = memory.base[offset] }
    }

    /// x ← P(x − Σ steps) over the rows that were drawn.
    func update(from program: Program, lower: [Draw], upper: [Draw]) {
        // All steps before any projection: two draws may share rows.
        for view in views {
            let target = memory.base + drawn(view, lower, upper).lowerBound
            let count = program.read(
                view.output, into: UnsafeMutableBufferPointer(start: steps.base, count: steps.count))
            for index in 0..<count { target[index] -= steps.base[index] }
        }
        for view in views {
            let range = drawn(view, lower, upper)
            set.project(
                range, of: UnsafeMutableBufferPointer(start: memory.base, count: memory.count), room.base)
            show(range)
            program.noteChange(of: view.input)
        }
    }

    /// The entries that a view shows under its level's draw.
    private func drawn(_ view: View, _ lower: [Draw], _ upper: [Draw]) -> Range<Int> {
        let draw = view.rows.isLower ? lower[view.rows.axis] : upper[view.rows.axis]
        return (draw.start * rowCount)..<((draw.start + draw.count) * rowCount)
    }
}
