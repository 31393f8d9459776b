// `stackelberg datasets`: data sets of a service, one request each.
import ArgumentParser
import Service

struct Datasets: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put, list and delete the data sets of a service.",
        subcommands: [Put.self, DatasetList.self, Delete.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a file under a name, and print what the service found in it.")

        @Argument(help: "A file in CSV, .npy or LIBSVM.")
        var file: String

        @Option(help: "The name that documents call it by; that of the file unless said.")
        var name: String?

        @Option(help: "csv, npy or libsvm; by the ending of the name unless said.")
        var format: String?

        @OptionGroup var remote: RemoteOptions

        func run() throws {
            StopSignals.ignoreClosedPipes()
            let dataset = try RemoteOptions.reporting { () throws(RemoteError) in
                try remote.service().put(file, name: name, format: format)
            }
            try Console.printResult(dataset)
        }
    }

    struct DatasetList: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the newest data sets.")

        @Option(help: "How many at most, 1 to 200.")
        var limit = 50

        @Flag(help: "Print the service's JSON instead of a table.")
        var json = false

        @OptionGroup var remote: RemoteOptions

        func validate() throws {
            if !(1...200).contains(limit) { throw ValidationError("--limit wants 1 to 200, came \(limit)") }
        }

        func run() throws {
            let table = try RemoteOptions.reporting { () throws(RemoteError) in
                try remote.service().datasets(limit: limit)
            }
            if json { try Console.printResult(table.json) } else { try Console.printText(table.text) }
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a data set; jobs keep the bytes that they began with.")

        @Argument(help: "Its name or id.")
        var name: String

        @Flag(help: "Also while jobs that have not ended use it.")
        var force = false

        @OptionGroup var remote: RemoteOptions

        func run() throws {
            try RemoteOptions.reporting { () throws(RemoteError) in
                try remote.service().deleteDataset(name, force: force)
            }
        }
    }
}
