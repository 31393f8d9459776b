// Copies and scatters, against index arithmetic.
import Tensors
import Testing

@Suite struct MovementTests {
    struct Layout: Sendable {
        let dimensions: [Int]
        let strides: [Int]
        /// Where in the strided array element 0 lies.
        var origin = 0

        /// Positions in the strided array, in row-major order of the dimensions.
        var offsets: [Int] {
            zip(dimensions, strides).reduce([origin]) { offsets, loop in
                offsets.flatMap { offset in (0..<loop.0).map { offset + $0 * loop.1 } }
            }
        }
    }

    static let layouts = [
        Layout(dimensions: [], strides: []),
        Layout(dimensions: [1], strides: [5]),
        Layout(dimensions: [0, 3], strides: [3, 1]),
        Layout(dimensions: [3, 0], strides: [1, 1]),
        Layout(dimensions: [13], strides: [1]),
        Layout(dimensions: [13], strides: [-1], origin: 12),
        Layout(dimensions: [9], strides: [0]),
        Layout(dimensions: [4, 5], strides: [5, 1]),
        Layout(dimensions: [4, 5], strides: [0, 1]),
        Layout(dimensions: [4, 5], strides: [1, 0]),
        Layout(dimensions: [4, 5], strides: [0, 0]),
        Layout(dimensions: [37, 19], strides: [1, 37]),
        Layout(dimensions: [3, 17, 16], strides: [272, 1, 17]),
        Layout(dimensions: [3, 4, 5], strides: [1, 15, 3]),
        Layout(dimensions: [3, 4, 5], strides: [1, 3, 0]),
        Layout(dimensions: [2, 3, 4], strides: [-12, 4, -1], origin: 15),
        Layout(dimensions: [2, 1, 3, 1, 4], strides: [12, 7, 4, 9, 1]),
        Layout(dimensions: [Int](repeating: 2, count: 16), strides: (0..<16).map { 1 << $0 }),
    ]

    @Test(arguments: layouts, Precision.allCases)
    func stridedCopyReadsWhereTheStridesPoint(_ layout: Layout, _ precision: Precision) {
        let source = Support.buffer(Support.numbers(1 << 16), precision)
        let values = source.values
        let offsets = layout.offsets
        let result = Support.written(offsets.count, precision) {
            Kernels(precision).stridedCopy(
                source.address + layout.origin * precision.size, $0, dimensions: layout.dimensions,
                sourceStrides: layout.strides)
        }
        #expect(result == offsets.map { values[$0] })
    }

    @Test(arguments: layouts, Precision.allCases)
    func stridedAddIsTheTransposeOfTheCopy(_ layout: Layout, _ precision: Precision) {
        let offsets = layout.offsets
        let source = Support.numbers(offsets.count, precision)
        var expected = [Double](repeating: 0, count: (offsets.max() ?? 0) + 1)
        for (offset, value) in zip(offsets, source) {
            expected[offset] = precision.rounded(expected[offset] + value)
        }
        let buffer = Support.buffer(source, precision)
        let result = Support.written(expected.count, from: 0, precision) {
            Kernels(precision).stridedAdd(
                buffer.address, $0 + layout.origin * precision.size, dimensions: layout.dimensions,
                destinationStrides: layout.strides)
        }
        #expect(result == expected)
    }

    @Test(arguments: [[1, 1], [3, 1], [1, 4], [3, 4]], Precision.allCases)
    func takeReadsRowsAndMarksWildIndices(_ sizes: [Int], _ precision: Precision) {
        let (outer, inner, middle) = (sizes[0], sizes[1], 5)
        let source = Support.numbers(outer * middle * inner, precision)
        let indices: [Double] = [4, 0, 5, -1, 2, 2, .nan, .infinity, -.infinity, 1e300, -0.0]
        let inside: [Int?] = [4, 0, nil, nil, 2, 2, nil, nil, nil, nil, 0]
        var expected: [Double] = []
        var scattered = [Double](repeating: 0, count: source.count)
        let cotangent = Support.numbers(outer * indices.count * inner, stream: "cotangent", precision)
        for o in 0..<outer {
            for row in inside {
                for i in 0..<inner {
                    let position = row.map { (o * middle + $0) * inner + i }
                    if let position {
                        scattered[position] = precision.rounded(scattered[position] + cotangent[expected.count])
                    }
                    expected.append(position.map { source[$0] } ?? .nan)
                }
            }
        }
        let (kernels, rows) = (Kernels(precision), Support.buffer(indices, precision))
        let (values, changes) = (Support.buffer(source, precision), Support.buffer(cotangent, precision))
        let taken = Support.written(expected.count, precision) {
            kernels.take(
                values.address, indices: rows.address, $0, outer: outer, sourceMiddle: middle, count: indices.count,
                inner: inner)
        }
        let added = Support.written(source.count, from: 0, precision) {
            kernels.takeAdd(
                changes.address, indices: rows.address, $0, outer: outer, sourceMiddle: middle, count: indices.count,
                inner: inner)
        }
        #expect(Support.same(taken ?? [], expected))
        #expect(added == scattered)
    }

    @Test(arguments: Precision.allCases) func oneHotMarksTheColumn(_ precision: Precision) {
        let indices = Support.buffer([2, 0, 3, .nan], precision)
        let result = Support.written(12, precision) {
            Kernels(precision).oneHot(indices.address, $0, count: 4, classes: 3)
        }
        #expect(result == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}
