// One variable of a level: its shape, where it starts, the set it lies in.

import ExpressionLanguage
import Tensors

extension DocumentReader {
    mutating func variable(_ name: String, _ field: Field, names: NameRegistry) -> VariableSpecification? {
        let known = ["shape", "per", "start", "constraint"]
        guard let fields = fields(field, wanted: "a variable", known: known) else { return nil }
        let shape = shape(fields["shape"])
        let isShapeKnown = shape != nil || fields["shape"] == nil
        let per = sampleAxis(fields["per"], names: names)
        let rowShape = isShapeKnown ? shape ?? [] : nil
        // An array for a variable with a row per sample may hold the rows too, which are not known yet.
        let start = start(fields["start"], shape: fields["per"] == nil ? rowShape : nil)
        let constraint = constraint(fields["constraint"], shape: rowShape)
        return VariableSpecification(
            name: name, pointer: field.pointer, shape: shape ?? [], per: per, start: start ?? .number(0),
            constraint: constraint)
    }

    private mutating func sampleAxis(_ field: Field?, names: NameRegistry) -> String? {
        guard let field, let axis = string(field, wanted: "the name of a sample axis") else { return nil }
        if names.contains(axis, of: .sample) { return axis }
        let hint = suggestion(for: axis, among: names.names(of: .sample))
        fault(field.pointer, .unknownName, "there is no sample axis \"\(Excerpts.cut(axis))\"", hint: hint)
        return nil
    }

    // MARK: - Start

    /// `shape` is what an array must have; nil where that is not known.
    private mutating func start(_ field: Field?, shape: [Int]?) -> StartSpecification? {
        guard let field else { return nil }
        switch field.value {
        case .string: return formula(field).map { .formula($0) }
        case .integer, .number: return number(field).map { .number($0) }
        case .array, .numbers:
            guard let tensor = tensor(field, keepingIntegers: false) else { return nil }
            if let shape, tensor.shape != shape {
                let message = "the variable has shape \(shape), its start has \(tensor.shape)"
                fault(field.pointer, .shapeMismatch, message)
            }
            return .array(tensor)
        case .object: return drawnStart(field)
        case .null, .bool:
            wrongType(field, wanted: "a number, an array, a formula, {\"normal\": …} or {\"uniform\": …}")
            return nil
        }
    }

    private mutating func drawnStart(_ field: Field) -> StartSpecification? {
        let known = ["normal", "uniform"]
        guard let fields = fields(field, wanted: "an object", known: known, unsupported: ["job"]) else { return nil }
        if let normal = fields["normal"], fields["uniform"] == nil {
            guard let parts = self.fields(normal, wanted: "an object with \"scale\"", known: ["scale"]) else {
                return nil
            }
            return .normal(scale: nonnegative(parts["scale"]) ?? 1)
        }
        if let uniform = fields["uniform"], fields["normal"] == nil { return uniformStart(uniform) }
        if fields["job"] == nil {
            fault(field.pointer, .wrongType, "wanted {\"normal\": {\"scale\": s}} or {\"uniform\": [a, b]}")
        }
        return nil
    }

    private mutating func uniformStart(_ field: Field) -> StartSpecification? {
        guard let bounds = field.value.elements, bounds.count == 2 else {
            wrongType(field, wanted: "two numbers [low, high]")
            return nil
        }
        let low = number(Field(value: bounds[0], pointer: JSONPointer.child(field.pointer, 0)))
        let high = number(Field(value: bounds[1], pointer: JSONPointer.child(field.pointer, 1)))
        guard let low, let high else { return nil }
        if low > high { fault(field.pointer, .outOfRange, "the lower end \(low) is above the upper end \(high)") }
        return .uniform(low, high)
    }

    // MARK: - Constraint

    private static let otherSets = [
        "simplex", "l1_ball", "l2_ball", "linf_ball", "affine", "halfspace", "spectral_ball",
    ]

    private mutating func constraint(_ field: Field?, shape: [Int]?) -> ConstraintSpecification {
        guard let field else { return .none }
        let known = ["box", "nonnegative"]
        switch field.value {
        case .string("nonnegative"):
            return .box(lower: Tensor(0), upper: nil)
        case .string(let name) where Self.otherSets.contains(name):
            unsupported("the constraint \"\(name)\"", at: field.pointer)
        case .string(let name):
            let hint = suggestion(for: name, among: known + Self.otherSets)
            fault(field.pointer, .unknownName, "there is no constraint \"\(Excerpts.cut(name))\"", hint: hint)
        case .object:
            let fields = fields(field, wanted: "a constraint", known: known, unsupported: Self.otherSets)
            return fields.map { constraint($0, shape: shape) } ?? .none
        case .array, .numbers:
            unsupported("a list of constraints", at: field.pointer)
        case .null, .bool, .integer, .number:
            wrongType(field, wanted: "a constraint such as {\"box\": [0, 1]} or \"nonnegative\"")
        }
        return .none
    }

    private mutating func constraint(_ fields: Fields, shape: [Int]?) -> ConstraintSpecification {
        if fields["box"] != nil, fields["nonnegative"] != nil {
            fault(fields.pointer, .wrongType, "wanted one constraint, came \"box\" and \"nonnegative\"")
        } else if let field = fields["nonnegative"] {
            return bool(field) == true ? .box(lower: Tensor(0), upper: nil) : .none
        } else if let field = fields["box"] {
            return box(field, shape: shape)
        } else if fields.members.isEmpty {
            fault(fields.pointer, .missingField, "wanted a constraint such as {\"box\": [0, 1]}, came an empty object")
        }
        return .none
    }

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
