// `stackelberg methods`: the table of methods on standard output.
import ArgumentParser
import Service

struct Methods: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the methods with their axes, parameters, defaults, ranges, needs and sources, as JSON.",
        discussion: "The same document as GET /v1/methods.")

    func run() throws { try Console.printResult(JSONDocument.methods) }
}
