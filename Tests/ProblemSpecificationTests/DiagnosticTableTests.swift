// What is said of malformed documents, word for word: tables of documents and answers under Fixtures/diagnostics.

import ExpressionLanguage
import Foundation
import ProblemSpecification
import Tensors
import Testing

/// One document with the answer it gets.
struct DiagnosticCase: Sendable, CustomTestStringConvertible {
    /// The table's name.
    let table: String
    let title: String
    /// Changes to the table's base document, `path=value`, or a whole document.
    let lines: [String]
    let base: String
    /// The faults as a terminal shows them.
    let answer: String

    var testDescription: String { "\(table): \(title)" }

    var isWhole: Bool { lines.first.map { !$0.contains(#/^[a-z\/][^ ]*=/#) } ?? true }

    /// The document before its changes, and these.
    var text: String { isWhole ? lines.joined(separator: "\n") : base }
    var changes: [String] { isWhole ? [] : lines }

    static let all: [DiagnosticCase] = files(in: "diagnostics").flatMap { read($0.text, table: $0.name) }

    /// The files of a folder of tables, by name.
    static func files(in folder: String) -> [(name: String, text: String)] {
        guard let folder = Bundle.module.url(forResource: folder, withExtension: nil, subdirectory: "Fixtures"),
            let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        else { return [] }
        return names.sorted().map { name in
            (name, (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? "")
        }
    }

    /// A table: cases behind lines `=== title`, the answer behind `---`; the first case is the base document alone.
    static func read(_ text: String, table: String) -> [DiagnosticCase] {
        var base = ""
        var cases: [DiagnosticCase] = []
        for part in "\n\(text)".components(separatedBy: "\n=== ").dropFirst() {
            let halves = part.components(separatedBy: "\n---\n")
            var lines = halves[0].components(separatedBy: "\n")
            let title = lines.removeFirst()
            guard halves.count == 2 else {
                base = lines.joined(separator: "\n")
                continue
            }
            let answer = halves[1].trimmingCharacters(in: .newlines)
            cases.append(DiagnosticCase(table: table, title: title, lines: lines, base: base, answer: answer))
        }
        return cases
    }

    /// What the document's faults look like.
    func faults() throws -> String {
        var value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(text)
        } catch {
            return error.diagnostic.rendered
        }
        for line in changes { value = try value.applying(JSONAssignment(line)) }
        var diagnostics = Diagnostics()
        guard let document = DocumentDecoder.decodePartially(value, into: &diagnostics) else {
            return diagnostics.rendered
        }
        let built = ProblemBuilder.build(
            document.problem, seed: document.seed, memoryBytes: 1 << 30, expressions: document.expressions,
            resolve: { entry, selection in
                .failure(DatasetFault(message: "there is no data set \(selection.dataset)"))
            }, into: &diagnostics)
        if let built {
            _ = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        }
        return diagnostics.rendered
    }
}

@Suite struct DiagnosticTableTests {
    @Test func theTablesAreThere() {
        #expect(DiagnosticCase.all.count >= 100)
        #expect(Set(DiagnosticCase.all.map(\.testDescription)).count == DiagnosticCase.all.count)
    }

    @Test(arguments: DiagnosticCase.all) func aMalformedDocumentIsAnswered(_ document: DiagnosticCase) throws {
        #expect(try document.faults() == document.answer)
    }
}
