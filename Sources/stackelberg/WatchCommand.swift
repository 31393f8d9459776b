// `stackelberg submit` and `stackelberg watch`: a document to a service, and a job there followed to its end.
import ArgumentParser
import Foundation
import Glibc
import Service

/// Follows a job on standard error and prints its result.
enum Watching {
    /// - Throws: the exit status, as `solve` would have it.
    static func run(_ job: String, on service: RemoteService, after seq: Int, _ mode: ProgressMode) throws {
        StopSignals.ignoreClosedPipes()
        announceInterruption()
        let watch = JobWatch(service, job: job)
        let console = Console(mode: mode)
        let isLive = Console.isTerminal
        let iterations = try RemoteOptions.reporting { () throws(RemoteError) in try watch.iterationLimit() }
        var display = WatchDisplay(job: job, iterations: iterations, isLive: isLive)
        try RemoteOptions.reporting { () throws(RemoteError) in
            defer { console.finish() }
            try watch.follow(after: seq) { news in
                switch mode {
                case .none: break
                case .ndjson: if case .event(let event) = news { Console.say(event.json) }
                case .auto: for output in display.show(news, at: Self.seconds) { console.show(output) }
                }
            }
        }
        let result = try RemoteOptions.reporting { () throws(RemoteError) in
            try service.result(job, isPartial: true, waits: false)
        }
        try Console.printResult(result.document)
        if !result.isFinal { throw Status.unfinished }
    }

    private static var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

    /// Leaving a watch ends nothing elsewhere: says so.
    private static func announceInterruption() {
        signal(SIGINT) { _ in
            // Only async-signal-safe functions here.
            let message: StaticString = "\nThe job goes on; stackelberg watch, stop and cancel find it.\n"
            _ = write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
            _exit(130)
        }
    }
}

struct Submit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Submit a document to a service, and print the id of the job.",
        discussion: """
            With --watch the job is followed to its end, progress on standard error, and its result printed; the exit \
            status is then that of solve. A document that the service refuses gives status 2.
            """)

    @Argument(help: "The document: JSON, or YAML by its .yaml or .yml name.")
    var file: String

    @Option(help: ArgumentHelp("Change a value of the document, e.g. limits.iterations=10.", valueName: "path=value"))
    var set: [String] = []

    @Flag(help: "Follow the job to its end and print its result.")
    var watch = false

    @Option(help: "How to show progress: auto, ndjson or none.")
    var progress: ProgressMode = .auto

    @OptionGroup var remote: RemoteOptions

    func run() throws {
        let document: JSONDocument
        do {
            document = try DocumentLoader.source(file, assignments: set)
        } catch {
            Console.refuse(error)
            throw Status.refused
        }
        let (service, job) = try RemoteOptions.reporting { () throws(RemoteError) in
            let service = try remote.service()
            return (service, try service.submit(document))
        }
        guard watch else {
            try Console.printText(job + "\n")
            return
        }
        Console.say("submitted \(job)")
        try Watching.run(job, on: service, after: 0, progress)
    }
}

struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow a job of a service to its end and print its result.",
        discussion: """
            Broken connections and restarts of the service are waited out: the stream goes on behind the last event seen. \
            The exit status is that of solve. Interrupting (Ctrl-C) leaves the job running.
            """)

    @Argument(help: "The job's id.")
    var job: String

    @Option(help: ArgumentHelp("Show events behind this number only.", valueName: "seq"))
    var after = 0

    @Option(help: "How to show progress: auto, ndjson or none.")
    var progress: ProgressMode = .auto

    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if after < 0 { throw ValidationError("--after wants the number of an event, came \(after)") }
    }

    func run() throws {
        let service = try RemoteOptions.reporting { () throws(RemoteError) in try remote.service() }
        try Watching.run(job, on: service, after: after, progress)
    }
}
