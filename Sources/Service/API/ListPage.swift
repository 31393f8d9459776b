// One page of a list, the same for every list: items, the cursor behind them, and a link to the next page.
import HTTPServer
import ProblemSpecification

extension Response {
    /// `{items, next_cursor}`, with a link to the same list behind the cursor (RFC 8288).
    ///
    /// - Parameter query: what this page was asked for by.
    static func page(_ items: [JSONValue], next: String?, of path: String, _ query: Query) -> Response {
        var document = JSONObjectBuilder()
        document.add("items", .array(items))
        document.add("next_cursor", next.map(JSONValue.string) ?? .null)
        let response = Response.json(document.value)
        guard let next else { return response }
        return response.with("Link", "<\(path)?\(query.continued(behind: next))>; rel=\"next\"")
    }
}

extension Query {
    /// Where a page begins; nil for the first.
    ///
    /// - Parameter read: reads what `next_cursor` holds.
    func cursor<Cursor>(_ read: (String) -> Cursor?) throws(APIError) -> Cursor? {
        guard let text = self["cursor"] else { return nil }
        guard let cursor = read(text) else {
            throw .invalidParameter("cursor", wanted: "the next_cursor of a page", found: text)
        }
        return cursor
    }
}
