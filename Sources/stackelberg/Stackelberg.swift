// The command line. Everything that decides lives in Service; here are names, options and exit statuses.
import ArgumentParser
import Service

@main
struct Stackelberg: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stackelberg",
        abstract: "Solves bilevel and multilevel optimization problems given as JSON documents.",
        version: Version.number,
        subcommands: [
            Solve.self, Check.self, Methods.self, Submit.self, Watch.self, JobList.self, JobResult.self, Stop.self,
            Cancel.self, Datasets.self, Serve.self, Keys.self, Healthcheck.self, Worker.self,
        ])
}

/// Exit statuses, as `Documentation/command.md` lists them.
enum Status {
    /// The run stopped at a limit or was stopped, or failed.
    static let unfinished = ExitCode(1)
    /// The document was refused, or a file could not be read or written.
    static let refused = ExitCode(2)
    /// The run was suspended; its state has been written.
    static let suspended = ExitCode(3)
}
