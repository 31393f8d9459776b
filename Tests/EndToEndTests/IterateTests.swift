// Iterates in events: whole up to a thousand entries, else by their norm and links that lead somewhere.
import Foundation
import ServiceHarness
import Testing

@Suite struct IterateTests {
    private func document(entries: Int, _ iterates: String) -> String {
        """
        {"problem": {"levels": [
           {"variables": {"x": {"shape": [\(entries)], "start": 2}}, "minimize": "sum((y - 1)^2) + sum(x^2)"},
           {"variables": {"y": {"shape": [\(entries)]}}, "minimize": "sum((y - x)^2)"}]},
         "method": {"name": "aid-cg", "upper_step": {"step": 1e-9}}, "limits": {"iterations": 1000000000},
         "progress": {"iterates": "\(iterates)", "every": 50}}
        """
    }

    @Test(arguments: [(1_000, "inline", false), (1_001, "inline", true), (3, "reference", true), (3, "none", false)])
    func areInlineOrReferredTo(_ entries: Int, _ iterates: String, _ isReferred: Bool) throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let client = JobClient(port: port)
        let id = try client.submit(document(entries: entries, iterates))
        let job = try client.reach(id, "progress") { $0["progress"]?["iteration"] != nil }
        let progress = job["progress"]
        #expect((progress?["iterate"]?["x"]?.items.count ?? 0) == (isReferred || iterates == "none" ? 0 : entries))
        let link = progress?["iterate_links"]?["x"]?.text
        #expect((link != nil) == isReferred)
        if let link {
            let norm = try #require(progress?["iterate_norm"]?.number)
            #expect(abs(norm - 2 * Double(entries).squareRoot()) < 1e-3)
            let whole = try exchange(port, "GET", link)
            let count = try whole.json.items.count
            #expect(whole.status == 200 && count == entries, "\(whole.text.prefix(100))")
            _ = try exchange(port, "POST", "/v1/jobs/\(id)/stop", [])
            _ = try client.ended(id)
            // The link leads to the result when there is one.
            #expect(try exchange(port, "GET", link).json.items.count == entries)
        }
    }
}
