// Where data sets are found: beside a document, in the service's folders, or frozen as blobs.
import DataFormats
import Foundation
import ProblemSpecification
import Tensors

/// Resolves data sets by name. Names never leave the places it was given.
package struct DatasetLocator: Sendable {
    /// Bytes of the largest file.
    package static let byteLimit = 4 << 30

    private enum Places: Sendable {
        /// `<name>.csv` in the first of these folders that has it.
        case folders([URL])
        /// Frozen files by the data sets' names.
        case frozen([String: URL])
    }
    private let places: Places
    private let hint: String

    /// Data sets as CSV files in folders.
    ///
    /// - Parameter hint: what to do about one that is missing, `%` standing for the file's name.
    package init(folders: [URL], hint: String) {
        places = .folders(folders)
        self.hint = hint
    }

    /// Data sets that were frozen at admission.
    package init(frozen: [String: URL]) {
        places = .frozen(frozen)
        hint = "submit the job again"
    }

    /// The file of a data set; `nil` when there is none.
    package func file(_ name: String) -> URL? {
        switch places {
        case .folders(let folders):
            folders.map { $0.appendingPathComponent(Self.fileName(name)) }.first {
                FileManager.default.fileExists(atPath: $0.path)
            }
        case .frozen(let files): files[name]
        }
    }

    /// The array that an entry selects.
    package func resolve(_ entry: DataEntry, _ selection: DatasetSelection) -> Result<Tensor, DatasetFault> {
        let name = selection.dataset
        guard Self.isName(name) else {
            return .failure(
                DatasetFault(
                    message: "a data set's name is 1 to 128 letters, digits, '.', '_' or '-', came '\(name.prefix(40))'"
                ))
        }
        guard let url = file(name) else {
            return .failure(
                DatasetFault(
                    message: "there is no data set \(name)",
                    hint: hint.replacingOccurrences(of: "%", with: Self.fileName(name))))
        }
        do {
            return read([UInt8](try Data(contentsOf: url, options: .mappedIfSafe)), selection)
        } catch {
            return .failure(
                DatasetFault(message: "the data set \(name) cannot be read: \(FileFault.describe(error))"))
        }
    }

    private static func fileName(_ name: String) -> String { name.hasSuffix(".csv") ? name : "\(name).csv" }

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
