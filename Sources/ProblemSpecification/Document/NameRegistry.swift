// Names that formulas use: how they are spelled, which are taken, and that none is given twice.

import ExpressionLanguage

/// What a name of the document stands for.
enum NameKind: String {
    case data = "a data entry"
    case sample = "a sample axis"
    case definition = "a definition"
    case variable = "a variable"
}

/// The names given so far. Data, sample axes, definitions and variables of all levels share one space.
struct NameRegistry {
    private var kinds: [String: NameKind] = [:]

    /// Names that the language keeps for itself: its functions, its constants, and `T` of `x.T`.
    static let reserved: Set<String> = Set(
        Function.allCases.map(\.rawValue) + ["T", "pi", "true", "false", "True", "False", "None", "newaxis"])

    /// Characters of the longest name.
    static let lengthLimit = 100

    private static func owner(of name: String) -> String {
        if name == "T" { return "the transpose" }
        if name == "None" || name == "newaxis" { return "a new dimension in a subscript" }
        return Function(rawValue: name) == nil ? "a constant" : "a function"
    }

    /// Names of one kind, sorted.
    func names(of kind: NameKind) -> [String] {
        kinds.filter { $0.value == kind }.keys.sorted()
    }

    /// Whether `name` stands for something of this kind.
    func contains(_ name: String, of kind: NameKind) -> Bool {
        kinds[name] == kind
    }

    /// Gives `name` a meaning; reports a name that cannot be had.
    mutating func add(_ name: String, as kind: NameKind, at pointer: String, into reader: inout DocumentReader) {
        let quoted = "\"\(Excerpts.cut(name))\""
        if !Lexer.isName(name) {
            let message = "\(quoted) is no name: wanted a letter or _, then letters, digits and _"
            reader.fault(pointer, .invalidName, message, hint: Self.repaired(name).map { "write \"\($0)\"" })
        } else if name.unicodeScalars.count > Self.lengthLimit {
            let message =
                "a name has at most \(Self.lengthLimit) characters, \(quoted) has \(name.unicodeScalars.count)"
            reader.fault(pointer, .invalidName, message)
        } else if Self.reserved.contains(name) {
            reader.fault(pointer, .invalidName, "\(quoted) is the name of \(Self.owner(of: name))")
        } else if let earlier = kinds[name] {
            reader.fault(pointer, .duplicateName, "\(quoted) is already the name of \(earlier.rawValue)")
        } else if kinds.count == Problem.nameLimit {
            reader.fault(pointer, .limitExceeded, "a problem has at most \(Problem.nameLimit) names")
        } else {
            kinds[name] = kind
        }
    }

    /// The name with plain digits for raised and lowered ones and `_` for all else that cannot stand in one.
    private static func repaired(_ name: String) -> String? {
        guard name.unicodeScalars.count <= Excerpts.scalarLimit else { return nil }
        var repaired = ""
        for scalar in name.unicodeScalars {
            let digit =
                scalar.properties.numericType == .digit ? scalar.properties.numericValue.map { "\(Int($0))" } : nil
            repaired += Lexer.isName("_\(scalar)") ? "\(scalar)" : digit ?? "_"
        }
        guard repaired.contains(where: { $0 != "_" }) else { return nil }
        return Lexer.isName(repaired) ? repaired : Lexer.isName("_" + repaired) ? "_" + repaired : nil
    }
}
