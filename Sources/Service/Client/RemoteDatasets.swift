// Data sets of a service, as `stackelberg datasets` speaks of them.
import ExpressionLanguage
import Foundation
import HTTP1
import ProblemSpecification

extension RemoteService {
    /// Bytes of the largest file that is sent: what a service may be told to take.
    private static let fileLimit = 4 << 30

    /// Puts a file under a name.
    ///
    /// - Parameters:
    ///   - name: the file's own unless given.
    ///   - format: what its bytes are; by the ending of the name unless given.
    /// - Returns: the data set.
    package func put(_ path: String, name: String?, format: String?) throws(RemoteError) -> JSONDocument {
        let file = URL(fileURLWithPath: path)
        let bytes: [UInt8]
        do {
            let values = try file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
            guard values.isRegularFile == true, values.fileSize ?? 0 <= Self.fileLimit else {
                throw CocoaError(.fileReadUnsupportedScheme)
            }
            bytes = [UInt8](try Data(contentsOf: file))
        } catch {
            throw .badSettings("\(path) cannot be read: \(FileFault.describe(error))")
        }
        let digest = RunningDigest(.sha256)
        digest.add(bytes)
        let target =
            Self.datasetPath(name ?? file.lastPathComponent) + (format.map { "?format=\(QueryText.escaped($0))" } ?? "")
        return JSONDocument(
            value: try ask(
                .put, target,
                fields: [
                    ("Content-Type", "application/octet-stream"),
                    ("Content-Digest", ContentDigest.field(ofSHA256: digest.finish())),
                ], content: bytes))
    }

    /// The newest data sets.
    package func datasets(limit: Int) throws(RemoteError) -> DatasetTable {
        DatasetTable(page: try ask(.get, "/v1/datasets?limit=\(limit)"))
    }

    /// Forgets a data set.
    ///
    /// - Parameter force: also while jobs that have not ended use it.
    package func deleteDataset(_ reference: String, force: Bool) throws(RemoteError) {
        _ = try send(.delete, Self.datasetPath(reference) + (force ? "?force=true" : ""))
    }

    private static func datasetPath(_ reference: String) -> String { "/v1/datasets/\(QueryText.escaped(reference))" }
}

/// Data sets as `datasets list` prints them.
package struct DatasetTable: Sendable {
    private let page: JSONValue
    private static let titles = ["NAME", "ID", "FORMAT", "SHAPE", "BYTES", "CREATED"]

    init(page: JSONValue) { self.page = page }

    /// As the service sent it.
    package var json: JSONDocument { JSONDocument(value: page) }

    /// A line for the titles and one for each data set.
    package var text: String { TextTable.text([Self.titles] + (page["items"]?.elements ?? []).map(Self.row)) }

    private static func row(_ dataset: JSONValue) -> [String] {
        let shape = (dataset["shape"]?.elements ?? []).compactMap(\.int).map(String.init).joined(separator: "×")
        let cells = [
            dataset["name"]?.text, dataset["id"]?.text, dataset["format"]?.text, shape,
            dataset["bytes"]?.int.map(String.init), dataset["created_at"]?.text,
        ]
        return cells.map { Printable.text($0 ?? "-") }
    }
}
