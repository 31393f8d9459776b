// What README.md and Documentation/ say is held against the program.
import Foundation
import Testing

@Suite struct DocumentationTests {
    private static let pages = [
        "README.md", "CHANGELOG.md", "Documentation/command.md", "Documentation/problem-documents.md",
        "Documentation/methods.md", "Documentation/dependencies.md", "Documentation/datasets.md",
        "Documentation/service.md",
        "Documentation/limits.md",
    ]

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
    }

    @Test(arguments: pages) func everyLinkLeadsToAFile(_ page: String) throws {
        let folder = Repository.root.appending(path: page).deletingLastPathComponent()
        for match in try text(page).matches(of: #/\]\((?!https:)([^)#]+)/#) {
            let target = folder.appending(path: String(match.1)).path
            #expect(FileManager.default.fileExists(atPath: target), "\(match.1)")
        }
    }

    @Test func theReadmeShowsTheExampleAsItIs() throws {
        #expect(try text("README.md").contains(try text("Examples/quadratic.json")))
    }

    @Test(arguments: ["solve", "check"]) func everyOptionIsDocumented(_ command: String) throws {
        let help = try Executable.run([command, "--help"]).output
        let page = try text("Documentation/command.md")
        let options = Set(help.matches(of: #/--[a-z-]+/#).map { String($0.0) })
        #expect(options.count >= 3)
        for option in options { #expect(page.contains(option), "\(option)") }
    }

    @Test func theFaultInCommandIsTheFaultThatIsPrinted() throws {
        let set = "problem.levels.1.minimize=(y - 3 * z)^2"
        let errors = try Executable.run(["solve", Repository.example("quadratic"), "--set", set]).errors
        #expect(try text("Documentation/command.md").contains(errors))
    }

    /// Every field of results, events and certificates stands in methods.md.
    @Test func everyFieldIsExplained() throws {
        let page = try text("Documentation/methods.md")
        let finished = try Executable.run(["solve", Repository.example("ridge-per-feature"), "--progress", "ndjson"])
        let fields = Set((finished.output + finished.errors).matches(of: #/"([a-z_0-9]+)":/#).map { String($0.1) })
        // Names of variables, and parts of fields whose meaning is their name.
        let plain: Set<String> = [
            "lambda", "w", "name", "reason", "upper", "levels", "min", "max", "kind", "value", "relative_error",
            "directions", "best", "compile_s", "solve_s", "version", "revision", "blas", "kernels", "threads",
            "document_sha256", "iteration",
        ]
        for field in fields.subtracting(plain) {
            #expect(page.contains("`\(field)`") || page.contains("\"\(field)\""), "\(field)")
        }
    }

    /// Every function that the documentation lists is known to the language, and takes part in a formula.
    @Test func everyFunctionIsKnown() throws {
        let page = try text("Documentation/problem-documents.md")
        let start = try #require(page.range(of: "| functions |"))
        let table = page[start.upperBound...].components(separatedBy: "\n\n")[0]
        let code = table.matches(of: #/`([^`]+)`/#).map { String($0.1) }
        let names = Set(
            code.flatMap {
                $0.contains("(") ? [String($0.prefix { $0 != "(" })] : $0.split(separator: " ").map(String.init)
            }
        )
        .subtracting(["axis=", "keepdims="])
        #expect(names.count == 50)
        for name in names.sorted() {
            let document = MalformedDocument.document(upper: "sum(\(name)()) + sum(x^2)")
            let scratch = try Scratch()
            let errors = try Executable.run(["solve", try scratch.write(document, as: "call.json")]).errors
            #expect(errors.contains("1:5  wrong-argument-count"), "\(name): \(errors)")
        }
    }
}
