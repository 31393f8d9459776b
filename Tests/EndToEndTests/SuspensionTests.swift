// A run that is stopped at any step, its state written, and read by a new process, ends in the same bytes.
import Foundation
import Glibc
import Testing

/// A document with a run worth interrupting.
struct Interruptible: Sendable, CustomTestStringConvertible {
    let name: String
    let changes: [String]
    /// Iterations after which it is suspended.
    let stops: [Int]

    var testDescription: String { "\(name) \(changes)" }
    var arguments: [String] {
        ["solve", Repository.example(name), "--progress", "ndjson"] + changes.flatMap { ["--set", $0] }
    }

    static let all = [
        Interruptible(name: "quadratic", changes: [], stops: [0, 1]),
        Interruptible(name: "ridge-per-feature", changes: [], stops: [0, 1, 13, 100, 170]),
        Interruptible(name: "logistic-per-feature", changes: ["limits.iterations=150"], stops: [0, 1, 77, 149]),
        // Six draws are an epoch: most of these lie inside one.
        Interruptible(
            name: "ridge-per-feature", changes: ["method=soba", "limits.iterations=60"],
            stops: Array(stride(from: 7, to: 60, by: 7))),
        // Three levels solved, and three followed step by step.
        Interruptible(name: "defender-attacker-defender", changes: [], stops: [0, 1, 2]),
        Interruptible(name: "trilevel-robust-ridge", changes: ["limits.iterations=4"], stops: [0, 2]),
        // Eighteen members, on three rungs.
        Interruptible(name: "sweep-of-starts", changes: [], stops: [0, 1, 7, 53, 54, 60, 65]),
        // Fixed-point iteration, warm starts, and gradient descent that stops by a tolerance.
        Interruptible(
            name: "ridge-per-feature",
            changes: [
                #"method={"name": "aid-fixed-point", "lower_solver": {"name": "gradient-descent", "steps": 40}, "#
                    + #""linear_solver": {"steps": 20}, "upper_step": {"step": {"power": {"initial": 5, "exponent": 0.5}}}}"#,
                "limits.iterations=40",
            ], stops: [1, 20, 39]),
    ]
}

@Suite struct SuspensionTests {
    private func run(_ job: Interruptible, _ options: String...) throws -> Solved {
        try Solved(Executable.run(job.arguments + options))
    }

    @Test(arguments: Interruptible.all) func aResumedRunEndsInTheSameBytes(_ job: Interruptible) throws {
        let scratch = try Scratch()
        let state = scratch.path("state")
        let whole = try run(job)
        for stop in job.stops {
            let first = try run(job, "--suspend-after", "\(stop)", "--checkpoint", state)
            #expect(first.finished.ending == .status(3) && first.finished.output.isEmpty)
            #expect(first.finished.errors.hasSuffix("suspended after iteration \(stop)\n"))
            let rest = try run(job, "--resume", state)
            #expect(rest.hash != nil && rest.hash == whole.hash, "suspended after \(stop)")
            #expect(rest.finished.ending == whole.finished.ending)
            #expect(first.sequence + rest.sequence == whole.sequence, "suspended after \(stop)")
        }
    }

    @Test(arguments: Interruptible.all) func aRunMayBeSuspendedTwice(_ job: Interruptible) throws {
        let scratch = try Scratch()
        let (one, two) = (scratch.path("one"), scratch.path("two"))
        let stop = job.stops[job.stops.count / 2]
        let whole = try run(job)
        _ = try run(job, "--suspend-after", "0", "--checkpoint", one)
        let middle = try run(job, "--resume", one, "--suspend-after", "\(stop)", "--checkpoint", two)
        #expect(middle.finished.ending == .status(3))
        #expect(try run(job, "--resume", two).hash == whole.hash)
    }

    @Test func aTerminationSignalSuspends() throws {
        let job = Interruptible(name: "logistic-per-feature", changes: [], stops: [])
        let scratch = try Scratch()
        let state = scratch.path("state")
        let stopped = try Solved(Executable.run(job.arguments + ["--checkpoint", state], signal: SIGTERM))
        #expect(stopped.finished.ending == .status(3) && stopped.result == nil)
        #expect(stopped.types.contains("end") == false)
        let whole = try run(job)
        #expect(try run(job, "--resume", state).hash == whole.hash)
    }

    @Test func aFinishedRunIsNotSuspended() throws {
        let scratch = try Scratch()
        let job = Interruptible(name: "quadratic", changes: [], stops: [])
        let solved = try run(job, "--suspend-after", "500", "--checkpoint", scratch.path("state"))
        let whole = try run(job)
        #expect(solved.finished.ending == .status(0) && solved.hash == whole.hash)
    }

    // MARK: - States that are refused

    /// A state of the ridge example, and what `solve --resume` says of a change of it.
    private func refusal(of change: (inout Data) -> Void) throws -> String {
        let job = Interruptible(name: "ridge-per-feature", changes: [], stops: [])
        let scratch = try Scratch()
        _ = try run(job, "--suspend-after", "3", "--checkpoint", scratch.path("state"))
        var state = try scratch.read("state")
        change(&state)
        _ = try scratch.write(state, as: "state")
        let solved = try run(job, "--resume", scratch.path("state"))
        #expect(solved.finished.ending == .status(2) && solved.finished.output.isEmpty)
        return solved.finished.errors
    }

    @Test(arguments: [0, 1, 8, 40, 0.5, 0.999]) func aTruncatedStateIsRefused(_ kept: Double) throws {
        let errors = try refusal { $0 = $0.prefix(kept < 1 ? Int(Double($0.count) * kept) : Int(kept)) }
        #expect(errors.hasPrefix("error: ") && errors.contains("holds no state of this job: it is "))
    }

    @Test(arguments: [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999]) func aFlippedBitIsRefused(_ place: Double) throws {
        let errors = try refusal { state in
            let index = state.startIndex + Int(Double(state.count) * place)
            state[index] ^= 0x10
        }
        #expect(errors.hasPrefix("error: ") && errors.contains("holds no state of this job: it"))
    }

    @Test func theStateOfAnotherDocumentIsRefused() throws {
        let scratch = try Scratch()
        let state = scratch.path("state")
        let quadratic = Interruptible(name: "quadratic", changes: [], stops: [])
        _ = try run(quadratic, "--suspend-after", "1", "--checkpoint", state)
        for other in ["limits.iterations=7", "method=itd"] {
            let solved = try run(Interruptible(name: "quadratic", changes: [other], stops: []), "--resume", state)
            #expect(solved.finished.ending == .status(2) && solved.finished.output.isEmpty)
            #expect(solved.finished.errors.contains("it belongs to another document or method"))
        }
    }

    @Test func aStateThatIsNotThereOrCannotBeWrittenIsRefused() throws {
        let scratch = try Scratch()
        let quadratic = Interruptible(name: "quadratic", changes: [], stops: [])
        let missing = try run(quadratic, "--resume", scratch.path("nothing"))
        #expect(missing.finished.ending == .status(2))
        #expect(missing.finished.errors.contains("nothing cannot be read: No such file or directory"))
        let state = scratch.path("no/folder/state")
        let unwritable = try run(quadratic, "--suspend-after", "1", "--checkpoint", state)
        #expect(unwritable.finished.ending == .status(2))
        #expect(unwritable.finished.errors.contains("state cannot be written to \(state): open: No such file"))
    }
}
