// Dense arrays of numbers, immutable and shared without copying.

/// What a tensor's elements stand for. Both are stored as doubles; integers are exact up to 2⁵³.
package enum ElementType: String, Sendable, Equatable, CaseIterable {
    case float64
    case integer
}

/// Why numbers do not make a tensor.
package enum TensorError: Error, Equatable {
    /// A dimension is negative or the number of elements overflows.
    case invalidShape([Int])
    /// The shape wants another number of elements.
    case wrongCount(shape: [Int], expected: Int, actual: Int)
    /// An integer tensor holds a number that is no integer of magnitude up to 2⁵³.
    case notAnInteger(Double, at: Int)
}

/// A dense row-major array. Its storage is never written after `init`.
package struct Tensor: Sendable {
    /// Dimensions from the outermost in; empty for a scalar.
    package let shape: [Int]
    package let elementType: ElementType
    /// The elements, row-major. Whoever holds the tensor may read it and must not write it.
    package let storage: AlignedBuffer

    /// A tensor of `values` in row-major order.
    ///
    /// - Throws: ``TensorError`` when they do not fit `shape` or `elementType`.
    package init(shape: [Int], values: [Double], elementType: ElementType = .float64) throws {
        guard let count = Shapes.elementCount(shape) else { throw TensorError.invalidShape(shape) }
        guard count == values.count else {
            throw TensorError.wrongCount(shape: shape, expected: count, actual: values.count)
        }
        if elementType == .integer, let bad = values.firstIndex(where: { !Self.isExactInteger($0) }) {
            throw TensorError.notAnInteger(values[bad], at: bad)
        }
        self.init(checkedShape: shape, elementType: elementType, storage: AlignedBuffer(values))
    }

    /// A scalar.
    package init(_ value: Double) {
        self.init(checkedShape: [], elementType: .float64, storage: AlignedBuffer([value]))
    }

    private init(checkedShape: [Int], elementType: ElementType, storage: AlignedBuffer) {
        shape = checkedShape
        self.elementType = elementType
        self.storage = storage
    }

    /// Whether a double is an integer that doubles hold exactly, as all up to ±2⁵³ are.
    private static func isExactInteger(_ value: Double) -> Bool {
        value.rounded(.towardZero) == value && value.magnitude <= 0x1p53
    }

    /// The number of elements.
    package var count: Int { storage.count }

    /// The elements in row-major order. A copy, O(count).
    package var values: [Double] { storage.values }

    /// The first finite number that a precision has no finite number for, or integer that it does not hold exactly.
    package func firstValue(beyond precision: Precision) -> Double? {
        values.first { value in
            let rounded = precision.rounded(value)
            return value.isFinite && (elementType == .integer ? rounded != value : rounded.isInfinite)
        }
    }

    /// The same tensor with its elements rounded to the numbers of a precision.
    package func rounded(to precision: Precision) -> Tensor {
        if precision == .float64 { return self }
        let rounded = AlignedBuffer(storage.converted(to: precision).values)
        return Tensor(checkedShape: shape, elementType: elementType, storage: rounded)
    }

    /// Elements of one row, that is of one index of the first dimension.
    private var rowCount: Int { shape.dropFirst().reduce(1, *) }

    /// The rows `order[0]`, `order[1]`, …: row i of the result is row `order[i]` of this tensor.
    ///
    /// - Precondition: the tensor has a first dimension and every index lies in it. Repeats and omissions are allowed.
    package func reorderingRows(_ order: [Int]) -> Tensor {
        precondition(!shape.isEmpty, "a scalar has no rows")
        let width = rowCount
        let result = AlignedBuffer(count: order.count * width)
        for (row, source) in order.enumerated() {
            precondition(source >= 0 && source < shape[0], "row \(source) of \(shape[0])")
            (result.base + row * width).update(from: storage.base + source * width, count: width)
        }
        return Tensor(checkedShape: [order.count] + shape.dropFirst(), elementType: elementType, storage: result)
    }

    /// The rows in `range`, copied.
    ///
    /// - Precondition: the tensor has a first dimension and `range` lies in it.
    package func rows(_ range: Range<Int>) -> Tensor {
        precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0], "rows \(range)")
        let width = rowCount
        let result = AlignedBuffer(count: range.count * width)
        result.base.update(from: storage.base + range.lowerBound * width, count: result.count)
        return Tensor(checkedShape: [range.count] + shape.dropFirst(), elementType: elementType, storage: result)
    }
}

extension Tensor: Equatable {
    /// Equal shape, type and bits: NaN equals the same NaN, and 0 differs from −0, so that equal tensors compute the
    /// same.
    package static func == (left: Tensor, right: Tensor) -> Bool {
        guard left.shape == right.shape, left.elementType == right.elementType else { return false }
        if left.storage === right.storage { return true }
        return (0..<left.count).allSatisfy { left.storage.base[$0].bitPattern == right.storage.base[$0].bitPattern }
    }
}
