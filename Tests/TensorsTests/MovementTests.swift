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

    @Test(arguments: layouts) func stridedCopyReadsWhereTheStridesPoint(_ layout: Layout) {
        let source = Support.buffer(Support.numbers(1 << 16))
        let values = source.values
        let offsets = layout.offsets
        let result = Support.written(offsets.count) {
            Kernels.float64.stridedCopy(
                source.base + layout.origin, $0, dimensions: layout.dimensions, sourceStrides: layout.strides)
        }
        #expect(result == offsets.map { values[$0] })
    }

    @Test(arguments: layouts) func stridedAddIsTheTransposeOfTheCopy(_ layout: Layout) {
        let offsets = layout.offsets
        let source = Support.numbers(offsets.count)
        var expected = [Double](repeating: 0, count: (offsets.max() ?? 0) + 1)
        for (offset, value) in zip(offsets, source) { expected[offset] += value }
        let result = Support.written(expected.count, from: 0) {
            Kernels.float64.stridedAdd(
                source, $0 + layout.origin, dimensions: layout.dimensions, destinationStrides: layout.strides)
        }
        #expect(result == expected)
    }

    @Test(arguments: [1, 3], [1, 4]) func takeReadsRowsAndMarksWildIndices(_ outer: Int, _ inner: Int) {
        let middle = 5
        let source = Support.numbers(outer * middle * inner)
        let indices: [Double] = [4, 0, 5, -1, 2, 2, .nan, .infinity, -.infinity, 1e300, -0.0]
        let inside: [Int?] = [4, 0, nil, nil, 2, 2, nil, nil, nil, nil, 0]
        var expected: [Double] = []
        var scattered = [Double](repeating: 0, count: source.count)
        let cotangent = Support.numbers(outer * indices.count * inner, stream: "cotangent")
        for o in 0..<outer {
            for row in inside {
                for i in 0..<inner {
                    let position = row.map { (o * middle + $0) * inner + i }
                    if let position { scattered[position] += cotangent[expected.count] }
                    expected.append(position.map { source[$0] } ?? .nan)
                }
            }
        }
        let taken = Support.written(expected.count) {
            Kernels.float64.take(
                source, indices: indices, $0, outer: outer, sourceMiddle: middle, count: indices.count, inner: inner)
        }
        let added = Support.written(source.count, from: 0) {
            Kernels.float64.takeAdd(
                cotangent, indices: indices, $0, outer: outer, sourceMiddle: middle, count: indices.count,
                inner: inner)
        }
        #expect(Support.same(taken ?? [], expected))
        #expect(added == scattered)
    }

    @Test func oneHotMarksTheColumn() {
        let result = Support.written(12) { Kernels.float64.oneHot([2, 0, 3, .nan], $0, count: 4, classes: 3) }
        #expect(result == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}
