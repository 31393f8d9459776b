// Reads the `import` lines of a Swift source file: enough of the grammar for what the formatter lets through.

/// One import declaration as a source file spells it.
struct ImportLine: Equatable {
    /// The module before the first dot.
    let module: String
    /// The symbol of a scoped import (`import func Glibc.exp` → `exp`), or the submodule; nil for a whole module.
    let member: String?
    /// Attributes and access modifiers in front, as written: `@testable`, `@preconcurrency`, `package`.
    let modifiers: [String]
    /// 1-based.
    let line: Int
}

extension ImportLine {
    private static let scopes: Set<Substring> = [
        "typealias", "struct", "class", "enum", "protocol", "let", "var", "func", "actor",
    ]
    private static let access: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]

    /// Every import of `source`, in order. Lines inside comments do not count; neither does a word that only begins
    /// with `import`.
    static func all(in source: String) -> [Self] {
        var imports: [Self] = []
        for (index, line) in source.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            for statement in line.prefix(upToComment: "//").split(separator: ";") {
                if let found = Self(statement: statement, line: index + 1) { imports.append(found) }
            }
        }
        return imports
    }

    private init?(statement: Substring, line: Int) {
        var words = statement.split { $0 == " " || $0 == "\t" || $0 == "\r" }[...]
        var modifiers: [String] = []
        while let word = words.first, word.hasPrefix("@") || Self.access.contains(word) {
            modifiers.append(String(word))
            words.removeFirst()
        }
        guard words.first == "import" else { return nil }
        words.removeFirst()
        if let scope = words.first, Self.scopes.contains(scope) { words.removeFirst() }
        guard let path = words.first?.split(separator: "."), let module = path.first else { return nil }
        self.init(
            module: String(module), member: path.count > 1 ? path.dropFirst().joined(separator: ".") : nil,
            modifiers: modifiers, line: line)
    }
}

extension Substring {
    /// The line without its trailing comment. A `//` inside a string literal ends the line too: harmless, since no
    /// import stands behind a string.
    func prefix(upToComment mark: String) -> Substring {
        guard let range = firstRange(of: mark) else { return self }
        return self[..<range.lowerBound]
    }
}
