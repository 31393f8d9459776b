// Holds source text against the table of the architecture. Pure, so that its own tests can show it a violation.

/// One place where a source file leaves the drawing.
enum Violation: Hashable {
    /// The target has no row in the table.
    case unplacedTarget(String)
    /// `target` may not import `module` (a scoped import is spelled `Module.symbol`).
    case forbiddenImport(target: String, module: String, file: String, line: Int)
    /// `@testable` and `@_exported` widen what a neighbour sees; neither belongs in a source.
    case forbiddenModifier(target: String, modifier: String, file: String, line: Int)
    /// Time, randomness and environment are arguments here.
    case forbiddenWord(target: String, word: String, file: String, line: Int)
}

/// A source file, by its path below `Sources`.
struct SourceFile {
    let target: String
    let path: String
    let text: String
}

struct ArchitectureChecker {
    let rules: [String: TargetRule]

    /// Every violation of `file`, in the order of its lines: imports first, then words.
    func violations(in file: SourceFile) -> [Violation] {
        guard let rule = rules[file.target] else { return [.unplacedTarget(file.target)] }
        return importViolations(in: file, rule: rule) + wordViolations(in: file, rule: rule)
    }

    private func importViolations(in file: SourceFile, rule: TargetRule) -> [Violation] {
        ImportLine.all(in: file.text).flatMap { found -> [Violation] in
            let modifiers = found.modifiers.filter { $0 == "@testable" || $0 == "@_exported" || $0 == "public" }
            let spelled = found.member.map { "\(found.module).\($0)" } ?? found.module
            let isAllowed =
                rule.siblings.contains(found.module) || rule.externals.contains(found.module)
                || rule.symbols.contains(spelled) || found.module == "Swift"
            let forbidden = isAllowed ? [] : [spelled]
            return modifiers.map {
                .forbiddenModifier(target: file.target, modifier: $0, file: file.path, line: found.line)
            }
                + forbidden.map {
                    .forbiddenImport(target: file.target, module: $0, file: file.path, line: found.line)
                }
        }
    }

    private func wordViolations(in file: SourceFile, rule: TargetRule) -> [Violation] {
        let words =
            (rule.column == .composition ? [] : wordsForServiceOnly) + (rule.isPure ? wordsForImpureOnly : [])
        guard !words.isEmpty else { return [] }
        let lines = file.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return lines.enumerated().flatMap { index, line -> [Violation] in
            let code = line.prefix(upToComment: "//")
            return words.filter { code.contains($0) }.map {
                .forbiddenWord(target: file.target, word: $0, file: file.path, line: index + 1)
            }
        }
    }
}
