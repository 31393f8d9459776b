// Sparse matrices: what is accepted, what comes back, and the transpose.
import Tensors
import Testing

@Suite struct SparseMatrixTests {
    /// 3 × 4:  . 2 . 3 / . . . . / 5 . . 0 (stored)
    static func example() throws -> SparseMatrix {
        try SparseMatrix(
            rows: 3, columns: 4, starts: [0, 2, 2, 4], columnIndices: [1, 3, 0, 3], values: [2, 3, 5, 0])
    }

    private func fault(
        rows: Int = 2, columns: Int = 3, _ starts: [Int], _ indices: [Int], _ values: [Double]
    ) -> SparseMatrixError? {
        do throws(SparseMatrixError) {
            _ = try SparseMatrix(rows: rows, columns: columns, starts: starts, columnIndices: indices, values: values)
            return nil
        } catch { return error }
    }

    @Test func namesEveryFault() {
        #expect(fault([0, 1, 2], [0, 2], [1, 2]) == nil)
        #expect(fault(rows: -1, [0], [], []) == .invalidShape(rows: -1, columns: 3))
        #expect(fault(rows: 0, columns: 1 << 31, [0], [], []) == .invalidShape(rows: 0, columns: 1 << 31))
        #expect(fault([0, 1], [0], [1]) == .wrongStartCount(expected: 3, actual: 2))
        #expect(fault([], [], []) == .wrongStartCount(expected: 3, actual: 0))
        #expect(fault([1, 1, 1], [0], [1]) == .invalidStart(row: 0, value: 1))
        #expect(fault([0, 2, 1], [0, 1], [1, 1]) == .invalidStart(row: 2, value: 1))
        #expect(fault([0, 9, 1], [0], [1]) == .invalidStart(row: 1, value: 9))
        #expect(fault([0, 1, 1], [0, 1], [1, 1]) == .invalidStart(row: 2, value: 1))
        #expect(fault([0, -1, 1], [0], [1]) == .invalidStart(row: 1, value: -1))
        #expect(fault([0, 1, 2], [0], [1, 2]) == .wrongColumnCount(expected: 2, actual: 1))
        #expect(fault([0, 1, 2], [0, 3], [1, 2]) == .columnOutOfRange(row: 1, column: 3))
        #expect(fault([0, 1, 2], [-1, 0], [1, 2]) == .columnOutOfRange(row: 0, column: -1))
        #expect(fault([0, 2, 2], [1, 1], [1, 2]) == .columnsNotAscending(row: 0, column: 1))
        #expect(fault([0, 2, 2], [2, 1], [1, 2]) == .columnsNotAscending(row: 0, column: 1))
        #expect(fault([0, 1, 2], [0, 2], [1, .nan]) == .notFinite(row: 1, column: 2))
        #expect(fault([0, 1, 2], [0, 2], [.infinity, 0]) == .notFinite(row: 0, column: 0))
    }

    @Test func writesItsZerosOut() throws {
        let matrix = try Self.example()
        #expect(try matrix.dense() == Tensor(shape: [3, 4], values: [0, 2, 0, 3, 0, 0, 0, 0, 5, 0, 0, 0]))
        #expect(matrix.shape == [3, 4] && matrix.entryCount == 4 && matrix.density == 1.0 / 3)
    }

    @Test func keepsItsTranspose() throws {
        let matrix = try Self.example()
        #expect(matrix.byColumn.count == 4)
        #expect((0..<4).map { matrix.byColumn.columns(ofRow: $0) } == [[2], [0], [], [0, 2]])
        #expect((0..<4).map { matrix.byColumn.values(ofRow: $0) } == [[5], [2], [], [3, 0]])
    }

    @Test func readsDenseMatrices() throws {
        for shape in [[0, 0], [0, 3], [3, 0], [1, 1], [5, 7]] {
            let values = Support.numbers(shape[0] * shape[1]).map { $0 < 0.3 ? 0 : $0 }
            let dense = try Tensor(shape: shape, values: values)
            let matrix = try SparseMatrix(dense)
            #expect(try matrix.dense() == dense)
            #expect(matrix.entryCount == values.count { $0 != 0 })
        }
        #expect(throws: SparseMatrixError.self) { try SparseMatrix(Tensor(shape: [3], values: [1, 2, 3])) }
    }

    @Test func movesRows() throws {
        let matrix = try Self.example()
        let dense = try matrix.dense()
        for order in [[2, 0, 1], [0, 0, 2], [], [1]] {
            #expect(try matrix.reorderingRows(order).dense() == dense.reorderingRows(order))
        }
        #expect(try matrix.rows(1..<3).dense() == dense.rows(1..<3))
        #expect(matrix.reorderingRows([0, 1, 2]) == matrix && matrix != matrix.reorderingRows([0, 1]))
    }

    @Test func pricesItsMemory() throws {
        let matrix = try Self.example()
        // 4 entries twice at 12 bytes; 4 starts of rows and 5 of columns.
        #expect(matrix.memoryBytes == 4 * 2 * 12 + 9 * 8)
        #expect(SparseMatrix.memoryBytes(rows: 1, columns: 2, entries: .max) == .max)
    }
}
