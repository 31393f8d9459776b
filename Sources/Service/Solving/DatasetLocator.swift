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
        /// The file in the first of these folders that has it.
        case folders([URL])
        /// Frozen files by ``key(_:)``.
        case frozen([String: URL])
    }
    private let places: Places
    private let hint: String

    /// Data sets as files in folders: tables as `name.csv`, labelled sparse rows as `name.libsvm`, `name.svm` or `name`.
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
    package func file(_ selection: DatasetSelection) -> URL? {
        switch places {
        case .folders(let folders):
            folders.flatMap { folder in Self.fileNames(selection).map(folder.appendingPathComponent) }.first {
                FileManager.default.fileExists(atPath: $0.path)
            }
        case .frozen(let files): files[Self.key(selection)]
        }
    }

    /// What a frozen file is kept under: the name, and its format where that is not CSV.
    package static func key(_ selection: DatasetSelection) -> String {
        switch selection.part {
        case .columns: selection.dataset
        case .features, .labels: "\(selection.dataset) (libsvm)"
        }
    }

    /// The array that an entry selects.
    ///
    /// - Parameter memoryBytes: what the job may take.
    package func resolve(
        _ entry: DataEntry, _ selection: DatasetSelection, memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        let name = selection.dataset
        guard Self.isName(name) else {
            return .failure(
                DatasetFault(
                    message: "a data set's name is 1 to 128 letters, digits, '.', '_' or '-', came '\(name.prefix(40))'"
                ))
        }
        guard let url = file(selection) else {
            return .failure(
                DatasetFault(
                    message: "there is no data set \(name)",
                    hint: hint.replacingOccurrences(of: "%", with: Self.fileNames(selection)[0])))
        }
        do {
            return read([UInt8](try Data(contentsOf: url, options: .mappedIfSafe)), selection, memoryBytes)
        } catch {
            return .failure(
                DatasetFault(message: "the data set \(name) cannot be read: \(FileFault.describe(error))"))
        }
    }

    /// The names that a data set's file may have, the usual one first.
    private static func fileNames(_ selection: DatasetSelection) -> [String] {
        let name = selection.dataset
        switch selection.part {
        case .columns: return [name.hasSuffix(".csv") ? name : "\(name).csv"]
        case .features, .labels:
            let isWhole = name.hasSuffix(".libsvm") || name.hasSuffix(".svm")
            return isWhole ? [name] : ["\(name).libsvm", "\(name).svm", name]
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

    private func read(
        _ bytes: [UInt8], _ selection: DatasetSelection, _ memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        switch selection.part {
        case .columns(let columns): readTable(bytes, selection, columns)
        case .features(let features):
            readLabelled(bytes, selection, features, memoryBytes).flatMap { rows in
                features.isDense
                    ? dense(rows.features, selection, memoryBytes) : .success(.sparse(rows.features))
            }
        case .labels: readLabelled(bytes, selection, FeatureSelection(), memoryBytes).map { .dense($0.labels) }
        }
    }

    private func readLabelled(
        _ bytes: [UInt8], _ selection: DatasetSelection, _ features: FeatureSelection, _ memoryBytes: Int
    ) -> Result<LabelledRows, DatasetFault> {
        let part = LIBSVMSelection(
            firstRow: selection.rows?.start, endRow: selection.rows?.end, firstIndex: features.firstIndex,
            features: features.count)
        do throws(LIBSVMError) {
            return .success(
                try LIBSVMReader.read(bytes, selection: part, byteLimit: Self.byteLimit, memoryLimit: memoryBytes))
        } catch {
            return .failure(DatasetFault(message: "data set \(selection.dataset): \(error.message)"))
        }
    }

    private func dense(
        _ matrix: SparseMatrix, _ selection: DatasetSelection, _ memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        // The numbers are made in one array and kept in another.
        let limit = memoryBytes / (2 * MemoryLayout<Double>.stride)
        if let count = Shapes.elementCount(matrix.shape), count <= limit, let tensor = try? matrix.dense() {
            return .success(.dense(tensor))
        }
        return .failure(
            DatasetFault(
                message: "data set \(selection.dataset): \(matrix.rows) rows of \(matrix.columns) features are too "
                    + "large to write out their zeros", hint: "leave out \"dense\""))
    }

    private func readTable(
        _ bytes: [UInt8], _ selection: DatasetSelection, _ wanted: ColumnSelection
    ) -> Result<DataValue, DatasetFault> {
        let columns: TableColumns
        switch wanted {
        case .all: columns = .allNumeric
        case .names(let names): columns = .names(names)
        case .single(let name): columns = .names([name])
        }
        let isVector = if case .single = wanted { true } else { false }
        let table = TableSelection(
            columns: columns, firstRow: selection.rows?.start, endRow: selection.rows?.end, isVector: isVector)
        do throws(CSVError) {
            return .success(
                .dense(try DatasetReader.read(bytes, format: .csv, selection: table, byteLimit: Self.byteLimit)))
        } catch {
            return .failure(
                DatasetFault(message: "data set \(selection.dataset): \(error.message)", hint: Self.hint(error)))
        }
    }

    private static func hint(_ error: CSVError) -> String? {
        guard case .unknownColumn(_, let nearest) = error, let name = nearest.first else { return nil }
        return "did you mean \"\(name)\"?"
    }
}
