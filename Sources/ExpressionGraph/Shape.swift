// Shapes whose dimensions are numbers or sample axes, so that "one row per sample" is a type and not a coincidence.
import Tensors

/// A sample axis of a graph: its index in ``Graph/axes``. The same axis of a document under two independent draws
/// is two axes here, or hash-consing would merge independent batches.
package struct AxisID: Hashable, Sendable, Comparable {
    package let index: Int

    /// The axis at an index.
    package init(index: Int) { self.index = index }

    package static func < (a: AxisID, b: AxisID) -> Bool { a.index < b.index }
}

/// What a graph knows of a sample axis.
package struct SampleAxisInfo: Hashable, Sendable {
    /// The name in the document.
    package let name: String
    /// The number of rows of the whole data set.
    package let rows: Int

    /// An axis of `rows` rows, called `name`.
    package init(name: String, rows: Int) {
        self.name = name
        self.rows = rows
    }
}

/// One dimension: a fixed size, or the rows of a sample axis (all of them, or those of the batch at hand).
package enum Dimension: Hashable, Sendable {
    case size(Int)
    case axis(AxisID)

    package var isOne: Bool { self == .size(1) }
    package var isAxis: Bool { if case .axis = self { true } else { false } }
}

/// A list of dimensions; the empty list is a scalar.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
    package var dimensions: [Dimension]

    package init(_ dimensions: [Dimension]) { self.dimensions = dimensions }
    package init(arrayLiteral elements: Dimension...) { dimensions = elements }
    package init(sizes: [Int]) { dimensions = sizes.map(Dimension.size) }

    package static let scalar = Shape([])

    package var rank: Int { dimensions.count }
    package subscript(_ index: Int) -> Dimension { dimensions[index] }

    /// Whether the shape holds exactly one element, whatever its rank.
    package var isSingleElement: Bool { dimensions.allSatisfy(\.isOne) }

    package var axes: [AxisID] {
        dimensions.compactMap { if case .axis(let id) = $0 { id } else { nil } }
    }

    /// The dimensions as numbers, under the given number of rows of each axis.
    package func sizes(rows: (AxisID) -> Int) -> [Int] {
        dimensions.map {
            switch $0 {
            case .size(let n): n
            case .axis(let id): rows(id)
            }
        }
    }

    /// The number of elements; `nil` when the product overflows.
    package func elementCount(rows: (AxisID) -> Int) -> Int? {
        // In a loop of its own, without the sizes as an array: programs ask while they iterate.
        var count = 1
        var isEmpty = false
        var overflows = false
        for dimension in dimensions {
            let size =
                switch dimension {
                case .size(let n): n
                case .axis(let id): rows(id)
                }
            if size < 0 { return nil }
            isEmpty = isEmpty || size == 0
            let product = count.multipliedReportingOverflow(by: max(size, 1))
            count = product.partialValue
            overflows = overflows || product.overflow
        }
        if isEmpty { return 0 }
        return overflows ? nil : count
    }

    package func replacing(_ index: Int, with dimension: Dimension) -> Shape {
        var copy = self
        copy.dimensions[index] = dimension
        return copy
    }

    /// The shape with one dimension replaced by several.
    func replacing(_ index: Int, with dimensions: [Dimension]) -> Shape {
        Shape(self.dimensions[..<index] + dimensions + self.dimensions[(index + 1)...])
    }

    package func removing(_ index: Int) -> Shape {
        var copy = self
        copy.dimensions.remove(at: index)
        return copy
    }

    /// The common shape of two operands under NumPy's rules; `nil` when they do not agree.
    package static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
        let rank = max(a.rank, b.rank)
        var result: [Dimension] = []
        for i in 0..<rank {
            let x = i < rank - a.rank ? .size(1) : a[i - (rank - a.rank)]
            let y = i < rank - b.rank ? .size(1) : b[i - (rank - b.rank)]
            if x == y || y.isOne {
                result.append(x)
            } else if x.isOne {
                result.append(y)
            } else {
                return nil
            }
        }
        return Shape(result)
    }
}
