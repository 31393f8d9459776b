// The sources as they are, held against the table.
import Foundation
import Testing

@Suite struct ArchitectureTests {
    private static let sources = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources")

    private static func targetFolders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: sources.path).filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func sourceFiles() throws -> [SourceFile] {
        try targetFolders().flatMap { target -> [SourceFile] in
            let folder = sources.appending(path: target)
            let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
                let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
                return SourceFile(target: target, path: "\(target)/\(path)", text: text)
            }
        }
    }

    @Test func everyTargetFolderStandsInTheTable() throws {
        let folders = try Self.targetFolders()
        #expect(folders.contains("Tensors") && folders.contains("Service"))
        #expect(folders.filter { architecture[$0] == nil } == [])
    }

    @Test func everySourceFileKeepsToItsRow() throws {
        let files = try Self.sourceFiles()
        #expect(files.count > 5)
        let checker = ArchitectureChecker(rules: architecture)
        #expect(files.flatMap(checker.violations) == [])
    }

    @Test(arguments: architecture.keys.sorted()) func columnsNeverSeeEachOtherBelowService(_ target: String) throws {
        let rule = try #require(architecture[target])
        guard rule.column != .composition else { return }
        for sibling in rule.siblings.subtracting(sharedLibraries) {
            #expect(architecture[sibling]?.column == rule.column, "\(target) imports \(sibling)")
        }
    }

    @Test func everySiblingOfTheTableIsARow() {
        let siblings = architecture.values.reduce(into: Set<String>()) { $0.formUnion($1.siblings) }
        #expect(siblings.subtracting(architecture.keys) == [])
    }

    @Test(arguments: ["HTTP1", "ExpressionLanguage", "ExpressionGraph", "Solvers", "MultilevelOptimization"])
    func pureTargetsImportNothingOfTheSystem(_ target: String) throws {
        let rule = try #require(architecture[target])
        #expect(rule.isPure)
        #expect(rule.externals.subtracting(["Synchronization"]) == [])
    }

    @Test(arguments: [
        ("Yams", ["ProblemSpecification"]), ("ArgumentParser", ["stackelberg"]), ("GRDB", ["SQLiteStore"]),
        ("COpenSSL", ["Service", "Sockets"]), ("CLibPQ", ["PostgresStore"]),
        ("Foundation", ["Service", "stackelberg"]),
    ])
    func aModuleHasOnlyItsUsers(_ module: String, _ users: [String]) {
        let found = architecture.filter { $0.value.externals.union($0.value.siblings).contains(module) }
        #expect(found.keys.sorted() == users.sorted())
    }
}
