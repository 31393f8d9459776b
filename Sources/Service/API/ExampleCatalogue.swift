// Complete documents that can be sent back as they are: the JSON files of one folder, byte by byte.
import Foundation
import ProblemSpecification

/// Examples by name.
package struct ExampleCatalogue: Sendable, Equatable {
    /// One document.
    package struct Example: Sendable, Equatable {
        /// The file's name without its ending.
        package let id: String
        /// The file.
        package let bytes: [UInt8]
        /// The problem's own name, where it has one.
        package let title: String?
        /// Names of the data sets it reads, sorted.
        package let datasets: [String]

        /// Reads title and data sets out of a document; nil when it is no JSON.
        package init?(id: String, bytes: [UInt8]) {
            guard let document = try? JSONParser.parse(bytes) else { return nil }
            self.id = id
            self.bytes = bytes
            title = document["problem"]?["name"]?.text
            let entries = document["problem"]?["data"]?.members ?? []
            datasets = Set(entries.compactMap { $0.value["dataset"]?.text }).sorted()
        }
    }

    /// Sorted by id.
    package let examples: [Example]

    /// - Parameter examples: each id once.
    package init(_ examples: [Example]) { self.examples = examples.sorted { $0.id < $1.id } }

    /// The `.json` files of `folder`; none where the folder cannot be read.
    package init(folder: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        self.init(
            names.filter { $0.hasSuffix(".json") }.compactMap { name in
                guard let data = try? Data(contentsOf: folder.appendingPathComponent(name)) else { return nil }
                return Example(id: String(name.dropLast(".json".utf8.count)), bytes: [UInt8](data))
            })
    }

    subscript(id: String) -> Example? { examples.first { $0.id == id } }
}
