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
    private let memory: AlignedBuffer

    /// - Parameters:
    ///   - variable: its index in the outermost level.
    ///   - firstOutput: the program's first output of a step along rows.
    init?(_ upper: Level, variable: Int, _ leaves: [UpperLeaf], firstOutput: Int) {
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
    }

    func bind(to program: Program) {
        for view in views { program.bind(view.input, to: memory) }
    }

    func load(_ x: [Double]) {
        for (offset, entry) in entries.enumerated() { memory.base[offset] = x[entry] }
    }

    func store(_ x: inout [Double]) {
        for (offset, entry) in entries.enumerated() { x[entry] = memory.base[offset] }
    }

    /// x ← P(x − Σ steps) over the rows that were drawn.
    func update(from program: Program, lower: [Draw], upper: [Draw]) {
        func drawn(_ view: View) -> Range<Int> {
            let draw = view.rows.isLower ? lower[view.rows.axis] : upper[view.rows.axis]
            return (draw.start * rowCount)..<((draw.start + draw.count) * rowCount)
        }
        // All steps before any projection: two draws may share rows.
        for view in views {
            let target = memory.base + drawn(view).lowerBound
            let step = program.result(view.output)
            for index in step.indices { target[index] -= step[index] }
        }
        for view in views {
            set.project(drawn(view), of: UnsafeMutableBufferPointer(start: memory.base, count: memory.count))
            program.noteChange(of: view.input)
        }
    }
}
