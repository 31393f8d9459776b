// Damage on disk and folders that cannot be written: a clear word, and no job lost.
import Foundation
import Glibc
import ServiceHarness
import Testing

@Suite struct StorageFaultTests {
    /// A job that was suspended with two states on disk, and the hash of an undisturbed run.
    private func suspended(_ folder: ServedFolder) throws -> (id: String, hash: String) {
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        let whole = try client.submit(SampleDocuments.unrolled(iterations: 600))
        _ = try client.ended(whole)
        let id = try client.submit(SampleDocuments.unrolled(iterations: 600))
        _ = try client.reach(id, "two states") { _ in Self.states(folder, id).count == 2 }
        let hash = try client.hash(whole)
        server.kill(SIGTERM)
        guard try server.wait(seconds: 25) == .status(0) else { throw HarnessError("the drain failed") }
        return (id, hash)
    }

    /// Files of a job's states, the newest last.
    private static func states(_ folder: ServedFolder, _ id: String) -> [URL] {
        let place = folder.data.appending(path: "jobs/\(id)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
        let states = names.filter { $0.hasSuffix(".state") }
        let iteration = { (name: String) in Int(name.dropLast(6).split(separator: "-").last ?? "") ?? 0 }
        return states.sorted { iteration($0) < iteration($1) }.map { place.appending(path: $0) }
    }

    private static func damage(_ file: URL) throws {
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: file)
    }

    @Test(arguments: [1, 2]) func aDamagedStateGivesWayToTheOneBefore(_ damaged: Int) throws {
        let folder = try ServedFolder()
        let (id, hash) = try suspended(folder)
        let states = Self.states(folder, id)
        #expect(states.count == 2)
        let older = try #require(states.first?.deletingPathExtension().lastPathComponent.split(separator: "-").last)
        for state in states.suffix(damaged) { try Self.damage(state) }
        let server = try folder.serve()
        let client = JobClient(port: try server.port())
        #expect(try client.ended(id)["state"]?.text == "succeeded")
        #expect(try client.hash(id) == hash)
        let log = try client.log(id)
        #expect(faults(inLog: log).isEmpty && iterations(ofLog: log) == Array(0...600))
        #expect(log.count { $0.type == "warning" } >= damaged)
        let text = try exchange(
            try server.port(), "GET", "/v1/jobs/\(id)/events?types=state&follow=false"
        ).text
        #expect(text.contains("\"resumed_from\":\(older)") == (damaged == 1))
    }

    /// A file where the job's states should go: every attempt to write one fails, for whomever.
    @Test func statesThatCannotBeWrittenAreToldAndNoMore() throws {
        let folder = try ServedFolder()
        let server = try folder.serve(workers: 1)
        let port = try server.port()
        let client = JobClient(port: port)
        let first = try client.submit(SampleDocuments.endless)
        try client.underWay(first)
        let id = try client.submit(SampleDocuments.unrolled(iterations: 100))
        try Data().write(to: folder.data.appending(path: "jobs/\(id)"))
        _ = try exchange(port, "POST", "/v1/jobs/\(first)/stop", [])
        #expect(try client.ended(id)["state"]?.text == "succeeded")
        let text = try exchange(port, "GET", "/v1/jobs/\(id)/events?types=warning&follow=false").text
        #expect(text.contains("the state could not be written (") && text.contains("the one before it stands"))
        #expect(faults(inLog: try client.log(id)).isEmpty)
    }

    /// Without the right to pass over permissions, which root has too.
    @Test func aFolderThatCannotBeWrittenIsRefused() throws {
        let folder = try ServedFolder()
        let server = try folder.serve()
        _ = try server.port()
        server.kill(SIGTERM)
        #expect(try server.wait(seconds: 25) == .status(0))
        let files = [folder.data] + Self.everything(in: folder.data)
        for file in files { chmod(file.path, file.hasDirectoryPath ? 0o555 : 0o444) }
        defer { for file in files { chmod(file.path, 0o755) } }
        let (status, words) = try Self.withoutPrivileges([
            Executable.path, "serve", "--port", "0", "--data", folder.data.path,
        ])
        #expect(status == 2)
        #expect(words.contains("error: the data folder \(folder.data.path) cannot be used: "))
        #expect(words.contains("Permission denied") || words.contains("can only be read"), "\(words)")
        #expect(!words.contains("errno"))
    }

    private static func everything(in folder: URL) -> [URL] {
        let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (found?.allObjects ?? []).compactMap { $0 as? URL }
    }

    private static func withoutPrivileges(_ words: [String]) throws -> (Int32, String) {
        let process = Process()
        let isRoot = getuid() == 0
        let right = "-dac_override,-dac_read_search"
        let wrapper = ["/usr/bin/setpriv", "--bounding-set=\(right)", "--inh-caps=\(right)", "--"]
        let all = isRoot ? wrapper + words : words
        process.executableURL = URL(fileURLWithPath: all[0])
        process.arguments = Array(all.dropFirst())
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}
