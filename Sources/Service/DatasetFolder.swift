// Data sets as CSV files beside the document.
import DataFormats
import Foundation
import ProblemSpecification
import Tensors

/// Resolves data sets by name in one folder. Names never leave it.
package struct DatasetFolder {
    /// Bytes of the largest file.
    package static let byteLimit = 4 << 30
    let folder: URL

    package init(_ folder: URL) { self.folder = folder }

    /// The array that an entry selects.
    package func resolve(_ entry: DataEntry, _ selection: DatasetSelection) -> Result<Tensor, DatasetFault> {
        guard Self.isName(selection.dataset) else {
            return .failure(
                DatasetFault(
                    message: "a data set's name is 1 to 128 letters, digits, '.', '_' or '-', came "
                        + "'\(selection.dataset.prefix(40))'"))
        }
        let name = selection.dataset.hasSuffix(".csv") ? selection.dataset : "\(selection.dataset).csv"
        let url = folder.appendingPathComponent(name)
        do {
            let bytes = [UInt8](try Data(contentsOf: url, options: .mappedIfSafe))
            return read(bytes, selection)
        } catch {
            return .failure(
                DatasetFault(
                    message: "the data set \(selection.dataset) cannot be read from \(name): "
                        + FileFault.describe(error), hint: "put \(name) beside the document"))
        }
    }

    static func isName(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private func read(_ bytes: [UInt8], _ selection: DatasetSelection) -> Result<Tensor, DatasetFault> {
        let columns: TableColumns
        switch selection.columns {
        case .all: columns = .allNumeric
        case .names(let names): columns = .names(names)
        case .single(let name): columns = .names([name])
        }
        let isVector = if case .single = selection.columns { true } else { false }
        let table = TableSelection(
            columns: columns, firstRow: selection.rows?.start, endRow: selection.rows?.end, isVector: isVector)
        do throws(CSVError) {
            return .success(
                try DatasetReader.read(bytes, format: .csv, selection: table, byteLimit: Self.byteLimit))
        } catch {
            return .failure(
                DatasetFault(message: "data set \(selection.dataset): \(error.message)", hint: Self.hint(error)))
        }
    }

    private static func hint(_ error: CSVError) -> String? {
        guard case .unknownColumn(_, let nearest) = error, let name = nearest.first else { return nil }
        return "did you mean \(name)?"
    }
}
