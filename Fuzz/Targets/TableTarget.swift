// Dense data sets, CSV under several selections and NumPy's arrays: a tensor of its shape, or an error.
import DataFormats
import Tensors

enum TableTarget {
    private static let byteLimit = 1 << 16

    /// The first byte chooses format (bit 4) and selection (bits 0 to 2), the rest is the file.
    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let first = bytes.first else { return }
        let file = Array(bytes.dropFirst())
        let selection = Int(first & 7)
        if first & 16 == 0 { try checkCSV(file, selection) } else { try checkNPY(file) }
    }

    private static func checkTensor(_ tensor: Tensor) throws(Violation) {
        try require(tensor.shape.reduce(1, *) == tensor.count, "as many numbers as the shape holds")
        try require(tensor.values.count == tensor.count, "as many values as numbers")
        if tensor.elementType == .integer {
            try require(tensor.values.allSatisfy { $0 == $0.rounded() }, "an integer array of fractions")
        }
    }

    private static func checkCSV(_ file: [UInt8], _ selection: Int) throws(Violation) {
        let selections = [
            TableSelection(), TableSelection(firstRow: 1, endRow: -1), TableSelection(columns: .names(["a", "b"])),
            TableSelection(columns: .names(["a"]), isVector: true),
            TableSelection(columns: .names(["0"]), firstRow: -3),
        ]
        let chosen = selections[selection % selections.count]
        let profile = try? DatasetReader.profile(file, format: .csv, byteLimit: byteLimit)
        if let profile { try require(profile.columns?.count == profile.shape[1], "as many columns as the shape says") }
        guard let tensor = try? CSVReader.read(file, selection: chosen, byteLimit: byteLimit) else { return }
        try checkTensor(tensor)
        // What can be read in part has the form of a table as a whole.
        guard let profile else { throw Violation(description: "a table that can be read has no profile") }
        try require(tensor.shape[0] <= profile.shape[0], "more rows than the profile has")
    }

    /// What NumPy's format holds is written back as it was read.
    private static func checkNPY(_ file: [UInt8]) throws(Violation) {
        guard let tensor = try? NPYReader.read(file, byteLimit: byteLimit) else { return }
        try checkTensor(tensor)
        let profile = try? DatasetReader.profile(file, format: .npy, byteLimit: byteLimit)
        try require(profile?.shape == tensor.shape, "an array and its profile have other shapes")
        let again = try? NPYReader.read(NPYWriter.bytes(tensor), byteLimit: 16 * byteLimit)
        try require(again?.shape == tensor.shape, "an array that is written reads back with another shape")
        let pairs = zip(again?.values ?? [], tensor.values)
        try require(
            pairs.allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) },
            "an array that is written reads back with other numbers")
    }
}
