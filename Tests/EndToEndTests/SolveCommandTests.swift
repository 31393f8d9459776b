// What the `solve` command prints where, and how it ends.
import Foundation
import Glibc
import Testing

@Suite struct SolveCommandTests {
    private static let quadratic = Repository.example("quadratic")
    private static let logistic = Repository.example("logistic-per-feature")
    private static let ridge = Repository.example("ridge-per-feature")

    // MARK: - Documents

    @Test func aDocumentInYAMLHasTheSameResult() throws {
        let scratch = try Scratch()
        let twin = try scratch.write(
            """
            # A leader and a follower.
            tolerances: {hypergradient: 1e-10}
            problem:
              levels:
                - name: leader
                  minimize: 0.5 * (y - 6)^2 + 0.5 * x^2
                  variables:
                    x: {start: 0, shape: []}
                - name: follower
                  minimize: (y - 3 * x)^2
                  variables: {y: {shape: [], start: 0}}
              name: a leader and a follower on a line
            """, as: "twin.yaml")
        let json = try solve(Self.quadratic)
        let yaml = try solve(twin)
        #expect(yaml.hash != nil && yaml.hash == json.hash)
        let documents = [json, yaml].map { $0.result?["provenance"]?["document_sha256"]?.text }
        #expect(documents[0] == documents[1])
    }

    @Test(arguments: ["problem.levels.0.variables.x.start=1", "/problem/levels/0/variables/x/start=1"])
    func setChangesOneValue(_ assignment: String) throws {
        let solved = try solve(Self.quadratic, "--set", assignment)
        #expect(solved.point(0)?["iterate"]?["x"]?.numbers == [1])
    }

    @Test func theLaterOfTwoChangesHolds() throws {
        let start = "problem.levels.0.variables.x.start="
        let solved = try solve(Self.quadratic, "--set", start + "1", "--set", start + "2")
        #expect(solved.point(0)?["iterate"]?["x"]?.numbers == [2])
    }

    @Test(arguments: [
        "nothing", ".=1", "/~2=1", "problem.levels.7.name=x", "problem.levels.first=1", "problem.name.a=1",
    ])
    func aChangeThatLeadsNowhereIsRefused(_ assignment: String) throws {
        let solved = try solve(Self.quadratic, "--set", assignment)
        #expect(solved.finished.ending == .status(2) && solved.result == nil)
        #expect(solved.finished.errors.contains("--set \(assignment): "))
    }

    @Test func dataAreLookedForBesideTheDocument() throws {
        let scratch = try Scratch()
        _ = try scratch.write("a\n1\n2\n3\n", as: "numbers.csv")
        let path = try scratch.write(
            """
            {"problem": {"data": {"a": {"dataset": "numbers", "columns": "a"}},
             "levels": [{"variables": {"x": {}}, "minimize": "mean((x - a)^2)"}]}}
            """, as: "mean.json")
        let solved = try solve(path)
        #expect(agrees(solved.variable("x"), [2]) && agrees(solved.objective, 2 / 3))
        #expect(try solve("mean.json", in: scratch.folder).hash == solved.hash)
    }

    // MARK: - Progress

    @Test(arguments: ["none", "auto"]) func standardErrorStaysEmptyOffATerminal(_ mode: String) throws {
        let finished = try Executable.run(["solve", Self.quadratic, "--progress", mode])
        #expect(finished.ending == .status(0) && finished.errors.isEmpty && !finished.output.isEmpty)
    }

    @Test func aTerminalSeesOneLiveLine() throws {
        let finished = try Executable.run(["solve", Self.quadratic], errors: .terminal)
        let frames = finished.errors.split(separator: "\r").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            .filter { !$0.isEmpty }
        let pattern = /iteration (\d+)  objective (\S+)  hypergradient (\S+)  \d+\.\d s/
        let matches = try frames.map { try #require(try pattern.wholeMatch(in: $0), "\($0)") }
        #expect(matches.map(\.1) == ["0", "1", "2"])
        #expect(matches.map(\.2) == ["18", "5", "1.8"] && matches[0].3 == "1.800e+01")
        // The last frame stands: one line feed, at the end, which the terminal writes as CR LF.
        #expect(finished.errors.hasSuffix("\r\n") && finished.errors.unicodeScalars.count { $0 == "\n" } == 1)
        #expect(try JSON(finished.output)["termination"]?.text == "converged")
    }

    @Test(arguments: [["limits.iterations=40"], ["limits.iterations=40", "progress.every=7"], ["method=soba"]])
    func eventsAreNumberedWithoutAHoleAndEndIsLast(_ changes: [String]) throws {
        let options = changes.flatMap { ["--set", $0] }
        let solved = try Solved(Executable.run(["solve", Self.ridge, "--progress", "ndjson"] + options))
        #expect(solved.sequence == Array(0..<solved.events.count))
        #expect(solved.types.last == "end" && solved.types.count { $0 == "end" } == 1)
        #expect(solved.events.allSatisfy { $0["attempt"]?.integer == 1 })
        #expect(solved.events.last?["data"]?["termination"]?.text == solved.result?["termination"]?.text)
    }

    /// 300 rows in batches of 50: six draws are an epoch.
    @Test func sampledMethodsReportOnceAnEpoch() throws {
        let solved = try solve(Self.ridge, "--set", "method=soba", "--set", "limits.iterations=20")
        let iterations = solved.events.compactMap { $0["data"]?["iteration"]?.integer }
        #expect(iterations == [0, 6, 12, 18, 20])
    }

    // MARK: - Endings

    /// Changes of the quadratic example, the termination they lead to, and the exit status.
    private static let endings: [(changes: [String], termination: String, status: Int32)] = [
        ([], "converged", 0),
        (["limits.iterations=1"], "iteration_limit", 1),
        (["limits.iterations=0"], "iteration_limit", 1),
        (["limits.oracle_calls=20"], "oracle_limit", 1),
        ([#"method={"upper_step": {"step": 10}}"#], "diverged", 1),
    ]

    @Test(arguments: endings)
    func theExitStatusFollowsTheTermination(_ changes: [String], _ termination: String, _ status: Int32) throws {
        let options = changes.flatMap { ["--set", $0] }
        let solved = try Solved(Executable.run(["solve", Self.quadratic, "--progress", "ndjson"] + options))
        #expect(solved.finished.ending == .status(status))
        #expect(solved.result?["termination"]?.text == termination)
        #expect(solved.result?["state"]?.text == (termination == "diverged" ? "failed" : "succeeded"))
    }

    @Test func noFurtherProgressIsAFinalAnswer() throws {
        let solved = try solve(Self.ridge, "--set", "tolerances.hypergradient=0")
        #expect(solved.finished.ending == .status(0) && solved.result?["termination"]?.text == "stalled")
    }

    @Test func timeEndsARunWithItsBestPoint() throws {
        let solved = try solve(
            Self.logistic, "--set", "limits.iterations=1000000", "--set", "limits.time_seconds=1")
        #expect(solved.finished.ending == .status(1) && solved.result?["termination"]?.text == "time_limit")
        #expect(solved.variable("lambda").count == 20)
    }

    @Test func timeThatIsUpBeforeTheStartLeavesNothing() throws {
        let solved = try solve(Self.quadratic, "--set", "limits.time_seconds=1e-9")
        #expect(solved.finished.ending == .status(1) && solved.result == nil)
        #expect(solved.finished.errors.contains("before its start was evaluated"))
    }

    @Test func anInterruptGivesTheBestPoint() throws {
        let arguments = ["solve", Self.logistic, "--progress", "ndjson", "--set", "limits.iterations=1000000"]
        let solved = try Solved(Executable.run(arguments, signal: SIGINT))
        #expect(solved.finished.ending == .status(1))
        #expect(solved.result?["termination"]?.text == "user_stop" && solved.types.last == "end")
        #expect(solved.variable("w").count == 20)
    }

    @Test func aTerminationSignalWithoutACheckpointStops() throws {
        let arguments = ["solve", Self.logistic, "--progress", "ndjson", "--set", "limits.iterations=1000000"]
        let solved = try Solved(Executable.run(arguments, signal: SIGTERM))
        #expect(solved.finished.ending == .status(1) && solved.result?["termination"]?.text == "user_stop")
    }

    @Test(arguments: [
        ["solve"], ["solve", "a", "b"], ["solve", "a", "--suspend-after", "3"],
        ["solve", "a", "--suspend-after", "-1", "--checkpoint", "s"], ["solve", "a", "--progress", "loud"], ["guess"],
    ]) func aWrongCommandLineIsAUsageError(_ arguments: [String]) throws {
        let finished = try Executable.run(arguments)
        #expect(finished.ending == .status(64) && finished.output.isEmpty && finished.errors.contains("Usage:"))
    }

    // MARK: - Standard output

    @Test func aReaderThatWentAwayIsNoCrash() throws {
        for command in ["solve", "check"] {
            let finished = try Executable.run([command, Self.quadratic], output: .abandoned)
            #expect(finished.ending == .status(0) && finished.errors.isEmpty, "\(command)")
        }
    }

    @Test func aResultThatCannotBeWrittenIsSaid() throws {
        for command in ["solve", "check"] {
            let finished = try Executable.run([command, Self.quadratic], output: .file("/dev/full"))
            #expect(finished.ending == .status(2), "\(command)")
            #expect(finished.errors.contains("the result cannot be written: No space left on device"))
        }
    }
}
