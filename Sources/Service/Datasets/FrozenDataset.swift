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
    package static func references(in document: JSONValue) -> Set<String> {
        var names = Set((document["problem"]?["data"]?.members ?? []).compactMap { $0.value["dataset"]?.text })
        for place in document["sweep"]?["over"]?.members ?? [] {
            let isName = place.name.hasSuffix("/\(field)")
            for value in place.value.elements ?? [] { collect(value, isName: isName, into: &names) }
        }
        return names
    }

    private static let field = "dataset"

    /// The names in a value of a sweep, which may hold single names, entries, or all data. The recursion is bounded by the
    /// depth that documents may have.
    private static func collect(_ value: JSONValue, isName: Bool, into names: inout Set<String>) {
        switch value {
        case .string(let name): if isName { names.insert(name) }
        case .object(let members):
            for member in members { collect(member.value, isName: member.name == field, into: &names) }
        case .array(let elements): for element in elements { collect(element, isName: false, into: &names) }
        case .null, .bool, .integer, .number, .numbers: break
        }
    }
}
