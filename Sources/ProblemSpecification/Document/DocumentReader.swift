// Reading typed values from a JSON document: each fault is reported with its pointer, and reading goes on.

import ExpressionLanguage

/// A value of the document and where it stands.
struct Field {
    let value: JSONValue
    let pointer: String
    /// Whether the document may do without it.
    var isOptional = false
}

/// The members of one object of the document.
struct Fields {
    let pointer: String
    let members: [JSONMember]

    /// The member `name`, nil where the document does not have it.
    subscript(name: String) -> Field? {
        guard let member = members.first(where: { $0.name == name }) else { return nil }
        return Field(
            value: member.value, pointer: JSONPointer.child(pointer, name), isOptional: !Self.required.contains(name))
    }

    /// Fields without a default.
    private static let required: Set<String> = [
        "problem", "levels", "variables", "minimize", "maximize", "fixed_point", "value", "csr", "dataset", "random",
        "arrays", "normal", "uniform", "A", "a", "b", "radius", "l1", "l2", "url", "indptr", "indices",
    ]

    /// Every member in document order, with its name.
    var entries: [(name: String, field: Field)] {
        members.map { ($0.name, Field(value: $0.value, pointer: JSONPointer.child(pointer, $0.name))) }
    }
}

/// Collects faults while values are read. Every reading function gives nil where the field is absent, silently, or is not
/// what was wanted, with a fault.
struct DocumentReader {
    var diagnostics: Diagnostics

    mutating func fault(_ pointer: String, _ code: DiagnosticCode, _ message: String, hint: String? = nil) {
        diagnostics.report(.error, Diagnostic(pointer: pointer, code: code, message: message, hint: hint))
    }

    /// Reports a value of the wrong kind.
    mutating func wrongType(_ field: Field, wanted: String) {
        if let number = field.value.double, !number.isFinite {
            return fault(field.pointer, .notFinite, "wanted \(wanted), came \(field.value.described)")
        }
        var hint: String?
        if field.value == .null, field.isOptional { hint = "leave the field out for its default" }
        fault(field.pointer, .wrongType, "wanted \(wanted), came \(field.value.described)", hint: hint)
    }

    /// An object whose member names are free, such as `variables`.
    mutating func map(_ field: Field?, wanted: String) -> Fields? {
        guard let field else { return nil }
        guard let members = field.value.members else {
            wrongType(field, wanted: wanted)
            return nil
        }
        return Fields(pointer: field.pointer, members: members)
    }

    /// The members of an object that gives names a meaning, such as `variables`; nil, with a fault, when they are more
    /// than a problem may have.
    mutating func named(_ field: Field?, wanted: String) -> [(name: String, field: Field)]? {
        guard let fields = map(field, wanted: wanted) else { return nil }
        guard fields.members.count <= Problem.nameLimit else {
            let message = "a problem has at most \(Problem.nameLimit) names, these are \(fields.members.count)"
            fault(fields.pointer, .limitExceeded, message, hint: "one array holds many numbers")
            return nil
        }
        return fields.entries
    }

    /// An object whose member names are `known`; members named in `unsupported` are refused as such, others as unknown.
    mutating func fields(
        _ field: Field?, wanted: String, known: [String], unsupported: [String] = []
    ) -> Fields? {
        guard let fields = map(field, wanted: wanted) else { return nil }
        for (name, field) in fields.entries where !known.contains(name) {
            if unsupported.contains(name) {
                self.unsupported("\"\(name)\"", at: field.pointer)
            } else {
                let message = "there is no field \"\(Excerpts.cut(name))\" here"
                fault(
                    field.pointer, .unknownField, message, hint: fieldHint(for: name, in: fields, known + unsupported))
            }
        }
        return fields
    }

    /// The field that was meant or, where that cannot be guessed, those that there are.
    private func fieldHint(for name: String, in fields: Fields, _ known: [String]) -> String? {
        if fields.pointer.isEmpty, Problem.fields.contains(name) { return "it stands in \"problem\"" }
        if fields.pointer == "/problem", ProblemDocument.fields.contains(name) {
            return "it stands beside \"problem\", not in it"
        }
        if let hint = suggestion(for: name, among: known) { return hint }
        return known.count > 6 ? nil : "wanted \(known.map { "\"\($0)\"" }.joined(separator: ", "))"
    }

    /// Refuses something that the problem language has and this version does not solve.
    mutating func unsupported(_ what: String, at pointer: String) {
        fault(pointer, .unsupported, "this version does not solve problems with \(what) yet")
    }

    /// The hint for a mistyped name, where the fault will be read.
    func suggestion(for name: String, among candidates: @autoclosure () -> [String]) -> String? {
        guard diagnostics.kept.count < Diagnostics.limit else { return nil }
        let candidates = candidates()
        let meant = ForeignKeys.meaning(of: name, among: candidates) ?? Suggestions.nearest(to: name, among: candidates)
        return meant.map { "did you mean \"\($0)\"?" } ?? LookAlikes.hint(for: name, among: candidates)
    }
}

extension DocumentReader {
    /// A string.
    mutating func string(_ field: Field?, wanted: String = "a string") -> String? {
        guard let field else { return nil }
        if let text = field.value.text { return text }
        wrongType(field, wanted: wanted)
        return nil
    }

    /// `true` or `false`.
    mutating func bool(_ field: Field?) -> Bool? {
        guard let field else { return nil }
        if case .bool(let flag) = field.value { return flag }
        wrongType(field, wanted: "true or false")
        return nil
    }

    /// A finite number that `isAllowed` accepts, which `wanted` says in words.
    mutating func number(
        _ field: Field?, wanted: String = "a number", where isAllowed: (Double) -> Bool = { _ in true }
    ) -> Double? {
        guard let field else { return nil }
        guard let number = field.value.double, number.isFinite else {
            wrongType(field, wanted: wanted)
            return nil
        }
        if isAllowed(number) { return number }
        fault(field.pointer, .outOfRange, "wanted \(wanted), came \(field.value.described)")
        return nil
    }

    /// A positive number.
    mutating func positive(_ field: Field?) -> Double? {
        number(field, wanted: "a positive number") { $0 > 0 }
    }

    /// A number that is at least 0.
    mutating func nonnegative(_ field: Field?) -> Double? {
        number(field, wanted: "a number that is at least 0") { $0 >= 0 }
    }

    /// A whole number in `range`; `1e3` counts as one.
    mutating func whole(_ field: Field?, in range: ClosedRange<Int>) -> Int? {
        guard let field else { return nil }
        let isOpen = range.upperBound == .max
        let wanted =
            isOpen
            ? "a whole number that is at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = field.value.double, number.isFinite else {
            wrongType(field, wanted: wanted)
            return nil
        }
        if let whole = exactWhole(field.value), range.contains(whole) { return whole }
        if isOpen, number > Double(1 << 53), number == number.rounded() {
            fault(field.pointer, .outOfRange, "wanted \(wanted) and below 2^63, came \(field.value.described)")
            return nil
        }
        let code: DiagnosticCode = number == number.rounded(.towardZero) ? .outOfRange : .wrongType
        fault(field.pointer, code, "wanted \(wanted), came \(field.value.described)")
        return nil
    }

    /// A seed: exact as written, so at most the largest `Int`.
    mutating func seed(_ field: Field?) -> UInt64? {
        whole(field, in: 0...Int.max).map(UInt64.init)
    }

    private func exactWhole(_ value: JSONValue) -> Int? {
        if case .integer(let integer) = value { return integer }
        guard let number = value.double, number.magnitude <= 0x1p53 else { return nil }
        return Int(exactly: number)
    }

    /// One of the raw values of a vocabulary; names of `unsupported` are refused as such.
    mutating func word<Word: RawRepresentable<String> & CaseIterable>(
        _ field: Field?, as vocabulary: Word.Type, unsupported: [String] = []
    ) -> Word? {
        let known = vocabulary.allCases.map(\.rawValue)
        let wanted = known.map { "\"\($0)\"" }.joined(separator: ", ")
        guard let field, let text = string(field, wanted: known.count == 1 ? wanted : "one of \(wanted)") else {
            return nil
        }
        if let word = Word(rawValue: text) { return word }
        if unsupported.contains(text) {
            fault(
                field.pointer, .unsupported, "this version does not have \"\(text)\" yet",
                hint: known.count == 1 ? "use \(wanted)" : "use one of \(wanted)")
        } else {
            let message = "wanted \(known.count == 1 ? wanted : "one of \(wanted)"), came \"\(Excerpts.cut(text))\""
            fault(field.pointer, .unknownName, message, hint: suggestion(for: text, among: known + unsupported))
        }
        return nil
    }

    /// A formula's text; a number stands for its literal.
    mutating func formula(_ field: Field?) -> String? {
        guard let field else { return nil }
        switch field.value {
        case .string(let text):
            if text.utf8.count <= Lexer.limit { return text }
            let message = "a formula has at most \(Lexer.limit) bytes, this one has \(text.utf8.count)"
            fault(field.pointer, .limitExceeded, message)
            return nil
        case .integer(let integer): return String(integer)
        case .number(let number) where number.isFinite: return JSONWriter.number(number)
        case .null, .bool, .number, .array, .numbers, .object:
            wrongType(field, wanted: "a formula such as \"sum(x^2)\"")
            return nil
        }
    }
}
