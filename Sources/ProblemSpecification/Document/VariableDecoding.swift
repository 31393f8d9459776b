// One variable of a level: its shape and where it starts; the set it lies in follows in ConstraintDecoding.swift.

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
        let constrained = ConstrainedShape(row: rowShape, whole: fields["per"] == nil ? rowShape : nil)
        let constraint = constraint(fields["constraint"], constrained)
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
        let known = ["normal", "uniform", "job"]
        guard let fields = fields(field, wanted: "an object", known: known) else { return nil }
        if let job = fields["job"] {
            if let name = string(job, wanted: "a job's id such as \"job_…\"") {
                fault(
                    job.pointer, .unsupported,
                    "only a service can read the result of \(Excerpts.cut(name)) to start from it",
                    hint: "write the values of the variable as an array")
            }
            return nil
        }
        if let normal = fields["normal"], fields["uniform"] == nil {
            guard let parts = self.fields(normal, wanted: "an object with \"scale\"", known: ["scale"]) else {
                return nil
            }
            return .normal(scale: nonnegative(parts["scale"]) ?? 1)
        }
        if let uniform = fields["uniform"], fields["normal"] == nil { return uniformStart(uniform) }
        fault(
            field.pointer, .wrongType,
            "wanted either {\"normal\": {\"scale\": s}} or {\"uniform\": [a, b]}")
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
        if low > high {
            fault(
                field.pointer, .outOfRange,
                "the lower end \(Printable.number(low)) is above the upper end \(Printable.number(high))")
        }
        return .uniform(low, high)
    }
}
