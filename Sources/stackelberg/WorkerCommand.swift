// `stackelberg worker`: what a supervisor of the service starts; of no use by hand.
import ArgumentParser
import Service

struct Worker: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Solve jobs for a supervisor, over descriptor 3.", shouldDisplay: false)

    func run() { WorkerMain.run() }
}
