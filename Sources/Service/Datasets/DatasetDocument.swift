// A data set as a caller sees it.
import DataFormats
import JobQueue
import ProblemSpecification

/// Composes documents of data sets.
enum DatasetDocument {
    /// Columns that are described one by one; a table with more says only how many it has.
    static let columnLimit = 1_000

    /// The path of a data set by its id.
    static func path(_ id: DatasetID, _ part: String = "") -> String {
        part.isEmpty ? "/v1/datasets/\(id)" : "/v1/datasets/\(id)/\(part)"
    }

    static func value(_ entry: DatasetEntry) -> JSONValue {
        let dataset = entry.dataset
        var document = JSONObjectBuilder()
        document.add("id", dataset.id.description)
        document.add("name", dataset.name.map(JSONValue.string) ?? .null)
        document.add("format", dataset.format)
        document.add("bytes", Int(dataset.byteCount))
        document.add("sha256", dataset.blob)
        // Written by this program.
        for member in (try? JSONParser.parse(dataset.profile))?.members ?? [] {
            document.add(member.name, member.value)
        }
        document.add("used_by", .array(entry.use.jobs.map { .string($0.description) }))
        document.add("created_at", RFC3339.text(dataset.createdAt))
        var links = JSONObjectBuilder()
        links.add("self", path(dataset.id))
        links.add("content", path(dataset.id, "content"))
        document.add("links", links)
        return document.value
    }

    /// What is in a data set.
    static func content(_ profile: DatasetProfile) -> JSONValue {
        var content = JSONObjectBuilder()
        content.add("shape", .list(profile.shape.map(JSONValue.integer)))
        content.add("type", profile.type.rawValue)
        add(profile.summary, to: &content)
        if let columns = profile.columns {
            content.add("columns", columns.count > columnLimit ? .null : .array(columns.map(column)))
        }
        if let count = profile.entryCount { content.add("entries", count) }
        if let labels = profile.labels {
            var object = JSONObjectBuilder()
            add(labels, to: &object)
            content.add("labels", object)
        }
        return content.value
    }

    private static func column(_ column: ColumnProfile) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", column.name)
        object.add("type", column.type?.rawValue ?? "text")
        add(column.summary, to: &object)
        return object.value
    }

    private static func add(_ summary: NumberSummary, to object: inout JSONObjectBuilder) {
        object.add("minimum", summary.minimum.map(JSONValue.number) ?? .null)
        object.add("maximum", summary.maximum.map(JSONValue.number) ?? .null)
        object.add("missing", summary.missing)
        object.add("invalid", summary.invalid)
    }
}
