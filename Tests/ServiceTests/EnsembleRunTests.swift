// Jobs of several runs, solved in this process: each member is the run of its own document, whatever happens to the others.
import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Service
import Synchronization
import Testing

extension JSONValue {
    fileprivate var int: Int? { double.flatMap(Int.init(exactly:)) }
}

/// Collects what a job reports.
private struct Recorder: RunObserver {
    /// `type member iteration` of each event.
    var events: [String] = []
    var kept: KeptState?

    mutating func began(resumedFrom iteration: Int?) {}
    mutating func progress(
        _ point: ProgressPoint, of source: RunSource, incumbent: Incumbent, incumbentPoint: () -> [Double],
        elapsed: Double
    ) {
        events.append("progress \(source.member ?? -1) \(point.iteration)")
    }
    mutating func remark(_ text: String, iteration: Int, member: Int?) {
        events.append("warning \(member ?? -1) \(iteration)")
    }
    mutating func ended(member: Int, _ data: JSONValue) {
        events.append("member \(member) \(data["state"]?.text ?? "")")
    }
    mutating func checkpoint(_ state: KeptState) throws { kept = state }
}

/// Counts calls from any thread.
private final class Counter: Sendable {
    private let count = Atomic(0)

    /// 1, 2, 3, …
    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// One document and ways to run it.
private struct Subject: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String

    /// A document of two levels with three valleys, with changes.
    init(_ name: String, _ changes: String...) throws {
        testDescription = name
        var source = try JSONParser.parse(Self.valleys)
        for change in changes { source = try source.applying(JSONAssignment(change)) }
        text = JSONWriter.string(source)
    }

    private static let valleys = """
        {"problem": {
           "data": {"A": {"random": {"normal": [40, 2], "seed": 1}}, "b": {"random": {"normal": [40], "seed": 2}},
                    "weight": {"value": 1}},
           "samples": {"rows": {"arrays": ["A", "b"], "batch": 8}},
           "levels": [
             {"variables": {"x": {"shape": [2], "start": {"uniform": [-3, 3]}, "constraint": {"box": [-3, 3]}}},
              "minimize": "0.1 * sum((x - 1)^2) + sum(cos(3 * x)) + 0.5 * mean((A @ y - b)^2)"},
             {"variables": {"y": {"shape": [2]}},
              "minimize": "0.5 * mean((A @ y - b)^2) + 0.5 * sum((y - 2 * x)^2) + 0.5 * weight * sum(y^2)"}]},
         "method": "aid-cg", "limits": {"iterations": 12}, "seed": 3}
        """

    var source: JSONValue { get throws { try JSONParser.parse(text) } }

    func admitted(_ source: JSONValue? = nil, machineBytes: Int = 1 << 30) throws -> AdmittedJob {
        try Admission.admit(
            try DocumentLoader.decode(try source ?? self.source, datasets: DatasetLocator(folders: [], hint: "")),
            machineBytes: machineBytes)
    }

    /// Why it is refused: code, pointer, sentence.
    func faults(machineBytes: Int = 1 << 30) throws -> [Diagnostic] {
        do {
            _ = try admitted(machineBytes: machineBytes)
            return []
        } catch DocumentLoadError.faults(let diagnostics) {
            return diagnostics.kept
        }
    }

    struct Run {
        var result: JSONValue?
        var suspended = false
        var recorder: Recorder
        var hash: String? { result?["result_sha256"]?.text }
        var members: [JSONValue] { result?["members"]?.elements ?? [] }
    }

    func run(
        _ source: JSONValue? = nil, from saved: SavedState? = nil, suspendAfter: Int? = nil,
        threads: Int = 1,
        request: @escaping @Sendable () -> StopRequest? = { nil }
    ) throws -> Run {
        let job = try admitted(source)
        var runner = JobRunner(
            job: job, provenance: KernelEnvironment.provenance(for: job), suspendAfter: suspendAfter, request: request)
        runner.threads = threads
        var recorder = Recorder()
        switch try runner.run(from: saved, observer: &recorder) {
        case .finished(let document, _): return Run(result: document, recorder: recorder)
        case .suspended: return Run(suspended: true, recorder: recorder)
        case .nothingComputed: return Run(recorder: recorder)
        }
    }

    /// The documents of the members, each alone.
    func alone() throws -> [JSONValue] {
        let (source, request) = (try source, try #require(try decoded().ensemble))
        return try (0..<request.memberCount).map { try request.document(of: request.member($0), in: source) }
    }

    private func decoded() throws -> ProblemDocument {
        var diagnostics = Diagnostics()
        return try #require(DocumentDecoder.decode(try source, into: &diagnostics), "\(diagnostics.rendered)")
    }

    static func all() throws -> [Subject] {
        [
            try Subject("restarts", "restarts=3"),
            try Subject(
                "a sweep of methods",
                #"sweep={"over": {"/method": ["aid-cg", "soba", "saba", "random-search", "itd"]}}"#),
            try Subject(
                "a sweep of data and restarts on batches", #"sweep={"over": {"/problem/data/weight/value": [0.5, 2]}}"#,
                "restarts=2", "method=soba", "limits.iterations=40"),
            try Subject("halving", #"restarts={"count": 5, "halving": {"iterations": 2, "factor": 2}}"#),
            try Subject(
                "halving on batches",
                #"sweep={"over": {"/method/upper_step/step": [0.01, 0.05, 1e3], "/method/lower_solver/step": [0.1, 0.2]}, "#
                    + #""halving": {"iterations": 7, "factor": 2}}"#,
                "method=soba", "limits.iterations=40", "progress.every=5"),
            try Subject(
                "one that diverges",
                #"sweep={"over": {"/method/upper_step/step": [0.004, 1e9, 0.002]}}"#,
                #"method={"name": "itd", "upper_step": {"step": 0.1}}"#,
                "problem.levels.0.minimize=sum(x^4) + sum(y^2)",
                #"problem.levels.0.variables.x={"shape": [2], "start": 3}"#),
        ]
    }
}

@Suite struct EnsembleRunTests {
    // MARK: - Members are runs of their own

    @Test func everyMemberIsTheRunOfItsDocument() throws {
        for subject in try Subject.all() where !subject.testDescription.hasPrefix("halving") {
            let found = try subject.run()
            let alone = try subject.alone().map { try subject.run($0).result }
            #expect(found.members.count == alone.count)
            for (member, result) in zip(found.members, alone) {
                #expect(member["objective"] == result?["objective"]?["upper"], "\(subject)")
                #expect(member["termination"] == result?["termination"] && member["seed"] == result?["seed"])
                #expect(member["iterations"] == result?["iterations"] && member["method"] == result?["method"]?["name"])
                #expect(member["best_iteration"] == result?["best"]?["iteration"])
            }
            let best = try #require(found.result?["best_member"]?.int)
            for field in ["variables", "objective", "certificate", "method", "best", "seed", "termination", "state"] {
                #expect(found.result?[field] == alone[best]?[field], "\(subject): \(field)")
            }
            let total = alone.compactMap { $0?["iterations"]?.int }.reduce(0, +)
            #expect(found.result?["iterations"]?.int == total, "\(subject)")
        }
    }

    @Test func theBestIsTheLeastOfThoseThatEndedWell() throws {
        for subject in try Subject.all() {
            let found = try subject.run()
            let best = try #require(found.result?["best_member"]?.int)
            let well = found.members.filter { $0["state"]?.text != "failed" }
            let least = well.compactMap { $0["solved_objective"]?.double }.min()
            #expect(found.members[best]["solved_objective"]?.double == least, "\(subject)")
            #expect(found.result?["objective"]?["upper"] == found.members[best]["objective"], "\(subject)")
        }
    }

    @Test func restartsDiffer() throws {
        let members = try Subject("restarts", "restarts=8", "limits.iterations=0").run().members
        #expect(Set(members.compactMap { $0["objective"]?.double }).count == 8)
        #expect(Set(members.compactMap { $0["seed"]?.int }).count == 8 && members[0]["seed"]?.int == 3)
    }

    // MARK: - Interruptions

    @Test func aJobInterruptedAtAnyIterationEndsInTheSameBytes() throws {
        for subject in try Subject.all() {
            let whole = try subject.run()
            let count = try #require(whole.result?["iterations"]?.int)
            let job = try subject.admitted()
            let identity = job.identity(KernelEnvironment.provenance(for: job))
            for stop in stride(from: 0, to: count, by: max(1, count / 7)) {
                let first = try subject.run(suspendAfter: stop)
                let kept = try #require(first.recorder.kept, "\(subject) after \(stop)")
                #expect(first.suspended && kept.iteration == stop)
                let saved = try SavedState(kept.archive(identity), of: job, identity: identity)
                let rest = try subject.run(from: saved)
                #expect(rest.hash == whole.hash, "\(subject) after \(stop)")
                #expect(
                    first.recorder.events + rest.recorder.events == whole.recorder.events, "\(subject) after \(stop)")
            }
        }
    }

    /// Asks for something from the n-th question on.
    private func asking(_ wish: StopRequest, after count: Int) -> @Sendable () -> StopRequest? {
        let asked = Counter()
        return { asked.next() > count ? wish : nil }
    }

    /// Whatever is asked at whatever moment: a state that goes on, the best so far, or nothing.
    @Test(arguments: [1, 3]) func askedToSuspendOrStopAtAnyMoment(threads: Int) throws {
        let subject = try Subject("halving", #"restarts={"count": 4, "halving": {"iterations": 2, "factor": 2}}"#)
        let whole = try subject.run()
        let job = try subject.admitted()
        let identity = job.identity(KernelEnvironment.provenance(for: job))
        for moment in stride(from: 0, to: 1_500, by: 97) {
            let suspended = try subject.run(threads: threads, request: asking(.suspend, after: moment))
            if let kept = suspended.recorder.kept {
                let saved = try SavedState(kept.archive(identity), of: job, identity: identity)
                #expect(try subject.run(from: saved, threads: 2).hash == whole.hash, "moment \(moment)")
            } else {
                #expect(suspended.hash == whole.hash, "moment \(moment)")
            }
            let stopped = try subject.run(threads: threads, request: asking(.stop, after: moment))
            guard let result = stopped.result else { continue }
            #expect(["user_stop", "converged", "iteration_limit"].contains(result["termination"]?.text ?? ""))
            #expect(stopped.members.count == 4 && result["variables"]?["x"] != nil)
            // Whoever has a point is compared by the same measure.
            let begun = stopped.members.filter { $0["state"]?.text != "not_started" }
            #expect(!begun.isEmpty && begun.allSatisfy { $0["solved_objective"]?.double != nil })
        }
    }

    // MARK: - Side by side

    @Test(arguments: [2, 3, 8]) func manyAtOnceEndInTheSameBytes(threads: Int) throws {
        for subject in try Subject.all() {
            let (one, many) = (try subject.run(), try subject.run(threads: threads))
            #expect(one.hash == many.hash, "\(subject)")
            // Each member has told the same in the same order, whatever came between.
            for member in one.members.indices {
                func told(_ run: Subject.Run) -> [String] {
                    run.recorder.events.filter { $0.split(separator: " ")[1] == "\(member)" }
                }
                #expect(told(one) == told(many), "\(subject), member \(member)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func membersRunAtOnce() throws {
        let threads = Counter()
        let key = "\(UUID())"
        let met = DispatchSemaphore(value: 0)
        // Whoever comes first waits for the other: with one thread that would be for ever.
        let found = try Subject("at once", "restarts=4").run(threads: 2) {
            guard Thread.current.threadDictionary[key] == nil else { return nil }
            Thread.current.threadDictionary[key] = true
            if threads.next() == 2 { met.signal() } else { met.wait() }
            return nil
        }
        #expect(found.members.count == 4)
    }

    @Test func asManyAtOnceAsThereIsMemoryFor() throws {
        let price = try Subject("memory", "restarts=1").admitted().price
        let subject = try Subject("memory", "restarts=8")
        let least = price.totalBytes + 7 * price.vectorBytes
        for (bytes, room) in [(least, 1), (least + price.totalBytes - 1, 1), (least + 2 * price.totalBytes, 3)] {
            #expect(try subject.admitted(machineBytes: bytes).ensemble?.room == room)
        }
    }

    // MARK: - Budgets

    @Test(arguments: [1, 3]) func timeIsForAllMembers(threads: Int) throws {
        let subject = try Subject(
            "time", "restarts=4", "limits.iterations=100000000", "limits.time_seconds=1.2", "method=soba")
        let began = ContinuousClock.now
        let found = try subject.run(threads: threads)
        // Certificates come on top, and a busy machine.
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(found.result?["termination"]?.text == "time_limit")
        #expect(
            found.members.allSatisfy { ($0["iterations"]?.int ?? 0) > 0 && $0["termination"]?.text == "time_limit" })
        let halved = try Subject(
            "time", #"restarts={"count": 4, "halving": {"iterations": 100000, "factor": 2}}"#,
            "limits.iterations=100000000", "limits.time_seconds=1.6", "method=soba"
        ).run(threads: threads)
        #expect(halved.result?["termination"]?.text == "time_limit")
        #expect(halved.members.count { $0["state"]?.text == "dropped" } == 3)
    }

    @Test func noTimeLeavesNothing() throws {
        #expect(try Subject("time", "restarts=4", "limits.time_seconds=1e-9").run().result == nil)
    }

    @Test func oracleCallsAreDividedEqually() throws {
        let subject = try Subject(
            "calls", "restarts=4", "limits.iterations=100000", "limits.oracle_calls=1203", "tolerances.hypergradient=0",
            "method=soba")
        let found = try subject.run()
        for member in found.members {
            let calls = (member["oracle"]?.members ?? []).filter { $0.name != "samples" }.compactMap(\.value.int)
                .reduce(0, +)
            #expect(calls <= 300 && calls > 250 && member["termination"]?.text == "oracle_limit")
        }
        let faults = try Subject("calls", "restarts=4", "limits.oracle_calls=3").faults()
        #expect(faults.map(\.pointer) == ["/limits/oracle_calls"])
        #expect(try Subject("calls", "restarts=4", "limits.oracle_calls=4").faults().isEmpty)
    }

    @Test func memoryIsPricedForAll() throws {
        let price = try Subject("memory", "restarts=1").admitted().price
        let many = try Subject("memory", "restarts=64")
        let needed = price.totalBytes + 63 * price.vectorBytes
        #expect(try many.admitted().price.totalBytes == needed)
        #expect(try many.faults(machineBytes: needed).isEmpty)
        let faults = try many.faults(machineBytes: needed - 1)
        #expect(faults.map(\.pointer) == ["/restarts"] && faults.first?.code == .limitExceeded)
    }

    // MARK: - Divergence, halving, comparison

    @Test func aMemberThatDivergesCostsTheOthersNothing() throws {
        let found = try #require(try Subject.all().last).run()
        #expect(found.members.map { $0["state"]?.text } == ["succeeded", "failed", "succeeded"])
        #expect(
            found.members[1]["termination"]?.text == "diverged" && found.members[1]["detail"]?.text?.isEmpty == false)
        #expect(found.result?["state"]?.text == "succeeded" && found.result?["best_member"]?.int != 1)
    }

    @Test func aJobWhoseMembersAllDivergeHasFailed() throws {
        let found = try Subject(
            "divergence", #"sweep={"over": {"/method/upper_step/step": [1e8, 1e9]}}"#,
            #"method={"name": "itd", "upper_step": {"step": 1}}"#, "problem.levels.0.minimize=sum(x^4) + sum(y^2)",
            #"problem.levels.0.variables.x={"shape": [2], "start": 3}"#
        ).run()
        #expect(found.result?["state"]?.text == "failed" && found.result?["termination"]?.text == "diverged")
    }

    @Test func halvingDropsAtItsRungs() throws {
        let found = try Subject(
            "halving", #"restarts={"count": 8, "halving": {"iterations": 2, "factor": 2}}"#, "method=soba",
            "limits.iterations=30", "progress.every=1"
        ).run()
        let dropped = found.members.filter { $0["state"]?.text == "dropped" }
        #expect(dropped.map { $0["iterations"]?.int ?? 0 }.sorted() == [2, 2, 2, 2, 4, 4, 8])
        for member in dropped {
            #expect(member["iterations"]?.int == 2 << (member["dropped_after_rung"]?.int ?? 9))
        }
        #expect(found.members.compactMap { $0["termination"]?.text } == ["iteration_limit"])
        let ends = found.recorder.events.filter { $0.hasPrefix("member") }
        #expect(ends.count == 8 && ends.count { $0.hasSuffix("dropped") } == 7)
    }

    /// With one lower step from 0 the follower hardly moves, and F looks small where the follower matters.
    @Test func aBadlySolvedLowerLevelDoesNotWin() throws {
        let found = try Subject(
            "honesty", #"sweep={"over": {"/method/lower_solver/steps": [1, 400]}}"#,
            #"method={"name": "itd", "lower_solver": {"step": 0.01}, "upper_step": {"step": 0.05}}"#,
            "problem.levels.0.minimize=sum((x - 1)^2) + sum(y^2)", "limits.iterations=40",
            #"problem.levels.0.variables.x={"shape": [2], "start": 1}"#
        ).run()
        let own = found.members.map { $0["objective"]?.double ?? .nan }
        let solved = found.members.map { $0["solved_objective"]?.double ?? .nan }
        #expect(own[0] < own[1] && solved[0] > solved[1])
        #expect(found.result?["best_member"]?.int == 1)
    }

    // MARK: - Faults

    /// Changes, and the codes and pointers they get.
    private static let faults: [([String], [String])] = [
        (
            [#"sweep={"over": {"/problem/levels/0/minimize": ["sum(x^2)", "sum(x +", "sum(z)"]}}"#],
            [
                "syntax-error /sweep/over/~1problem~1levels~10~1minimize/1",
                "unknown-name /sweep/over/~1problem~1levels~10~1minimize/2",
            ]
        ),
        (
            [#"sweep={"over": {"/method": ["aid-cg", "nonsense", {"name": "itd", "steps": 3}]}}"#],
            ["unknown-name /sweep/over/~1method/1", "unknown-field /sweep/over/~1method/2/steps"]
        ),
        // Of data that do not fit, the formula's fault is the value's.
        (
            [#"sweep={"over": {"/problem/data/weight/value": [1, [1, 2, 3]], "/seed": [1, 2]}}"#],
            ["shape-mismatch /sweep/over/~1problem~1data~1weight~1value/1"]
        ),
        // One that only a combination has.
        (
            [
                #"sweep={"over": {"/problem/levels/1/variables/y/start": [0, "weight * x"], "#
                    + #""/problem/data/weight/value": [1, [1, 2, 3]]}}"#,
                "problem.levels.1.minimize=sum((y - x)^2)",
            ],
            ["shape-mismatch /sweep/over/~1problem~1levels~11~1variables~1y~1start/1"]
        ),
        // One that all have is the document's.
        (
            [#"sweep={"over": {"/seed": [1, 2]}}"#, "problem.levels.1.minimize=sum(y^2"],
            ["syntax-error /problem/levels/1/minimize"]
        ),
        (["restarts=2", #"problem.levels.0.variables.x={"shape": [2], "start": 1}"#], ["wrong-argument /restarts"]),
        (
            [#"sweep={"over": {"/seed": [1, 2]}}"#, #"problem.levels.0.variables.x={"shape": [2], "start": 1}"#],
            ["wrong-argument /sweep/over/~1seed/0", "wrong-argument /sweep/over/~1seed/1"]
        ),
        (
            [
                #"sweep={"over": {"/method": ["aid-cg", "soba"]}}"#, "restarts=2",
                #"problem.levels.0.variables.x={"shape": [2], "start": 1}"#,
            ], ["wrong-argument /sweep/over/~1method/0"]
        ),
        (
            [#"sweep={"over": {"/seed": [1, -1, 1e300]}}"#],
            ["out-of-range /sweep/over/~1seed/1", "out-of-range /sweep/over/~1seed/2"]
        ),
        (
            [#"sweep={"over": {"/tolerances/hypergradient": [null, "x"]}}"#],
            [
                "wrong-type /sweep/over/~1tolerances~1hypergradient/0",
                "wrong-type /sweep/over/~1tolerances~1hypergradient/1",
            ]
        ),
        (
            [#"sweep={"over": {"/problem/data/weight": [{"dataset": "none"}, {"value": 1}]}}"#],
            ["data-error /sweep/over/~1problem~1data~1weight/0"]
        ),
        (
            [#"sweep={"over": {"/problem/levels/0/variables/x/start": [{"job": "job_1"}, 0]}}"#],
            ["unsupported /sweep/over/~1problem~1levels~10~1variables~1x~1start/0/job"]
        ),
    ]

    @Test(arguments: faults) func faultsStandAtTheirValues(_ changes: [String], _ wanted: [String]) throws {
        var source = try Subject("faults").source
        for change in changes { source = try source.applying(JSONAssignment(change)) }
        do {
            _ = try Subject("faults").admitted(source)
            Issue.record("admitted")
        } catch DocumentLoadError.faults(let diagnostics) {
            let found = diagnostics.kept.map { "\($0.code.rawValue) \($0.pointer)" }
            // A value may have further faults at the same place.
            for fault in wanted { #expect(found.contains(fault), "\(found)") }
            #expect(
                found.allSatisfy { fault in wanted.contains { fault.hasSuffix($0.drop { $0 != "/" }) } }, "\(found)")
        }
    }

    @Test func dataSetsOfSweepsAreNamed() throws {
        let names = FrozenDataset.references(
            in: try JSONParser.parse(
                #"""
                {"problem": {"data": {"X": {"dataset": "one"}}},
                 "sweep": {"over": {"/problem/data/X/dataset": ["two", "three"], "/problem/levels/0/minimize": ["sum(x)"],
                   "/problem/data/Y": [{"dataset": "four"}, {"value": [1]}], "/problem/data": [{"Z": {"dataset": "five"}}]}}}
                """#))
        #expect(names == ["one", "two", "three", "four", "five"])
    }
}
