// `stackelberg solve`: a document in, progress on standard error, the result document on standard output.
import ArgumentParser
import Foundation
import Service

/// How progress is shown.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable {
    /// A live line where standard error is a terminal, nothing elsewhere.
    case auto
    /// One JSON event a line.
    case ndjson
    case none
}

struct Solve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Solve the problem of a document and print its result.",
        discussion: """
            Progress goes to standard error, the result document to standard output. The exit status is 0 when the run \
            converged or can make no further progress, 1 when it reached a limit, was stopped or diverged, 2 when the \
            document was refused, 3 when it was suspended. Interrupting (Ctrl-C) stops the run and prints its best \
            point; with --checkpoint, SIGTERM suspends it.
            """)

    @Argument(help: "The document: JSON, or YAML by its .yaml or .yml name. Data sets are CSV files beside it.")
    var file: String

    @Option(help: ArgumentHelp("Change a value of the document, e.g. limits.iterations=10.", valueName: "path=value"))
    var set: [String] = []

    @Option(help: "How to show progress: auto, ndjson or none.")
    var progress: ProgressMode = .auto

    @Option(help: ArgumentHelp("Write the solver's state here, now and then and when suspended.", valueName: "state"))
    var checkpoint: String?

    @Option(help: ArgumentHelp("Continue from a state written before.", valueName: "state"))
    var resume: String?

    @Option(help: ArgumentHelp("Suspend after this iteration; needs --checkpoint.", valueName: "iteration"))
    var suspendAfter: Int?

    @Option(help: ArgumentHelp("Runs of one job that go on at once, at most; one for each processor.", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads wants a number from 1, came \(threads)") }
        guard let suspendAfter else { return }
        if suspendAfter < 0 { throw ValidationError("--suspend-after wants an iteration, came \(suspendAfter)") }
        if checkpoint == nil { throw ValidationError("--suspend-after needs --checkpoint for the state") }
    }

    func run() throws {
        KernelEnvironment.pin(ProcessInfo.processInfo.environment)
        let console = Console(mode: progress)
        StopSignals.ignoreClosedPipes()
        let request = StopSignals.install(suspends: checkpoint != nil)
        do {
            let job = try Admission.admit(try DocumentLoader.load(file, assignments: set))
            console.warn(job)
            let session = SolveSession(
                job: job, options: options, provenance: KernelEnvironment.provenance(for: job), request: request,
                emit: console.show)
            let outcome = try session.run()
            console.finish()
            try report(outcome)
        } catch let error as DocumentLoadError {
            Console.refuse(error)
            throw Status.refused
        } catch let error as SolveSessionError {
            console.finish()
            Console.say("error: \(error.message)")
            throw error.isRefusal ? Status.refused : Status.unfinished
        }
    }

    private var options: SolveOptions {
        SolveOptions(
            checkpoint: checkpoint.map { URL(fileURLWithPath: $0) }, resume: resume.map { URL(fileURLWithPath: $0) },
            suspendAfter: suspendAfter, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    }

    private func report(_ outcome: SolveOutcome) throws {
        switch outcome {
        case .finished(let result, let isFinal):
            try Console.printResult(result)
            if !isFinal { throw Status.unfinished }
        case .suspended(let iteration):
            Console.say("suspended after iteration \(iteration)")
            throw Status.suspended
        }
    }
}
