// `stackelberg keys` and `serve --auth` as processes.
import Foundation
import ServiceHarness
import Testing

@Suite struct KeysCommandTests {
    private let folder: ServedFolder

    init() throws { folder = try ServedFolder() }

    private func keys(_ words: String...) throws -> Finished {
        try Executable.run(["keys"] + words + ["--data", folder.data.path])
    }

    @Test func aKeyMadeBesideARunningServiceIsWantedAtOnce() throws {
        let server = try folder.serve()
        let url = try server.url()
        #expect(try exchange(try server.port(), "GET", "/v1/jobs").status == 200)
        let made = try keys("create", "--owner", "ann", "--name", "her laptop")
        #expect(made.ending == .status(0))
        let key = made.output.trimmingCharacters(in: .newlines)
        #expect(try exchange(try server.port(), "GET", "/v1/jobs").status == 401)
        let submit = [Executable.path, "submit", Repository.example("quadratic"), "--watch", "--server", url]
        let refused = try Shell.run(submit)
        #expect(refused.status == 2 && refused.text.contains("(unauthorized)"))
        let run = try Shell.run(submit, environment: ["STACKELBERG_KEY": key])
        #expect(run.status == 0 && run.text.contains("succeeded: converged"), "\(run.text)")
        let list = try keys("list")
        #expect(list.output.contains("ann") && list.output.contains("her laptop"))
        let id = String(key.split(separator: "_")[1])
        #expect(list.output.contains(id) && !list.output.contains(key.suffix(20)))
        #expect(try keys("revoke", id).ending == .status(0))
        let revoked = try Shell.run(submit, environment: ["STACKELBERG_KEY": key])
        #expect(revoked.status == 2 && revoked.text.contains("has ended"))
    }

    @Test func withoutKeysOnlyTheLoopbackIsServed() throws {
        let refused = try Executable.run(["serve", "--host", "0.0.0.0", "--port", "0", "--data", folder.data.path])
        #expect(refused.ending == .status(2))
        #expect(refused.errors.contains("stackelberg keys create --owner <name> --data \(folder.data.path)"))
        let open = try folder.serve(workers: 1, "--host", "0.0.0.0", "--auth", "none")
        #expect(try exchange(try open.port(), "GET", "/v1/jobs").status == 200)
        #expect(open.logText.contains("everybody who reaches 0.0.0.0 may use the service"))
        try open.crash()
        #expect(try keys("create", "--owner", "ann").ending == .status(0))
        let closed = try folder.serve(workers: 1, "--host", "0.0.0.0")
        #expect(try exchange(try closed.port(), "GET", "/v1/jobs").status == 401)
        #expect(try exchange(try closed.port(), "GET", "/readyz").status == 200)
    }

    @Test func whatMakesNoSenseIsSaid() throws {
        let scope = try keys("create", "--owner", "ann", "--scope", "jobs")
        #expect(scope.ending == .status(2) && scope.errors.contains("jobs:read, jobs:write, datasets:write, admin"))
        #expect(try keys("create", "--owner", "a b").errors.contains("an owner is 1 to 64 letters"))
        #expect(try keys("revoke", "nobody").errors.contains("there is no key 'nobody'"))
        #expect(try keys("create", "--owner", "ann", "--active-jobs", "0").ending == .status(64))
    }
}
