// A data set as it is handed to a worker: the bytes and the format that its name or id stands for at this moment.
import DataFormats
import ProblemSpecification

/// A file that a name stands for.
package struct FrozenDataset: Sendable, Equatable {
    /// The SHA-256 of the bytes, which is the name of their file.
    package let hash: String
    package let format: DatasetFormat

    package init(hash: String, format: DatasetFormat) {
        self.hash = hash
        self.format = format
    }

    /// Names and what they stand for, as an object.
    static func bytes(_ datasets: [String: FrozenDataset]) -> [UInt8] {
        var object = JSONObjectBuilder()
        for (name, dataset) in datasets.sorted(by: { $0.key < $1.key }) {
            object.add(name, .array([.string(dataset.hash), .string(dataset.format.rawValue)]))
        }
        return JSONWriter.bytes(object.value)
    }

    /// Reads what ``bytes(_:)`` writes; nil for anything else.
    static func read(_ bytes: [UInt8]) throws -> [String: FrozenDataset]? {
        var datasets: [String: FrozenDataset] = [:]
        for member in try JSONParser.parse(bytes).members ?? [] {
            guard let parts = member.value.elements?.compactMap(\.text), parts.count == 2,
                BlobFolder.isHash(parts[0]), let format = DatasetFormat(rawValue: parts[1])
            else { return nil }
            datasets[member.name] = FrozenDataset(hash: parts[0], format: format)
        }
        return datasets
    }

    /// What a document calls the data sets that it reads.
    static func references(in document: JSONValue) -> Set<String> {
        Set((document["problem"]?["data"]?.members ?? []).compactMap { $0.value["dataset"]?.text })
    }
}
