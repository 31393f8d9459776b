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

    /// Names that the language keeps for itself: its functions, and `T` of `x.T`.
    static let reserved: Set<String> = Set(
        Function.allCases.map(\.rawValue) + ["T", "pi", "true", "false", "True", "False"])

    /// Characters of the longest name.
    static let lengthLimit = 100

    private static func owner(of name: String) -> String {
        if name == "T" { return "the transpose" }
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
        if !Self.isWellFormed(name) {
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

    /// The name with `_` for what cannot stand in one, where that is a name.
    private static func repaired(_ name: String) -> String? {
        guard name.unicodeScalars.count <= Excerpts.scalarLimit else { return nil }
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars { scalars.append(isLetter(scalar) || isDigit(scalar) ? scalar : "_") }
        let repaired = String(scalars)
        guard repaired.contains(where: { $0 != "_" }) else { return nil }
        return isWellFormed(repaired) ? repaired : isWellFormed("_" + repaired) ? "_" + repaired : nil
    }

    /// `[\p{L}_][\p{L}\p{N}_]*`.
    private static func isWellFormed(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, first == "_" || isLetter(first) else { return false }
        return name.unicodeScalars.allSatisfy { $0 == "_" || isLetter($0) || isDigit($0) }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }
}
