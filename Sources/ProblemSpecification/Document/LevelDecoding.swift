// The "levels" of a problem: their objectives; variables follow in VariableDecoding.swift.

import ExpressionLanguage

extension DocumentReader {
    mutating func levels(_ field: Field?, names: inout NameRegistry) -> [LevelSpecification] {
        guard let field else { return [] }
        guard let elements = field.value.elements else {
            wrongType(field, wanted: "a list of levels")
            return []
        }
        if elements.isEmpty { fault(field.pointer, .outOfRange, "a problem has at least one level") }
        if elements.count > Problem.levelLimit {
            let message = "a problem has at most \(Problem.levelLimit) levels, this one has \(elements.count)"
            fault(field.pointer, .limitExceeded, message)
            return []
        }
        var levels: [LevelSpecification] = []
        for (index, element) in elements.enumerated() {
            let place = Field(value: element, pointer: JSONPointer.child(field.pointer, index))
            levels.append(
                level(place, number: index + 1, names: &names)
                    ?? LevelSpecification(
                        name: "level_\(index + 1)", pointer: place.pointer, variables: [], objective: .unreadable))
        }
        checkNames(of: levels)
        return levels
    }

    private mutating func checkNames(of levels: [LevelSpecification]) {
        var seen: Set<String> = []
        for level in levels where !seen.insert(level.name).inserted {
            let pointer = JSONPointer.child(level.pointer, "name")
            fault(pointer, .duplicateName, "two levels have the name \"\(Excerpts.cut(level.name))\"")
        }
    }

    private mutating func level(_ field: Field, number: Int, names: inout NameRegistry) -> LevelSpecification? {
        let known = ["name", "variables", "minimize", "maximize", "fixed_point", "nonsmooth", "subject_to"]
        guard let fields = fields(field, wanted: "a level", known: known) else { return nil }
        let name = string(fields["name"]) ?? "level_\(number)"
        var variables: [VariableSpecification] = []
        if let entries = named(fields["variables"], wanted: "an object of variables") {
            if entries.isEmpty {
                fault(field.pointer + "/variables", .outOfRange, "a level has at least one variable")
            }
            for (name, field) in entries {
                names.add(name, as: .variable, at: field.pointer, into: &self)
                if let variable = variable(name, field, names: names) { variables.append(variable) }
            }
        } else if fields["variables"] == nil {
            fault(field.pointer, .missingField, "a level has \"variables\"")
        }
        let nonsmooth = nonsmooth(fields, isOutermost: number == 1)
        let constraints = constraints(fields["subject_to"])
        return LevelSpecification(
            name: name, pointer: field.pointer, variables: variables, objective: objective(fields) ?? .unreadable,
            nonsmooth: nonsmooth, constraints: constraints)
    }

    private mutating func objective(_ fields: Fields) -> ObjectiveSpecification? {
        let kinds = ["minimize", "maximize", "fixed_point"]
        let present = kinds.filter { fields[$0] != nil }
        let wanted = "a level has exactly one of \"minimize\", \"maximize\", \"fixed_point\""
        guard let kind = present.first, let field = fields[kind] else {
            fault(fields.pointer, .missingField, wanted)
            return nil
        }
        for extra in present.dropFirst() {
            fault(JSONPointer.child(fields.pointer, extra), .levelError, "\(wanted), this one also has \"\(kind)\"")
        }
        switch kind {
        case "minimize": return formula(field).map { .minimize(formula: $0, pointer: field.pointer) }
        case "maximize": return formula(field).map { .maximize(formula: $0, pointer: field.pointer) }
        default: return fixedPoint(field, variables: fields["variables"]?.value.members?.map(\.name))
        }
    }

    /// One map for each of the level's variables, whose names are nil where they could not be read.
    private mutating func fixedPoint(_ field: Field, variables: [String]?) -> ObjectiveSpecification? {
        guard let entries = map(field, wanted: "an object: variable to map")?.entries else { return nil }
        var maps: [FixedPointMap] = []
        for (name, place) in entries {
            if let variables, !variables.contains(name) {
                let hint = suggestion(for: name, among: variables)
                fault(place.pointer, .unknownName, "the level has no variable \"\(Excerpts.cut(name))\"", hint: hint)
            }
            guard let formula = formula(place) else { continue }
            maps.append(FixedPointMap(variable: name, formula: formula, pointer: place.pointer))
        }
        let mapped = Set(entries.map(\.name))
        for name in variables ?? [] where !mapped.contains(name) {
            fault(field.pointer, .missingField, "there is no map for the variable \"\(Excerpts.cut(name))\"")
        }
        return .fixedPoint(maps)
    }
}
