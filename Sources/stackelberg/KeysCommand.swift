// `stackelberg keys`: who may use a service. The file is changed in place; a running service sees it with the next request.
import ArgumentParser
import Foundation
import Service

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list, revoke and rotate the keys of a service.",
        discussion: """
            A service without keys listens on the loopback only. As soon as there is one, every request but those for health, \
            contract and examples needs one, as `Authorization: Bearer <key>`.
            """,
        subcommands: [Create.self, KeyList.self, Revoke.self, Rotate.self, Webhook.self])

    /// Where the keys are.
    struct Place: ParsableArguments {
        @Option(help: ArgumentHelp("The data folder of the service.", valueName: "folder"))
        var data = "./var"

        func change<Value>(_ body: (KeyKeeping) throws(KeyFileError) -> Value) throws -> Value {
            do throws(KeyFileError) {
                return try body(KeyKeeping(in: URL(fileURLWithPath: data)))
            } catch {
                Console.say("error: \(error.reason)")
                throw Status.refused
            }
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it; it is shown this once.")

        @Option(help: "Whose jobs the key makes and sees.")
        var owner: String

        @Option(
            help: ArgumentHelp(
                "What it opens: jobs:read, jobs:write, datasets:write, admin; may be repeated. All but admin unless said.",
                valueName: "scope"))
        var scope: [String] = []

        @Option(help: "Words to know it by.")
        var name = ""

        @Option(help: ArgumentHelp("Days after which it ends; never unless said.", valueName: "days"))
        var expiresInDays: Int?

        @Option(help: ArgumentHelp("Requests that it may make in a minute.", valueName: "number"))
        var requestsPerMinute: Int?

        @Option(help: ArgumentHelp("Jobs of the owner that may wait and run at once.", valueName: "number"))
        var activeJobs: Int?

        @Option(help: ArgumentHelp("Bytes that the owner's data sets may have.", valueName: "bytes"))
        var storageBytes: Int?

        @OptionGroup var place: Place

        func validate() throws {
            for (option, value, most) in [
                ("--expires-in-days", expiresInDays, 36_500), ("--requests-per-minute", requestsPerMinute, 1_000_000),
                ("--active-jobs", activeJobs, 1_000_000), ("--storage-bytes", storageBytes, 1 << 50),
            ] {
                guard let value else { continue }
                if !(1...most).contains(value) { throw ValidationError("\(option) wants 1 to \(most), came \(value)") }
            }
        }

        func run() throws {
            var request = KeyRequest(owner: owner)
            request.name = name
            request.scopes = scope
            request.limits = AccessLimits(
                requestsPerMinute: requestsPerMinute, activeJobs: activeJobs, storageBytes: storageBytes)
            request.lifetime = expiresInDays.map { $0 * 86_400 }
            let key = try place.change { (keys) throws(KeyFileError) in try keys.create(request) }
            try Console.printText(key + "\n")
        }
    }

    struct KeyList: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys, without secrets.")

        @OptionGroup var place: Place

        func run() throws {
            try Console.printText(try place.change { (keys) throws(KeyFileError) in try keys.list() })
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key at once.")

        @Argument(help: "The key's id: the middle part of the key.")
        var id: String

        @OptionGroup var place: Place

        func run() throws { try place.change { (keys) throws(KeyFileError) in try keys.revoke(id) } }
    }

    struct Webhook: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "webhook-secret",
            abstract: "Print what an owner's receivers check the signatures of webhooks with.")

        @Option(help: "Whose jobs' webhooks; local for those made without a key.")
        var owner = "local"

        @OptionGroup var place: Place

        func run() throws {
            let owner = owner
            let secret = try place.change { (keys) throws(KeyFileError) in try keys.webhookSecret(of: owner) }
            try Console.printText(secret + "\n")
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key like another one, which ends, and print it.")

        @Argument(help: "The old key's id.")
        var id: String

        @Option(help: ArgumentHelp("Time for which the old key still opens.", valueName: "seconds"))
        var overlap = 0

        @OptionGroup var place: Place

        func validate() throws {
            if !(0...2_592_000).contains(overlap) {
                throw ValidationError("--overlap wants 0 to 2592000 seconds, came \(overlap)")
            }
        }

        func run() throws {
            let key = try place.change { (keys) throws(KeyFileError) in try keys.rotate(id, overlap: overlap) }
            try Console.printText(key + "\n")
        }
    }
}
