// `stackelberg list`, `result`, `stop` and `cancel`: jobs of a service, one request each.
import ArgumentParser
import Service

struct JobList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the newest jobs of a service.")

    @Option(help: "Only jobs in this state; may be repeated.")
    var state: [String] = []

    @Option(help: ArgumentHelp("Only jobs with this label; may be repeated.", valueName: "name:value"))
    var label: [String] = []

    @Option(help: "How many at most, 1 to 200.")
    var limit = 20

    @Flag(help: "Print the service's JSON instead of a table.")
    var json = false

    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if !(1...200).contains(limit) { throw ValidationError("--limit wants 1 to 200, came \(limit)") }
    }

    func run() throws {
        let table = try RemoteOptions.reporting { () throws(RemoteError) in
            try remote.service().list(states: state, labels: label, limit: limit)
        }
        if json { try Console.printResult(table.json) } else { try Console.printText(table.text) }
    }
}

struct JobResult: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result",
        abstract: "Print the result of a job of a service.",
        discussion: """
            The exit status is that of solve: 0 for a job that converged or stalled, 1 for another that has ended, and for \
            one that has not.
            """)

    @Argument(help: "The job's id.")
    var job: String

    @Flag(help: "Wait until the job has ended.")
    var wait = false

    @Flag(help: "Take the best so far of a job that runs, failed or was cancelled.")
    var partial = false

    @OptionGroup var remote: RemoteOptions

    func run() throws {
        let result = try RemoteOptions.reporting { () throws(RemoteError) in
            try remote.service().result(job, isPartial: partial, waits: wait)
        }
        try Console.printResult(result.document)
        if !result.isFinal { throw Status.unfinished }
    }
}

struct Stop: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop a job of a service; its best point is its result.")

    @Argument(help: "The job's id.")
    var job: String

    @OptionGroup var remote: RemoteOptions

    func run() throws { try endJob(job, on: remote, keepsBest: true) }
}

struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Cancel a job of a service; it has no result.")

    @Argument(help: "The job's id.")
    var job: String

    @OptionGroup var remote: RemoteOptions

    func run() throws { try endJob(job, on: remote, keepsBest: false) }
}

/// Asks for the end of a job and prints its state.
private func endJob(_ job: String, on remote: RemoteOptions, keepsBest: Bool) throws {
    let state = try RemoteOptions.reporting { () throws(RemoteError) in
        try remote.service().end(job, keepsBest: keepsBest)
    }
    try Console.printText(state + "\n")
}
