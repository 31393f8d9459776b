// Labelled sparse rows (LIBSVM), under several selections: a matrix and labels that belong together, or an error.
import DataFormats
import Tensors

enum SamplesTarget {
    private static let selections = [
        LIBSVMSelection(), LIBSVMSelection(firstRow: 1, endRow: -1), LIBSVMSelection(firstIndex: 0),
        LIBSVMSelection(firstRow: -3, firstIndex: 1, features: 40), LIBSVMSelection(endRow: 2, features: 7),
    ]

    /// The first byte chooses the selection, the rest is the file.
    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let first = bytes.first else { return }
        let selection = selections[Int(first) % selections.count]
        guard
            let rows = try? LIBSVMReader.read(
                Array(bytes.dropFirst()), selection: selection, byteLimit: 1 << 16, memoryLimit: 1 << 24)
        else { return }
        let matrix = rows.features
        try require(rows.labels.shape == [matrix.rows] && matrix.rows > 0, "a label for every row")
        try require(rows.labels.values.allSatisfy(\.isFinite), "labels are finite")
        try require(selection.features == nil || matrix.columns == selection.features, "as many columns as asked for")
        try require(matrix.byColumn.values.count == matrix.entryCount, "a transpose of as many entries")
        for row in 0..<matrix.rows {
            let columns = matrix.byRow.columns(ofRow: row)
            try require(zip(columns, columns.dropFirst()).allSatisfy(<), "columns that do not ascend")
            try require(columns.allSatisfy { $0 >= 0 && $0 < matrix.columns }, "columns outside the matrix")
            try require(matrix.byRow.values(ofRow: row).allSatisfy(\.isFinite), "values that are not finite")
        }
    }
}
