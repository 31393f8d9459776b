// Rungs, ranking and archives of jobs of several runs.
import MultilevelOptimization
import Testing

@Suite struct EnsembleStateTests {
    // MARK: - Rungs

    @Test func withoutHalvingAllRunToTheirEnds() {
        let schedule = EnsembleSchedule(count: 7, halving: nil, iterations: 100)
        #expect(schedule.rungs.map(\.target) == [nil] && schedule.rungs.map(\.count) == [7])
    }

    /// n, η, r, the iterations allowed, and the rungs by hand.
    @Test(arguments: [
        (8, 2, 5, 1000, [5, 10, 20], [8, 4, 2, 1]), (9, 3, 1, 1000, [1, 3], [9, 3, 1]),
        (10, 3, 4, 1000, [4, 12], [10, 3, 1]), (5, 8, 2, 1000, [2], [5, 1]), (1, 2, 5, 1000, [], [1]),
        // Comparing where a run ends anyway is comparing ends.
        (8, 2, 5, 10, [5], [8, 4]), (8, 2, 5, 11, [5, 10], [8, 4, 2]), (8, 2, 5, 5, [], [8]), (8, 2, 5, 0, [], [8]),
        // Targets beyond the largest integer stay there.
        (64, 2, Int.max / 3, .max, [.max / 3, (.max / 3) * 2], [64, 32, 16]),
    ]) func rungsAreThoseOfSuccessiveHalving(
        _ count: Int, _ factor: Int, _ first: Int, _ iterations: Int, _ targets: [Int], _ counts: [Int]
    ) {
        let schedule = EnsembleSchedule(
            count: count, halving: Halving(iterations: first, factor: factor), iterations: iterations)
        #expect(schedule.rungs.map(\.target) == targets.map(Optional.some) + [nil])
        #expect(schedule.rungs.map(\.count) == counts)
        #expect(schedule[99] == schedule.rungs.last)
    }

    /// Parts of one time: each as large as the time left over the parts that then are left.
    @Test(arguments: [1, 2, 3, 4, 9]) func everyRungGetsTheSameTime(atOnce: Int) {
        let schedule = EnsembleSchedule(count: 4, halving: Halving(iterations: 1, factor: 2), iterations: 100)
        var left = 12.0
        var spent: [Double] = []
        for (rung, entry) in schedule.rungs.enumerated() {
            let before = left
            // Those that begin together have the same part, and it passes for all of them at once.
            for begun in stride(from: 0, to: entry.count, by: atOnce) {
                left -= left / Double(schedule.parts(rung: rung, waiting: entry.count - begun - 1, atOnce: atOnce))
            }
            spent.append(before - left)
        }
        #expect(abs(left) < 1e-12 && (atOnce > 1 || zip(spent, [4, 4, 4]).allSatisfy { abs($0 - $1) < 1e-12 }))
    }

    // MARK: - Ranking

    private static func run(_ termination: Termination?, iteration: Int = 3) throws -> SolverState {
        let problem = try RandomProblem(seed: 1, upper: 2, lower: 3).build()
        let (run, _) = try #require(begin(problem, .aid(), RunLimits(iterations: iteration)))
        _ = drive(run)
        var state = run.state
        state.termination = termination
        return state
    }

    private static func score(_ objective: Double, solved: Double? = nil, sign: Double = 1) -> MemberScore {
        MemberScore(
            objective: objective, solvedObjective: solved, hypergradientNorm: 0.5, lowerResidual: 1e-9, sign: sign)
    }

    private static func state(_ members: [(Termination?, MemberScore?)]) throws -> EnsembleState {
        var state = EnsembleState(count: members.count)
        for (index, member) in members.enumerated() {
            guard let score = member.1 else { continue }
            state.members[index].climb(try run(member.0), score)
        }
        return state
    }

    @Test func theLeastObjectiveIsBestAndTheFirstOfEquals() throws {
        let state = try Self.state([
            (.converged, Self.score(2)), (.iterationLimit, Self.score(1)), (nil, Self.score(1)),
            // Diverged, but lower; without a finite point; without any.
            (.diverged, Self.score(-5)), (.converged, Self.score(.nan)), (nil, nil), (.stalled, Self.score(-.infinity)),
        ])
        #expect(state.ranking == [1, 2, 0, 3, 4, 5, 6] && state.best == 1)
    }

    @Test func maximaAndSolvedLevelsCount() throws {
        let largest = try Self.state([(nil, Self.score(1, sign: -1)), (nil, Self.score(2, sign: -1))])
        #expect(largest.ranking == [1, 0])
        // What is better only because the level below is badly solved is not.
        let honest = try Self.state([(nil, Self.score(-9, solved: 3)), (nil, Self.score(2, solved: 2.5))])
        #expect(honest.ranking == [1, 0])
    }

    @Test func nothingIsBestWhereNothingBegan() { #expect(EnsembleState(count: 3).best == nil) }

    @Test func aRungLeavesAsManyAsTheNextHasRoomFor() throws {
        let schedule = EnsembleSchedule(count: 5, halving: Halving(iterations: 1, factor: 2), iterations: 100)
        var state = try Self.state([
            (nil, Self.score(5)), (.converged, Self.score(4)), (nil, Self.score(3)), (.diverged, Self.score(2)),
            (nil, Self.score(1)),
        ])
        state.finishRung(schedule)
        #expect(state.rung == 1 && state.due == [2, 4])
        #expect(state.members.map(\.lastRung) == [0, 0, nil, 0, nil])
        #expect(state.members.map(\.isOver) == [true, true, false, true, false])
        for member in state.due { state.members[member].climb(try Self.run(nil), Self.score(Double(-member))) }
        state.finishRung(schedule)
        #expect(state.rung == 2 && state.due == [4])
        state.end(.userStop)
        #expect(state.members[4].termination == .userStop && state.members[2].termination == nil && state.due.isEmpty)
    }

    @Test func countsAreTotals() throws {
        let state = try Self.state([(nil, Self.score(1)), (nil, nil), (nil, Self.score(1))])
        let one = try #require(state.members[0].run)
        #expect(state.iterations == 2 * one.iteration && state.counts.calls == 2 * one.counts.calls)
    }

    // MARK: - Archives

    private static func full() throws -> EnsembleState {
        var state = try state([
            (.converged, score(2, solved: 1.5)), (nil, score(.nan)), (nil, nil), (nil, score(7, sign: -1)),
        ])
        state.finishRung(EnsembleSchedule(count: 4, halving: Halving(iterations: 1, factor: 2), iterations: 9))
        state.members[2].isLate = true
        return state
    }

    @Test func everyFieldSurvives() throws {
        let archive = try Self.full().archive(identity: "job")
        let read = try EnsembleState(archive: archive, identity: "job", count: 4)
        #expect(read.archive(identity: "job") == archive)
        #expect(read.rung == 1 && read.members[2].isLate && read.members[0].score?.solvedObjective == 1.5)
    }

    @Test func anotherJobsStateIsRefused() throws {
        let archive = try Self.full().archive(identity: "job")
        #expect(throws: StateArchiveError.otherProblem) {
            try EnsembleState(archive: archive, identity: "another", count: 4)
        }
        for count in [0, 1, 3, 5, 64] {
            #expect(throws: StateArchiveError.otherProblem) {
                try EnsembleState(archive: archive, identity: "job", count: count)
            }
        }
        let single = try Self.run(nil).archive(identity: "job")
        #expect(throws: StateArchiveError.self) { try EnsembleState(archive: single, identity: "job", count: 4) }
        #expect(throws: StateArchiveError.self) { try SolverState(archive: archive, identity: "job") }
    }

    /// Fields that make no sense under a checksum that holds: the rung, and a member's rungs and last one.
    @Test(arguments: [
        (-1, 0, -1), (65, 0, -1), (.max, 0, -1), (.min, 0, -1), (0, -1, -1), (0, 2, -1), (1, 3, -1), (0, .min, -1),
        (0, .max, -1), (0, 0, 0), (1, 1, 1), (1, 1, -2), (1, 1, .min),
    ]) func senselessRungsAreRefused(_ rung: Int, _ rungs: Int, _ last: Int) throws {
        var writer = StateWriter()
        writer.write("job")
        for field in [rung, 1, rungs, last] { writer.write(field) }
        for _ in 0..<4 { writer.write(false) }
        let archive = writer.archive
        #expect(throws: StateArchiveError.invalidField("rung")) {
            try EnsembleState(archive: archive, identity: "job", count: 1)
        }
    }

    @Test func damagedArchivesAreRefused() throws {
        let archive = try Self.full().archive(identity: "job")
        for position in stride(from: 0, to: archive.count, by: 37) {
            var damaged = archive
            damaged[position] ^= 0x10
            #expect(throws: StateArchiveError.self) { try EnsembleState(archive: damaged, identity: "job", count: 4) }
            #expect(throws: StateArchiveError.self) {
                try EnsembleState(archive: Array(archive[..<position]), identity: "job", count: 4)
            }
        }
    }
}
