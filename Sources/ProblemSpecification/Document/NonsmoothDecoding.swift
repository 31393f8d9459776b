// "nonsmooth" and "subject_to" of a level: terms without a gradient everywhere, and general constraints.

import ExpressionLanguage

extension DocumentReader {
    private static let terms = ["l1", "elastic_net", "group_l2", "nonnegative_l1"]

    mutating func nonsmooth(_ level: Fields, isOutermost: Bool) -> [NonsmoothTerm] {
        guard let field = level["nonsmooth"], let entries = map(field, wanted: "an object: variable to term")?.entries
        else { return [] }
        if isOutermost {
            fault(
                field.pointer, .unsupported, "this version adds nonsmooth terms to lower levels only",
                hint: "write a smooth penalty into the objective, or constrain the variable")
        }
        if level["maximize"] != nil || level["fixed_point"] != nil {
            let kind = level["maximize"] == nil ? "fixed_point" : "maximize"
            fault(
                field.pointer, .levelError,
                "nonsmooth terms are added to what a level minimizes; this one has \"\(kind)\"")
        }
        let variables = level["variables"]?.value.members?.map(\.name)
        return entries.compactMap { name, place in
            if let variables, !variables.contains(name) {
                let hint = suggestion(for: name, among: variables)
                fault(place.pointer, .unknownName, "the level has no variable \"\(Excerpts.cut(name))\"", hint: hint)
            }
            return term(place).map { NonsmoothTerm(variable: name, kind: $0, pointer: place.pointer) }
        }
    }

    private mutating func term(_ field: Field) -> NonsmoothTerm.Kind? {
        let example = "a term such as {\"l1\": \"exp(alpha)\"}"
        guard let fields = fields(field, wanted: example, known: Self.terms) else { return nil }
        let given = fields.entries.filter { Self.terms.contains($0.name) }
        guard let (name, value) = given.first, given.count == 1 else {
            if given.isEmpty {
                fault(field.pointer, .missingField, "wanted \(example), came an object without a term")
            } else {
                let names = given.map { "\"\($0.name)\"" }.joined(separator: " and ")
                fault(field.pointer, .wrongType, "wanted one term for a variable, came \(names)")
            }
            return nil
        }
        switch name {
        case "l1": return weight(value).map { .l1($0) }
        case "group_l2": return weight(value).map { .groupL2($0) }
        case "nonnegative_l1": return weight(value).map { .nonnegativeL1($0) }
        default: return elasticNet(value)
        }
    }

    private mutating func elasticNet(_ field: Field) -> NonsmoothTerm.Kind? {
        guard let fields = fields(field, wanted: "{\"l1\": weight, \"l2\": weight}", known: ["l1", "l2"]) else {
            return nil
        }
        for name in ["l1", "l2"] where fields[name] == nil {
            fault(field.pointer, .missingField, "an elastic net has \"l1\" and \"l2\"")
        }
        guard let l1 = weight(fields["l1"]), let l2 = weight(fields["l2"]) else { return nil }
        return .elasticNet(l1: l1, l2: l2)
    }

    private mutating func weight(_ field: Field?) -> PlacedFormula? {
        guard let field, let text = formula(field) else { return nil }
        return PlacedFormula(text: text, pointer: field.pointer)
    }

    mutating func constraints(_ field: Field?) -> [PlacedFormula] {
        guard let field else { return [] }
        guard let elements = field.value.elements else {
            wrongType(field, wanted: "a list of comparisons such as [\"sum(y) == 1\"]")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            weight(Field(value: element, pointer: JSONPointer.child(field.pointer, index)))
        }
    }
}
