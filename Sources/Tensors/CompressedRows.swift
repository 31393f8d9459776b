// Memory of the stored entries of a sparse matrix, row after row, as the kernels read it.
import CKernels

/// A view of compressed rows for the kernels: pointers that live as long as the ``CompressedRows`` they come from.
package typealias SparseRowsView = sk_sparse

/// Stored entries by rows: where each row starts, and the column and value of every entry. Never written after `init`.
package final class CompressedRows: Sendable {
    /// Bytes of one entry: its value and its column.
    package static let bytesPerEntry = MemoryLayout<Double>.stride + MemoryLayout<Int32>.stride

    /// The values, row after row.
    package let values: AlignedBuffer
    private let places: Places

    /// Where entries lie; matrices of the same places in two precisions share them.
    private final class Places: @unchecked Sendable {
        // @unchecked: the memory is written by `init` alone.
        let starts: UnsafeMutableBufferPointer<Int64>
        let columns: UnsafeMutableBufferPointer<Int32>

        init(starts: [Int], columns: some Collection<Int32>) {
            self.starts = .allocate(capacity: starts.count)
            _ = self.starts.initialize(from: starts.lazy.map(Int64.init))
            self.columns = .allocate(capacity: columns.count)
            _ = self.columns.initialize(from: columns)
        }

        deinit {
            starts.deallocate()
            columns.deallocate()
        }
    }

    /// Takes rows as they are: the caller has checked that starts ascend to the number of entries, and columns in rows.
    init(starts: [Int], columns: some Collection<Int32>, _ values: [Double]) {
        self.values = AlignedBuffer(values)
        places = Places(starts: starts, columns: columns)
    }

    private init(_ places: Places, _ values: AlignedBuffer) {
        self.places = places
        self.values = values
    }

    /// The same rows with values in another precision; themselves where they have that one. Places are shared.
    func converted(to precision: Precision) -> CompressedRows {
        precision == values.precision ? self : CompressedRows(places, values.converted(to: precision))
    }

    /// The number of rows.
    package var count: Int { places.starts.count - 1 }

    /// Bytes of memory.
    package var memoryBytes: Int {
        places.starts.count * MemoryLayout<Int64>.stride
            + values.count * (values.precision.size + MemoryLayout<Int32>.stride)
    }

    /// Where the entries of a row lie.
    package func entries(ofRow row: Int) -> Range<Int> { Int(places.starts[row])..<Int(places.starts[row + 1]) }

    /// The columns of a row's entries, ascending. A copy.
    package func columns(ofRow row: Int) -> [Int32] { Array(places.columns[entries(ofRow: row)]) }

    /// The values of a row's entries. A copy.
    ///
    /// - Precondition: they are doubles.
    package func values(ofRow row: Int) -> [Double] {
        let range = entries(ofRow: row)
        return Array(UnsafeBufferPointer(start: values.base + range.lowerBound, count: range.count))
    }

    /// The rows from `first` on.
    package func view(from first: Int = 0) -> SparseRowsView {
        // There is at least one start, so they have an address.
        SparseRowsView(
            starts: UnsafePointer(places.starts.baseAddress! + first),
            columns: UnsafePointer(places.columns.baseAddress), values: UnsafeRawPointer(values.address))
    }

    /// Asks for the entries of `count` rows from `first` on, so that they arrive while something else is computed.
    package func prefetch(first: Int, count: Int) {
        let (start, end) = (Int(places.starts[first]), Int(places.starts[first + count]))
        guard let columns = places.columns.baseAddress, end > start else { return }
        let size = values.precision.size
        Kernels.prefetch(values.address + start * size, bytes: (end - start) * size)
        Kernels.prefetch(columns + start, bytes: (end - start) * MemoryLayout<Int32>.stride)
    }

    /// The transpose, whose rows are these columns: entries in ascending order of row. O(rows + columns + entries).
    func transposed(columns columnCount: Int) -> CompressedRows {
        var starts = [Int](repeating: 0, count: columnCount + 1)
        for column in places.columns { starts[Int(column) + 1] += 1 }
        for column in 0..<columnCount { starts[column + 1] += starts[column] }
        var next = starts
        var rows = [Int32](repeating: 0, count: values.count)
        var moved = [Double](repeating: 0, count: values.count)
        for row in 0..<count {
            for entry in entries(ofRow: row) {
                let column = Int(places.columns[entry])
                rows[next[column]] = Int32(row)
                moved[next[column]] = values.base[entry]
                next[column] += 1
            }
        }
        return CompressedRows(starts: starts, columns: rows, moved)
    }
}

extension CompressedRows: Equatable {
    /// Equal places and bits.
    package static func == (left: CompressedRows, right: CompressedRows) -> Bool {
        if left === right { return true }
        return left.places.starts.elementsEqual(right.places.starts)
            && left.places.columns.elementsEqual(right.places.columns)
            && left.values.precision == right.values.precision
            && zip(left.values.values, right.values.values).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}
