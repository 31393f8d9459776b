// Data sets: every format that is read, under several selections.
import DataFormats
import Tensors

enum TableTarget {
    private static let selections = [
        TableSelection(), TableSelection(firstRow: 1, endRow: -1), TableSelection(columns: .names(["a", "b"])),
        TableSelection(columns: .names(["a"]), isVector: true), TableSelection(columns: .names(["0"]), firstRow: -3),
    ]

    /// The first byte chooses format and selection, the rest is the file.
    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let first = bytes.first else { return }
        let formats = DatasetFormat.allCases
        let format = formats[Int(first) % formats.count]
        let selection = selections[Int(first) / formats.count % selections.count]
        guard
            let tensor = try? DatasetReader.read(
                Array(bytes.dropFirst()), format: format, selection: selection, byteLimit: 1 << 16)
        else { return }
        try require(tensor.shape.reduce(1, *) == tensor.count, "as many numbers as the shape holds")
        try require(tensor.values.count == tensor.count, "as many values as numbers")
        if tensor.elementType == .integer {
            try require(tensor.values.allSatisfy { $0 == $0.rounded() }, "an integer array of fractions")
        }
    }
}
