// Tensors and their memory.
import Tensors
import Testing

@Suite struct TensorTests {
    @Test(arguments: [0, 1, 7, 8, 9, 1000]) func buffersAreAlignedZeroAndRoomy(_ count: Int) {
        let buffer = AlignedBuffer(count: count)
        #expect(Int(bitPattern: buffer.base) % AlignedBuffer.alignment == 0)
        #expect(buffer.count == count)
        #expect((0..<count + AlignedBuffer.slack).allSatisfy { buffer.base[$0] == 0 })
        #expect(AlignedBuffer([1, 2]).values == [1, 2])
    }

    @Test func refusesNumbersThatDoNotFitTheShape() throws {
        #expect(throws: TensorError.wrongCount(shape: [2, 3], expected: 6, actual: 5)) {
            try Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5])
        }
        #expect(throws: TensorError.wrongCount(shape: [], expected: 1, actual: 0)) { try Tensor(shape: [], values: []) }
        #expect(throws: TensorError.invalidShape([-1, 0])) { try Tensor(shape: [-1, 0], values: []) }
        #expect(try Tensor(shape: [0, 3], values: []).count == 0)
        #expect(Tensor(2.5).shape.isEmpty)
    }

    @Test func integersAreExactDoubles() throws {
        #expect(try Tensor(shape: [2], values: [0x1p53, -0x1p53], elementType: .integer).count == 2)
        for bad in [0x1p53 + 2, 0.5] {
            #expect(throws: TensorError.notAnInteger(bad, at: 1)) {
                try Tensor(shape: [2], values: [0, bad], elementType: .integer)
            }
        }
        for bad in [Double.nan, .infinity] {
            #expect(throws: TensorError.self) { try Tensor(shape: [1], values: [bad], elementType: .integer) }
        }
    }

    @Test func equalityIsOfBits() throws {
        let nan = try Tensor(shape: [1], values: [.nan])
        #expect(try nan == Tensor(shape: [1], values: [.nan]))
        #expect(try Tensor(shape: [1], values: [0]) != Tensor(shape: [1], values: [-0.0]))
        #expect(try Tensor(shape: [1], values: [1]) != Tensor(shape: [], values: [1]))
        #expect(try Tensor(shape: [1], values: [1]) != Tensor(shape: [1], values: [1], elementType: .integer))
    }

    @Test func choosesRows() throws {
        let tensor = try Tensor(shape: [3, 2], values: [0, 1, 10, 11, 20, 21], elementType: .integer)
        let reordered = tensor.reorderingRows([2, 0, 2, 1])
        #expect(reordered.shape == [4, 2] && reordered.values == [20, 21, 0, 1, 20, 21, 10, 11])
        #expect(reordered.elementType == .integer)
        #expect(tensor.rows(1..<3).values == [10, 11, 20, 21])
        #expect(tensor.rows(3..<3).shape == [0, 2])
        #expect(try Tensor(shape: [2], values: [5, 6]).reorderingRows([1]).values == [6])
    }
}

@Suite struct ShapesTests {
    @Test func countsElementsWithoutOverflow() {
        #expect(Shapes.elementCount([]) == 1)
        #expect(Shapes.elementCount([3, 0, 5]) == 0)
        #expect(Shapes.elementCount([1 << 31, 1 << 31]) == 1 << 62)
        #expect(Shapes.elementCount([1 << 31, 1 << 32]) == nil)
        #expect(Shapes.elementCount([1 << 62, 1 << 62, 0]) == 0)
        #expect(Shapes.elementCount([-1, -1]) == nil)
    }

    @Test func stridesAreRowMajor() {
        #expect(Shapes.strides([]) == [])
        #expect(Shapes.strides([4]) == [1])
        #expect(Shapes.strides([2, 3, 4]) == [12, 4, 1])
        #expect(Shapes.strides([2, 0, 4]) == [4, 4, 1])
    }

    @Test func broadcastsOnesAndMissingDimensions() {
        #expect(Shapes.broadcast([], []) == [])
        #expect(Shapes.broadcast([3], []) == [3])
        #expect(Shapes.broadcast([2, 1], [3]) == [2, 3])
        #expect(Shapes.broadcast([1], [0]) == [0])
        #expect(Shapes.broadcast([4, 1, 3], [5, 1]) == [4, 5, 3])
        #expect(Shapes.broadcast([2], [3]) == nil)
        #expect(Shapes.broadcast([0], [2]) == nil)
    }
}
