// The payload of a job: its document and the data sets it names, frozen to their hashes at admission.
import ProblemSpecification

/// What a job's row holds.
struct JobPayload {
    let document: JSONValue
    /// Hashes of data sets by name.
    let datasets: [String: String]
    /// Settled method, hash of the document, version of the program: for readers, not for workers.
    var origin = JSONValue.object([])

    var json: JSONValue {
        .object([
            JSONMember(name: "origin", value: origin),
            JSONMember(name: "document", value: document),
            JSONMember(
                name: "datasets",
                value: .object(datasets.keys.sorted().map { JSONMember(name: $0, value: .string(datasets[$0] ?? "")) })),
        ])
    }

    init(document: JSONValue, datasets: [String: String], origin: JSONValue) {
        self.document = document
        self.datasets = datasets
        self.origin = origin
    }

    init?(_ json: JSONValue) {
        guard let document = json["document"], let members = json["datasets"]?.members else { return nil }
        self.document = document
        origin = json["origin"] ?? .object([])
        datasets = Dictionary(members.map { ($0.name, $0.value.text ?? "") }, uniquingKeysWith: { first, _ in first })
    }
}
