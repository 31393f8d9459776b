// `stackelberg check`: a document in, its validation report or its plan on standard output.
import ArgumentParser
import Foundation
import Service

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a document and print its validation report.",
        discussion: """
            The report holds the shape of every name, sizes, the method that would run and what it costs, the curvature \
            of the lower level, kinks that the start sits on, and a check of every derivative against central \
            differences. A refused document's faults are explained on standard error; the exit status is then 2.
            """)

    @Argument(help: "The document: JSON, or YAML by its .yaml or .yml name. Data sets are CSV files beside it.")
    var file: String

    @Option(help: ArgumentHelp("Change a value of the document, e.g. limits.iterations=10.", valueName: "path=value"))
    var set: [String] = []

    @Flag(help: "Print, in place of the report, the programs that the method compiles: steps, operations and bytes.")
    var plan = false

    func run() throws {
        KernelEnvironment.pin(ProcessInfo.processInfo.environment)
        StopSignals.ignoreClosedPipes()
        let job: AdmittedJob
        do throws(DocumentLoadError) {
            job = try Admission.admit(try DocumentLoader.load(file, assignments: set))
        } catch {
            Console.refuse(error)
            if let faults = error.report { try Console.printResult(faults) }
            throw Status.refused
        }
        if plan {
            try Console.printText(Validation.plan(job))
        } else {
            try Console.printResult(Validation.report(job))
        }
    }
}
