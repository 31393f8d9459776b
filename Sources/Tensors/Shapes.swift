// Arithmetic on shapes: counts, strides, broadcasting.

/// Functions of shapes, which are lists of dimensions from the outermost in; no dimensions make a scalar.
package enum Shapes {
    /// The number of elements; nil when a dimension is negative or the product overflows.
    package static func elementCount(_ shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        guard !shape.contains(0) else { return 0 }
        var total = 1
        for dimension in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            total = product
        }
        return total
    }

    /// Row-major strides in elements: the last dimension has 1. The shape must have an ``elementCount(_:)``.
    package static func strides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }

    /// The shape that both extend to, aligned at the last dimension, where a dimension of 1 or a missing one
    /// stretches; nil when two dimensions differ and neither is 1.
    package static func broadcast(_ left: [Int], _ right: [Int]) -> [Int]? {
        let rank = max(left.count, right.count)
        let padded = [left, right].map { [Int](repeating: 1, count: rank - $0.count) + $0 }
        var shape: [Int] = []
        for (a, b) in zip(padded[0], padded[1]) {
            guard a == b || a == 1 || b == 1 else { return nil }
            shape.append(a == 1 ? b : a)
        }
        return shape
    }
}
