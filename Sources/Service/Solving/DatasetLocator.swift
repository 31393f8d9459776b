// Where data sets are found: beside a document, in the service's folders, among an owner's uploads, or frozen as blobs.
import DataFormats
import Foundation
import ProblemSpecification
import Tensors

/// Resolves data sets by name. Names never leave the places it was given.
package struct DatasetLocator: Sendable {
    /// Bytes of the largest file.
    package static let byteLimit = 4 << 30

    private enum Places: Sendable {
        /// What a name stands for; else the file in the first of these folders that has it.
        case folders([URL], uploads: [String: Found])
        /// Frozen files by ``key(_:)``.
        case frozen([String: URL])
    }

    /// A data set that is there.
    struct Found: Sendable {
        let file: URL
        let format: DatasetFormat
        /// The SHA-256 of a file that is kept under it already.
        var hash: String?
    }

    private let places: Places
    private let hint: String

    /// Data sets as files in folders: tables as `name.csv`, arrays as `name.npy`, labelled sparse rows as `name.libsvm`,
    /// `name.svm` or `name`.
    ///
    /// - Parameter hint: what to do about one that is missing, `%` standing for the file's name.
    package init(folders: [URL], hint: String) {
        places = .folders(folders, uploads: [:])
        self.hint = hint
    }

    /// The same, and before them `uploads` by name or id, whose files are `blobs`.
    init(folders: [URL], uploads: [String: FrozenDataset], in blobs: BlobFolder, hint: String) {
        places = .folders(
            folders,
            uploads: uploads.mapValues { Found(file: blobs.file($0.hash), format: $0.format, hash: $0.hash) })
        self.hint = hint
    }

    /// Data sets that were frozen at admission.
    package init(frozen: [String: URL]) {
        places = .frozen(frozen)
        hint = "submit the job again"
    }

    /// The file of a data set; nil when there is none.
    func find(_ selection: DatasetSelection) -> Found? {
        switch places {
        case .folders(let folders, let uploads):
            if let upload = uploads[selection.dataset] { return upload }
            guard Self.isName(selection.dataset) else { return nil }
            for folder in folders {
                for (name, format) in Self.fileNames(selection) {
                    let file = folder.appendingPathComponent(name)
                    if FileManager.default.fileExists(atPath: file.path) { return Found(file: file, format: format) }
                }
            }
            return nil
        case .frozen(let files):
            return files[Self.key(selection)].map { Found(file: $0, format: Self.frozenFormat($0, selection)) }
        }
    }

    /// What a frozen file is kept under: the name, and its format where labelled rows are wanted of it.
    package static func key(_ selection: DatasetSelection) -> String {
        switch selection.part {
        case .columns: selection.dataset
        case .features, .labels: "\(selection.dataset) (libsvm)"
        }
    }

    /// What was found right at admission: an array is told from a table by its first bytes, which no text has.
    private static func frozenFormat(_ file: URL, _ selection: DatasetSelection) -> DatasetFormat {
        switch selection.part {
        case .features, .labels: return .libsvm
        case .columns:
            let handle = try? FileHandle(forReadingFrom: file)
            defer { try? handle?.close() }
            let head = try? handle?.read(upToCount: NPYReader.magic.count)
            return head.map { [UInt8]($0) } == NPYReader.magic ? .npy : .csv
        }
    }

    /// The array that an entry selects.
    ///
    /// - Parameter memoryBytes: what the job may take.
    package func resolve(
        _ entry: DataEntry, _ selection: DatasetSelection, memoryBytes: Int
    ) -> Result<DataValue, DatasetFault> {
        let name = selection.dataset
        guard let found = find(selection) else {
            guard Self.isName(name) else {
                return .failure(
                    DatasetFault(
                        message: "a data set's name is 1 to 128 letters, digits, '.', '_' or '-', came "
                            + "'\(name.prefix(40))'"))
            }
            return .failure(
                DatasetFault(
                    message: "there is no data set \(name)",
                    hint: hint.replacingOccurrences(of: "%", with: Self.fileNames(selection)[0].name)))
        }
        do {
            let bytes = [UInt8](try Data(contentsOf: found.file, options: .mappedIfSafe))
            return Self.read(bytes, found.format, selection, memoryBytes)
        } catch {
            return .failure(
                DatasetFault(message: "the data set \(name) cannot be read: \(FileFault.describe(error))"))
        }
    }

    /// The names that a data set's file may have, the usual one first.
    private static func fileNames(_ selection: DatasetSelection) -> [(name: String, format: DatasetFormat)] {
        let name = selection.dataset
        switch selection.part {
        case .columns:
            if name.hasSuffix(".npy") { return [(name, .npy)] }
            return name.hasSuffix(".csv") ? [(name, .csv)] : [("\(name).csv", .csv), ("\(name).npy", .npy)]
        case .features, .labels:
            let isWhole = name.hasSuffix(".libsvm") || name.hasSuffix(".svm")
            return (isWhole ? [name] : ["\(name).libsvm", "\(name).svm", name]).map { ($0, .libsvm) }
        }
    }

    static func isName(_ name: String) -> Bool { DatasetName.isWellFormed(name) && !name.hasPrefix(".") }
}
