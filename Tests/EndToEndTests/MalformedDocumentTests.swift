// Whatever a document holds, it is refused with a sentence and a place, quickly, and never by a crash.
import Foundation
import Testing

@Suite struct MalformedDocumentTests {
    /// Seconds of CPU in which a document must be refused.
    private static let budget = 2.0

    private func refuse(_ document: MalformedDocument, _ command: String) throws -> Finished {
        let scratch = try Scratch()
        for (name, text) in MalformedDocument.tables { _ = try scratch.write(text, as: name) }
        let path = try scratch.write(document.bytes, as: document.fileName)
        return try Executable.run([command, path])
    }

    @Test func thereAreFiftyAtLeast() {
        #expect(MalformedDocument.all.count >= 50)
    }

    @Test(arguments: MalformedDocument.all) func solveRefuses(_ document: MalformedDocument) throws {
        let finished = try refuse(document, "solve")
        #expect(finished.ending == .status(2))
        #expect(finished.output.isEmpty)
        #expect(finished.errors.hasPrefix(document.place + "\n"), "\(finished.errors.prefix(400))")
        #expect(finished.errors.contains(document.saying), "\(finished.errors.prefix(400))")
        #expect(finished.cpuSeconds < Self.budget)
    }

    /// A place in a formula comes with the formula's line and a caret below it, in at most 120 characters.
    @Test(arguments: MalformedDocument.all.filter { $0.place.contains(#/  \d+:\d+  /#) })
    func aFaultInAFormulaIsShown(_ document: MalformedDocument) throws {
        let lines = try refuse(document, "solve").errors.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count >= 4)
        #expect(lines[1].hasPrefix("    ") && lines[1].count <= 124)
        #expect(lines[2].wholeMatch(of: #/ {4} *\^~*/#) != nil, "\(lines[2])")
        #expect(lines[2].prefix { $0 == " " }.count <= lines[1].count, "the caret stands under the line")
        #expect(lines[3].hasPrefix("  "))
    }

    @Test func checkReportsTheSameFaultAsJSON() throws {
        let document = try #require(MalformedDocument.all.first { $0.testDescription == "a fault on the second line" })
        let finished = try refuse(document, "check")
        #expect(finished.ending == .status(2))
        let report = try JSON(finished.output)
        #expect(report["valid"]?.number == 0)
        for part in [#""line": 2"#, #""column": 12"#, #""code": "syntax-error""#] {
            #expect(finished.output.contains(part))
        }
    }

    @Test func everyFaultIsReportedAtOnce() throws {
        let text = MalformedDocument.document(upper: "sum(z) + x[9]", lower: "sum(y^2) + summ(x)")
        let document = MalformedDocument("three", text, at: "", says: "")
        let errors = try refuse(document, "solve").errors
        #expect(errors.contains("1:5  unknown-name") && errors.contains("1:12  index-out-of-range"))
        #expect(errors.contains("/problem/levels/1/minimize  1:12  unknown-function"))
    }

    /// A file that cannot be read, and a definition that cannot be parsed, are one fault each, however often they are named.
    @Test(arguments: [
        (#""data": {"A": {"dataset": "nowhere"}},"#, "/problem/data/A  data-error"),
        (#""definitions": {"A": "1 +"},"#, "/problem/definitions/A  1:4  syntax-error"),
    ]) func aFaultDoesNotBreedFaults(_ problem: String, _ place: String) throws {
        let text = MalformedDocument.document(problem: problem, upper: "sum(A) + sum(A * x)", lower: "sum((y - A)^2)")
        let errors = try refuse(MalformedDocument("one", text, at: "", says: ""), "solve").errors
        #expect(errors.hasPrefix(place) && !errors.contains("\n\n"), "\(errors)")
    }

    @Test func whatIsNoFileIsRefused() throws {
        let scratch = try Scratch()
        for (path, reason) in [
            (scratch.folder.path, "is not a regular file"), ("/dev/zero", "is not a regular file"),
            (scratch.path("nothing.json"), "No such file or directory"),
        ] {
            let finished = try Executable.run(["solve", path])
            #expect(finished.ending == .status(2) && finished.output.isEmpty)
            #expect(finished.errors.hasPrefix("error: ") && finished.errors.contains(reason), "\(finished.errors)")
        }
    }
}
