// `stackelberg check`: a document in, its validation report on standard output.
import ArgumentParser
import Foundation
import Service

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a document and print its validation report.",
        discussion: """
            The report holds the shape of every name, sizes, the method that would run, the curvature of the lower level \
            and a check of every derivative against central differences. A refused document's faults are explained on \
            standard error; the exit status is then 2.
            """)

    @Argument(help: "The document: JSON, or YAML by its .yaml or .yml name. Data sets are CSV files beside it.")
    var file: String

    @Option(help: ArgumentHelp("Change a value of the document, e.g. limits.iterations=10.", valueName: "path=value"))
    var set: [String] = []

    func run() throws {
        KernelEnvironment.pin(ProcessInfo.processInfo.environment)
        StopSignals.ignoreClosedPipes()
        let report: JSONDocument
        do throws(DocumentLoadError) {
            report = Validation.report(try Admission.admit(try DocumentLoader.load(file, assignments: set)))
        } catch {
            Console.refuse(error)
            if let faults = error.report { try Console.printResult(faults) }
            throw Status.refused
        }
        try Console.printResult(report)
    }
}
