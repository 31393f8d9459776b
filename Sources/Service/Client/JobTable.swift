// Jobs as `list` prints them: a row each, columns as wide as they must be.
import ExpressionLanguage
import ProblemSpecification

/// A page of jobs.
package struct JobTable: Sendable {
    private let page: JSONValue
    private static let titles = ["JOB", "STATE", "TERMINATION", "CREATED", "LABELS"]

    init(page: JSONValue) { self.page = page }

    /// As the service sent it.
    package var json: JSONDocument { JSONDocument(value: page) }

    /// A line for the titles and one for each job.
    package var text: String {
        TextTable.text([Self.titles] + (page["items"]?.elements ?? []).map(Self.row))
    }

    private static func row(_ job: JSONValue) -> [String] {
        let labels = (job["labels"]?.members ?? []).map { "\($0.name)=\($0.value.text ?? "")" }
        let ending = job["termination"]?.text ?? job["failure"]?["code"]?.text
        let cells = [job["id"]?.text, job["state"]?.text, ending, job["created_at"]?.text]
        return cells.map { Printable.text($0 ?? "-") } + [Printable.text(labels.joined(separator: " "))]
    }
}
