// What README.md and the demonstration tell to type is typed, and answers as they say.
import Foundation
import ServiceHarness
import Testing

/// Runs scripts as a reader would.
enum Shell {
    /// - Returns: standard output and standard error together, and the exit status.
    static func run(_ words: [String], environment: [String: String] = [:]) throws -> (text: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "120"] + words
        process.currentDirectoryURL = Repository.root
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        // A file: servers that other tests start meanwhile would inherit a pipe, and keep it open.
        let file = FileManager.default.temporaryDirectory.appending(path: "shell-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let output = try FileHandle(forWritingTo: file)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        return (String(decoding: try Data(contentsOf: file), as: UTF8.self), process.terminationStatus)
    }
}

@Suite struct CurlTests {
    /// The commands of the section, block by block.
    private func blocks() throws -> [String] {
        let readme = try String(contentsOf: Repository.root.appending(path: "README.md"), encoding: .utf8)
        let start = try #require(readme.range(of: "\n## By curl\n"))
        let section = readme[start.upperBound...].components(separatedBy: "\n## ")[0]
        return section.matches(of: #/(?s)```sh\n(.*?)```/#).map { String($0.1) }
    }

    @Test func theWalkAnswersAsWritten() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        let mark = "-- next --"
        let script = try blocks().map { "\($0)\necho; echo '\(mark)'\n" }.joined()
        let run = try Shell.run(["bash", "-euc", script], environment: ["URL": try server.url()])
        #expect(run.status == 0, "\(run.text.suffix(600))")
        let parts = run.text.components(separatedBy: mark).map { $0.split(separator: "\n").map(String.init) }
        try #require(parts.count == 11, "\(run.text.prefix(2_000))")
        let job = try #require(parts[1].first)
        #expect(job.wholeMatch(of: #/job_[0-9A-Z]{26}/#) != nil)
        let polled = try parts[2].map { try Reading(Array($0.utf8)) }
        #expect(polled.count == 2 && polled.allSatisfy { $0["id"]?.text == job })
        #expect(["running", "succeeded"].contains(polled[1]["state"]?.text))
        try checkStreams(parts[3], parts[4])
        #expect(parts[5].joined().contains("\"termination\":\"converged\""))
        let uploaded = try parts[6].map { try Reading(Array($0.utf8)) }
        try #require(uploaded.count == 4, "\(parts[6])")
        #expect(uploaded[0]["name"]?.text == "my-patients.csv" && uploaded[0]["shape"]?.items.first?.integer == 442)
        #expect(uploaded[2]["termination"]?.text == "converged")
        #expect(
            uploaded[2]["result_sha256"]?.text == (try Reading(Array(parts[5].joined().utf8)))["result_sha256"]?.text)
        #expect(uploaded[3]["items"]?.items.count == 1)
        let warm = parts[7].joined()
        #expect(warm.hasPrefix("lambda\r\n") && warm.contains("\"termination\":\"converged\""), "\(warm.prefix(400))")
        #expect(warm.contains("\"series\":{\"seq\":["))
        #expect(parts[8].count { $0.contains("\"type\":\"progress\"") } == 5)
        #expect(parts[8].last?.contains("\"termination\":\"user_stop\"") == true)
        #expect(parts[9].count == 2 && parts[9][1].contains("/problems/no-result"))
    }

    /// The whole stream, and what `after=100` gives of it.
    private func checkStreams(_ whole: [String], _ rest: [String]) throws {
        let events = try whole.compactMap { try StreamedEvent($0) }
        #expect(events.map(\.seq) == Array(1...max(1, events.count)) && events.count > 100)
        #expect(events.last?.type == "end")
        #expect(rest == Array(whole.dropFirst(100)))
    }

    @Test func theDemonstrationRuns() throws {
        let run = try Shell.run(["Examples/demo.sh", Executable.path])
        #expect(run.status == 0, "\(run.text.suffix(600))")
        #expect(run.text.hasSuffix("the server has stopped\n"))
    }
}
