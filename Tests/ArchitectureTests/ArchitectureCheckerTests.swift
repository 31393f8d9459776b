// The checker must be able to fail: it is shown what it exists to find.
import Testing

@Suite struct ArchitectureCheckerTests {
    private let checker = ArchitectureChecker(rules: [
        "Low": TargetRule(column: .mathematics, symbols: ["Glibc.exp"], isPure: true),
        "High": TargetRule(column: .wire, siblings: ["Low"], externals: ["Dispatch"]),
        "Service": TargetRule(column: .composition, siblings: ["High", "Low"], externals: ["Foundation"]),
    ])

    private func violations(_ target: String, _ text: String) -> [Violation] {
        checker.violations(in: SourceFile(target: target, path: "\(target)/A.swift", text: text))
    }

    @Test func acceptsWhatTheTableAllows() {
        #expect(violations("High", "// Header.\nimport Dispatch\nimport Low\n\nlet x = 1\n") == [])
        #expect(violations("Low", "import func Glibc.exp\n") == [])
        #expect(violations("Service", "import Foundation\nlet now = Date()\n") == [])
    }

    @Test func findsAnImportThatPointsUp() {
        #expect(
            violations("Low", "\nimport High\n")
                == [.forbiddenImport(target: "Low", module: "High", file: "Low/A.swift", line: 2)])
    }

    @Test(arguments: [
        "import Glibc", "package import Glibc", "@preconcurrency import Glibc", "  import Glibc // why",
        "@_implementationOnly internal import Glibc", "let a = 1; import Glibc", "import Glibc\r",
    ])
    func findsAnImportHoweverItIsSpelled(_ line: String) {
        #expect(
            violations("Low", line)
                == [.forbiddenImport(target: "Low", module: "Glibc", file: "Low/A.swift", line: 1)])
    }

    @Test func findsAScopedImportOfAnotherSymbol() {
        #expect(
            violations("Low", "import func Glibc.read")
                == [.forbiddenImport(target: "Low", module: "Glibc.read", file: "Low/A.swift", line: 1)])
    }

    @Test(arguments: ["// import Glibc", "importGlibc()", "/// import Glibc", "let import_ = 1"])
    func ignoresWhatIsNoImport(_ line: String) {
        #expect(violations("Low", line) == [])
    }

    @Test(arguments: ["@testable", "@_exported"]) func findsAWideningModifier(_ modifier: String) {
        #expect(
            violations("High", "\(modifier) import Low")
                == [.forbiddenModifier(target: "High", modifier: modifier, file: "High/A.swift", line: 1)])
    }

    @Test func findsATargetWithoutARow() {
        #expect(violations("Stranger", "") == [.unplacedTarget("Stranger")])
    }

    @Test(arguments: [
        ("let now = Date()", "Date()"), ("let x = Double.random(in: 0..<1)", ".random("),
        ("let home = getenv(\"HOME\")", "getenv"),
    ])
    func findsTimeRandomnessAndEnvironmentBelowService(_ line: String, _ word: String) {
        #expect(
            violations("High", "import Low\n\(line)\n")
                == [.forbiddenWord(target: "High", word: word, file: "High/A.swift", line: 2)])
    }

    @Test func findsAClockInAPureTargetOnly() {
        let line = "let start = ContinuousClock.now"
        #expect(
            violations("Low", line)
                == [.forbiddenWord(target: "Low", word: "ContinuousClock", file: "Low/A.swift", line: 1)])
        #expect(violations("High", line) == [])
    }

    @Test func readsModifiersScopesAndMembers() {
        let source = "package import Low\nimport struct High.Thing\nimport A.B.C\n"
        #expect(
            ImportLine.all(in: source) == [
                ImportLine(module: "Low", member: nil, modifiers: ["package"], line: 1),
                ImportLine(module: "High", member: "Thing", modifiers: [], line: 2),
                ImportLine(module: "A", member: "B.C", modifiers: [], line: 3),
            ])
    }
}
