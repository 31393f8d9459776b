// What a data array holds: numbers in full, or the entries of a sparse matrix.

/// The numbers of a data array.
package enum DataValue: Sendable, Equatable {
    case dense(Tensor)
    case sparse(SparseMatrix)

    /// Dimensions from the outermost in.
    package var shape: [Int] {
        switch self {
        case .dense(let tensor): tensor.shape
        case .sparse(let matrix): matrix.shape
        }
    }

    /// Whether every element is an integer by its type.
    package var isInteger: Bool {
        switch self {
        case .dense(let tensor): tensor.elementType == .integer
        case .sparse: false
        }
    }

    /// Bytes of memory.
    package var memoryBytes: Int {
        switch self {
        case .dense(let tensor): tensor.count * MemoryLayout<Double>.stride
        case .sparse(let matrix): matrix.memoryBytes
        }
    }

    /// The numbers that are stored.
    package var storedCount: Int {
        switch self {
        case .dense(let tensor): tensor.count
        case .sparse(let matrix): 2 * matrix.entryCount
        }
    }

    /// The numbers for programs of one precision, without a copy where they are in it.
    package func memory(in precision: Precision) -> DataMemory {
        switch self {
        case .dense(let tensor): .dense(tensor.storage.converted(to: precision))
        case .sparse(let matrix): .sparse(matrix.converted(to: precision))
        }
    }

    /// Every number in turn, zeros written out. A copy of a sparse matrix.
    package func denseStorage() -> AlignedBuffer {
        switch self {
        case .dense(let tensor): return tensor.storage
        case .sparse(let matrix): return AlignedBuffer(matrix.denseValues())
        }
    }

    /// The first finite number that a precision cannot hold: too large for it or, for integers, not exact in it.
    package func firstValue(beyond precision: Precision) -> Double? {
        switch self {
        case .dense(let tensor): tensor.firstValue(beyond: precision)
        case .sparse(let matrix): matrix.byRow.values.values.first { precision.rounded($0).isInfinite }
        }
    }

    /// The same array with its numbers rounded to those of a precision.
    package func rounded(to precision: Precision) -> DataValue {
        switch self {
        case .dense(let tensor): .dense(tensor.rounded(to: precision))
        case .sparse(let matrix): .sparse(matrix.converted(to: precision).converted(to: .float64))
        }
    }

    /// The rows `order[0]`, `order[1]`, …; see ``Tensor/reorderingRows(_:)``.
    package func reorderingRows(_ order: [Int]) -> DataValue {
        switch self {
        case .dense(let tensor): .dense(tensor.reorderingRows(order))
        case .sparse(let matrix): .sparse(matrix.reorderingRows(order))
        }
    }
}

/// The memory of a data array, as programs bind it.
package enum DataMemory: Sendable {
    case dense(AlignedBuffer)
    case sparse(SparseMatrix)
}
