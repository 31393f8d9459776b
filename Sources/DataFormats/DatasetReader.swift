// Bytes of an uploaded data set → tensors. Reading files and the network is somebody else's work.

import Tensors

/// The formats that data sets come in.
package enum DatasetFormat: String, Sendable, CaseIterable {
    case csv
}

/// Reads data sets.
package enum DatasetReader {
    /// Reads the selected part of a data set.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - format: what the bytes are.
    ///   - selection: the columns and rows wanted.
    ///   - byteLimit: the most bytes accepted.
    /// - Throws: ``CSVError`` for CSV.
    package static func read(
        _ bytes: [UInt8], format: DatasetFormat, selection: TableSelection, byteLimit: Int
    ) throws(CSVError) -> Tensor {
        switch format {
        case .csv: try CSVReader.read(bytes, selection: selection, byteLimit: byteLimit)
        }
    }
}
