// The set that a variable lies in: bounds, balls, equations, halfspaces, or several of them.

import ExpressionLanguage
import Tensors

/// What is known of the shape of a variable that is constrained.
struct ConstrainedShape {
    /// Of one row, where the variable is aligned with samples; nil where it could not be read.
    let row: [Int]?
    /// Of all; nil also where the number of rows is not known yet.
    let whole: [Int]?
}

extension DocumentReader {
    private static let sets =
        ["box", "nonnegative", "affine", "halfspace"] + BallSpecification.Kind.allCases.map(\.rawValue)
    private static let example = "a constraint such as {\"box\": [0, 1]} or \"nonnegative\""

    /// The constraint of a variable; faults leave what could be read.
    mutating func constraint(_ field: Field?, _ shape: ConstrainedShape) -> ConstraintSpecification {
        guard let field else { return .none }
        guard let elements = field.value.elements else { return oneConstraint(field, shape) }
        var parts: [ConstraintSpecification] = []
        for (index, element) in elements.enumerated() {
            let place = Field(value: element, pointer: JSONPointer.child(field.pointer, index))
            if element.elements != nil {
                wrongType(place, wanted: Self.example)
            } else {
                parts.append(oneConstraint(place, shape))
            }
        }
        if elements.isEmpty { fault(field.pointer, .outOfRange, "wanted \(Self.example), came an empty list") }
        parts.removeAll { $0 == .none }
        return parts.count < 2 ? parts.first ?? .none : .all(parts)
    }

    private mutating func oneConstraint(_ field: Field, _ shape: ConstrainedShape) -> ConstraintSpecification {
        switch field.value {
        case .string("nonnegative"): return .box(lower: Tensor(0), upper: nil)
        case .string("simplex"): return .ball(BallSpecification(kind: .simplex, radius: 1))
        case .string(let name) where Self.sets.contains(name):
            fault(field.pointer, .missingField, "\"\(name)\" needs its numbers", hint: "write \(Self.form(of: name))")
        case .string(let name):
            let hint = suggestion(for: name, among: Self.sets)
            fault(field.pointer, .unknownName, "there is no constraint \"\(Excerpts.cut(name))\"", hint: hint)
        case .object:
            return fields(field, wanted: "a constraint", known: Self.sets + ["rows"])
                .map { constraint($0, shape) } ?? .none
        case .null, .bool, .integer, .number, .array, .numbers: wrongType(field, wanted: Self.example)
        }
        return .none
    }

    private static func form(of name: String) -> String {
        switch name {
        case "box": "{\"box\": [low, high]}"
        case "affine": "{\"affine\": {\"A\": [[…], …], \"b\": […]}}"
        case "halfspace": "{\"halfspace\": {\"a\": […], \"b\": number}}"
        default: "{\"\(name)\": radius}"
        }
    }

    private mutating func constraint(_ fields: Fields, _ shape: ConstrainedShape) -> ConstraintSpecification {
        let given = fields.entries.filter { Self.sets.contains($0.name) }
        guard let (name, field) = given.first, given.count == 1 else {
            if given.count > 1 {
                let names = given.map { "\"\($0.name)\"" }.joined(separator: " and ")
                fault(
                    fields.pointer, .wrongType, "wanted one constraint, came \(names)",
                    hint: "write a list of objects for several")
            } else if fields.members.allSatisfy({ $0.name == "rows" }) {
                fault(fields.pointer, .missingField, "wanted \(Self.example), came an object without a set")
            }
            return .none
        }
        if let kind = BallSpecification.Kind(rawValue: name) {
            return ball(kind, field, rows: fields["rows"], shape: shape.whole)
        }
        if let rows = fields["rows"] {
            fault(rows.pointer, .unknownField, "\"rows\" belongs to simplex and balls, not to \(name)")
        }
        switch name {
        case "nonnegative": return bool(field) == true ? .box(lower: Tensor(0), upper: nil) : .none
        case "affine": return affine(field, shape: shape.whole)
        case "halfspace": return halfspace(field, shape: shape.whole)
        default: return box(field, shape: shape.row)
        }
    }

    // MARK: - Balls

    /// A radius, or an object with a radius; "rows" stands beside either.
    private mutating func ball(
        _ kind: BallSpecification.Kind, _ field: Field, rows: Field?, shape: [Int]?
    ) -> ConstraintSpecification {
        var (radius, inner): (Double?, Field?) = (nil, nil)
        if case .object = field.value {
            guard let fields = fields(field, wanted: "a radius", known: ["radius", "rows"]) else { return .none }
            if let place = fields["radius"] {
                radius = nonnegative(place)
            } else if kind == .simplex {
                radius = 1
            } else {
                fault(field.pointer, .missingField, "a \(kind.rawValue) has a \"radius\"")
            }
            inner = fields["rows"]
        } else if case .bool(true) = field.value, kind == .simplex {
            radius = 1
        } else {
            radius = nonnegative(field)
        }
        let byRows = bool(inner ?? rows) ?? false
        if byRows && kind == .spectral {
            let place = (inner ?? rows)?.pointer ?? field.pointer
            fault(
                place, .wrongArgument, "a spectral_ball holds a whole matrix, not its rows",
                hint: "use l2_ball for rows")
        }
        if kind == .spectral, let shape, shape.count != 2 {
            fault(field.pointer, .shapeMismatch, "a spectral_ball holds matrices; the variable has shape \(shape)")
        }
        return radius.map { .ball(BallSpecification(kind: kind, radius: $0, byRows: byRows)) } ?? .none
    }

    // MARK: - Equations and halfspaces

    private mutating func affine(_ field: Field, shape: [Int]?) -> ConstraintSpecification {
        guard let fields = fields(field, wanted: "{\"A\": matrix, \"b\": vector}", known: ["A", "b"]) else {
            return .none
        }
        for name in ["A", "b"] where fields[name] == nil {
            fault(field.pointer, .missingField, "affine has \"A\" and \"b\"; \"\(name)\" is missing")
        }
        guard let place = fields["A"], let right = fields["b"], let matrix = tensor(place, keepingIntegers: false),
            let rhs = tensor(right, keepingIntegers: false)
        else { return .none }
        guard (1...2).contains(matrix.shape.count) else {
            fault(place.pointer, .shapeMismatch, "A has one row for each equation; came \(matrix.shape)")
            return .none
        }
        let (rows, columns) = matrix.shape.count == 1 ? (1, matrix.shape[0]) : (matrix.shape[0], matrix.shape[1])
        if let count = shape?.reduce(1, *), columns != count {
            fault(
                place.pointer, .shapeMismatch,
                "A has \(columns) columns, the variable has \(count) \(count == 1 ? "entry" : "entries")")
        }
        if rhs.count != rows || rhs.shape.count > 1 {
            fault(
                right.pointer, .shapeMismatch,
                "wanted a number for each of the \(rows) rows of A, came \(rhs.shape.isEmpty ? "one number" : "shape \(rhs.shape)")"
            )
            return .none
        }
        return .affine(matrix: matrix, rhs: rhs)
    }

    private mutating func halfspace(_ field: Field, shape: [Int]?) -> ConstraintSpecification {
        guard let fields = fields(field, wanted: "{\"a\": vector, \"b\": number}", known: ["a", "b"]) else {
            return .none
        }
        for name in ["a", "b"] where fields[name] == nil {
            fault(field.pointer, .missingField, "halfspace has \"a\" and \"b\", for a·x ≤ b; \"\(name)\" is missing")
        }
        let offset = number(fields["b"])
        guard let place = fields["a"], let normal = tensor(place, keepingIntegers: false), let offset else {
            return .none
        }
        if let shape, normal.count != shape.reduce(1, *) {
            fault(place.pointer, .shapeMismatch, "the variable has shape \(shape), a has \(normal.shape)")
        }
        return .halfspace(normal: normal, offset: offset)
    }

    // MARK: - Bounds

    private mutating func box(_ field: Field, shape: [Int]?) -> ConstraintSpecification {
        guard let bounds = field.value.elements, bounds.count == 2 else {
            wrongType(field, wanted: "two bounds [low, high]")
            return .none
        }
        let errorsBefore = diagnostics.errorCount
        let lower = bound(Field(value: bounds[0], pointer: JSONPointer.child(field.pointer, 0)), shape: shape)
        let upper = bound(Field(value: bounds[1], pointer: JSONPointer.child(field.pointer, 1)), shape: shape)
        guard diagnostics.errorCount == errorsBefore else { return .none }
        if let lower, let upper { checkOrder(lower, upper, at: field.pointer) }
        return lower == nil && upper == nil ? .none : .box(lower: lower, upper: upper)
    }

    /// One bound: a scalar or an array of the variable's shape; nil where it is `null`.
    private mutating func bound(_ field: Field, shape: [Int]?) -> Tensor? {
        if field.value == .null { return nil }
        guard let tensor = tensor(field, keepingIntegers: false) else { return nil }
        if let shape, !tensor.shape.isEmpty, tensor.shape != shape {
            fault(field.pointer, .shapeMismatch, "the variable has shape \(shape), the bound has \(tensor.shape)")
        }
        return tensor
    }

    /// Reports the first entry whose lower bound is above its upper bound.
    private mutating func checkOrder(_ lower: Tensor, _ upper: Tensor, at pointer: String) {
        let low = lower.values
        let high = upper.values
        for index in 0..<max(low.count, high.count) {
            let a = low[lower.shape.isEmpty ? 0 : index]
            let b = high[upper.shape.isEmpty ? 0 : index]
            if a > b {
                let entry = max(low.count, high.count) > 1 ? " at entry \(index)" : ""
                let numbers = "\(JSONWriter.number(a)) is above the upper bound \(JSONWriter.number(b))"
                return fault(pointer, .outOfRange, "the lower bound \(numbers)\(entry)")
            }
        }
    }
}
