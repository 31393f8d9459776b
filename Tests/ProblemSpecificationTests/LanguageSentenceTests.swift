// The page of the problem language, sentence by sentence: documents that use each, with what they mean, and documents
// that violate it, with the answer they get. Tables under Fixtures/language.

import ExpressionLanguage
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Tensors
import Testing

/// One document of a sentence.
struct SentenceCase: Sendable, CustomTestStringConvertible {
    let sentence: String
    let document: DiagnosticCase

    var testDescription: String { document.testDescription }

    /// What the document's answer promises.
    enum Promise {
        /// Nothing but that it can be solved.
        case admitted
        /// The outermost objective at the start, the lower levels solved.
        case objective(Double)
        /// The shapes of the expressions that the document asks about, one in a line.
        case shapes(String)
        /// These faults.
        case refused
    }

    var promise: Promise {
        let answer = document.answer
        if answer == "admitted" { return .admitted }
        if answer.hasPrefix("objective "), let value = Double(answer.dropFirst(10)) { return .objective(value) }
        if answer.hasPrefix("shapes\n") { return .shapes(String(answer.dropFirst(7))) }
        return .refused
    }

    static let all: [SentenceCase] = DiagnosticCase.files(in: "language").flatMap { read($0.text, table: $0.name) }

    /// A table of cases as under Fixtures/diagnostics; lines `> …` quote the sentence that the cases behind them are of.
    static func read(_ text: String, table: String) -> [SentenceCase] {
        var sentence = ""
        var base = ""
        var cases: [SentenceCase] = []
        for part in "\n\(text)".components(separatedBy: "\n=== ") {
            let lines = part.components(separatedBy: "\n")
            let quoted = lines.filter { $0.hasPrefix("> ") }.map { $0.dropFirst(2) }
            let body = lines.filter { !$0.hasPrefix("> ") }.joined(separator: "\n")
            for read in DiagnosticCase.read("=== base\n\(base)\n=== \(body)", table: table) {
                cases.append(SentenceCase(sentence: sentence, document: read))
            }
            if body.hasPrefix("base\n") { base = String(body.dropFirst(5)) }
            if !quoted.isEmpty { sentence = quoted.joined(separator: " ") }
        }
        return cases
    }
}

@Suite struct LanguageSentenceTests {
    @Test func everySentenceIsKeptAndBroken() {
        let sentences = Dictionary(grouping: SentenceCase.all, by: \.sentence)
        #expect(sentences.count >= 40 && sentences[""] == nil)
        for (sentence, cases) in sentences {
            let refusals = cases.count { if case .refused = $0.promise { true } else { false } }
            #expect(refusals > 0 && refusals < cases.count, "\(sentence)")
        }
        #expect(Set(SentenceCase.all.map(\.testDescription)).count == SentenceCase.all.count)
    }

    @Test(arguments: SentenceCase.all) func theDocumentMeansWhatItSays(_ example: SentenceCase) throws {
        switch example.promise {
        case .refused: #expect(try example.document.faults() == example.document.answer)
        case .admitted: #expect(try example.document.faults() == "")
        case .shapes(let shapes):
            let built = try #require(try admit(example.document.text, example.document.changes).built)
            #expect(built.expressions.map { "\($0.formula): \($0.shape)" }.joined(separator: "\n") == shapes)
        case .objective(let expected):
            #expect(try example.document.faults() == "")
            let start = try run(example.document.text, example.document.changes + ["limits.iterations=0"]).start
            #expect(abs(start.upperObjective - expected) <= 1e-9 * max(1, abs(expected)))
        }
    }
}
