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

    /// Steps that are too long go past the minimum again and again, so that the best point is often not the last.
    private static let swinging = """
        {"problem": {"levels": [
           {"variables": {"x": {"shape": [2], "start": [3, 4]}}, "minimize": "sum(y^2) + 0.1 * sum(sin(40 * y))"},
           {"variables": {"y": {"shape": [2]}}, "minimize": "sum((y - x)^2)"}]},
         "method": {"name": "aid-cg", "upper_step": {"step": 0.4}}, "limits": {"iterations": 300}}
        """

    @Test func theBestPointIsToldWhenItIsNew() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let port = try server.port()
        let client = JobClient(port: port)
        let id = try client.submit(Self.swinging)
        _ = try client.ended(id)
        let lines = try exchange(port, "GET", "/v1/jobs/\(id)/events?follow=false").text.split(separator: "\n")
        let events = try lines.map { try Reading(Array($0.utf8)) }
        // By the points themselves. Of objectives that rounding cannot tell apart any may be called the best.
        var objectives: [Int: Double] = [:]
        func isLeast(_ pointer: Reading?) -> Bool {
            guard let iteration = pointer?["iteration"]?.integer, let least = objectives.values.min() else {
                return false
            }
            let objective = pointer?["upper_objective"]?.number ?? .nan
            let shown = objectives[iteration] ?? .nan
            // The start is shown by an evaluation of its own, whatever the method.
            let rounding = 1e-12 * abs(least)
            return abs(objective - shown) <= (iteration == 0 ? rounding : 0) && objective <= least + rounding
        }
        var told: [Int] = []
        for event in events {
            let data = event["data"]
            let iteration = data?["iteration"]?.integer ?? -1
            switch event["type"]?.text {
            case "progress":
                objectives[iteration] = data?["upper_objective"]?.number
                #expect(isLeast(data?["best"]))
            case "incumbent":
                #expect(isLeast(data))
                #expect(data?["iterate"]?["x"]?.items.count == 2 && data?["lower_residual"]?.number != nil)
                told.append(iteration)
            default: break
            }
        }
        #expect(objectives.count > 100)
        #expect(!told.isEmpty && told == Set(told).sorted() && told.count < 40, "\(told)")
        let chosen = try exchange(port, "GET", "/v1/jobs/\(id)/events?follow=false&types=incumbent").text
        #expect(chosen.split(separator: "\n").count == told.count + 1)
    }
}
