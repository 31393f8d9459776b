// A sparse data input bound to its matrix, as instructions find it: a view by rows that moves with batches, and one of
// the stored transpose.
import Tensors

/// The cell of a sparse input in a program's table of slots: the address of two views.
final class SparseBinding {
    private let matrix: SparseMatrix
    private let views: UnsafeMutablePointer<SparseRowsView>
    /// What showing other rows makes stale.
    let written: SlotSet

    init(_ matrix: SparseMatrix, written: SlotSet) {
        self.matrix = matrix
        self.written = written
        views = .allocate(capacity: 2)
        views.initialize(to: matrix.byRow.view())
        (views + 1).initialize(to: matrix.byColumn.view())
    }

    deinit { views.deallocate() }

    /// What stands in the table of slots.
    var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(views) }

    /// Shows the rows from `first` on.
    func move(to first: Int) { views.pointee = matrix.byRow.view(from: first) }

    func prefetch(first: Int, count: Int) { matrix.byRow.prefetch(first: first, count: count) }

    /// The view by rows at a slot's ``address``.
    static func byRow(_ cell: UnsafeRawPointer) -> UnsafePointer<SparseRowsView> {
        cell.assumingMemoryBound(to: SparseRowsView.self)
    }

    /// The view by columns beside it.
    static func byColumn(_ cell: UnsafeRawPointer) -> UnsafePointer<SparseRowsView> { byRow(cell) + 1 }
}
