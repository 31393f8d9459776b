// The "method": a preset's name or an object that overrides single axes. What the design names and this version does not
// run is refused as unsupported, anything else as unknown.

import ExpressionLanguage
import MultilevelOptimization

extension DocumentReader {
    private static let otherMethods = [
        "gaffo"
    ]
    private static let otherLowerSolvers: [String] = []
    private static let otherHypergradients: [String] = []
    private static let otherLinearSolvers: [String] = []
    private static let otherUpperSteps: [String] = []

    mutating func method(_ field: Field?) -> MethodRequest {
        var request = MethodRequest()
        guard let field else { return request }
        let known = ["name", "lower_solver", "hypergradient", "linear_solver", "upper_step", "estimator", "levels"]
        let axes = axis(field, wanted: "a method's name or an object", known: known, unsupported: ["loop", "schedule"])
        guard let axes else { return request }
        if let name = axes["name"] {
            request.pointer = name.pointer
            request.name = word(name, as: MethodName.self, unsupported: Self.otherMethods) ?? .auto
        } else {
            request.pointer = field.pointer
        }
        request.lowerSolver = lowerSolver(axes["lower_solver"])
        request.hypergradient = hypergradient(axes["hypergradient"])
        request.linearSolver = linearSolver(axes["linear_solver"])
        request.upperStep = upperStep(axes["upper_step"])
        (request.estimator, request.estimation) = estimator(axes["estimator"])
        request.levels = levelMethods(axes["levels"])
        return request
    }

    private mutating func estimator(_ field: Field?) -> (EstimatorName?, EstimationRequest) {
        let known = ["name", "start", "period", "momentum"]
        guard let fields = axis(field, wanted: "an estimator", known: known) else { return (nil, EstimationRequest()) }
        let estimation = EstimationRequest(
            start: choice(fields["start"], as: SAGAStartName.self, unsupported: []),
            period: whole(fields["period"], in: 1...Int.max),
            momentum: number(fields["momentum"], wanted: "a number above 0, at most 1") { $0 > 0 && $0 <= 1 })
        return (choice(fields["name"], as: EstimatorName.self, unsupported: []), estimation)
    }

    /// The fields of one axis; a bare string stands for an object with that name.
    mutating func axis(
        _ field: Field?, wanted: String, known: [String], unsupported: [String] = []
    ) -> AxisFields? {
        guard let field else { return nil }
        if field.value.text != nil { return .bare(field) }
        return fields(field, wanted: wanted, known: known, unsupported: unsupported).map { .object($0) }
    }

    /// A word of an axis; `"auto"` is the same as not asking.
    mutating func choice<Word: RawRepresentable<String> & CaseIterable>(
        _ field: Field?, as vocabulary: Word.Type, unsupported: [String]
    ) -> Word? {
        field?.value.text == "auto" ? nil : word(field, as: vocabulary, unsupported: unsupported)
    }

    private mutating func lowerSolver(_ field: Field?) -> LowerSolverRequest {
        let known =
            ["name", "step", "steps", "growth", "tolerance", "memory", "momentum", "warm_start"] + Self.adamFields
        guard let fields = axis(field, wanted: "a lower solver", known: known) else { return LowerSolverRequest() }
        return LowerSolverRequest(
            name: choice(fields["name"], as: LowerSolverName.self, unsupported: Self.otherLowerSolvers),
            step: step(fields["step"]), steps: whole(fields["steps"], in: 1...Int.max),
            tolerance: nonnegative(fields["tolerance"]), memory: whole(fields["memory"], in: 1...Int.max),
            momentum: fraction(fields["momentum"]), adam: adam(fields), warmStart: bool(fields["warm_start"]),
            growth: nonnegative(fields["growth"]))
    }

    private static let adamFields = ["beta1", "beta2", "epsilon"]

    private mutating func adam(_ fields: AxisFields) -> AdamRequest {
        AdamRequest(
            first: fraction(fields["beta1"]), second: fraction(fields["beta2"]), epsilon: positive(fields["epsilon"]))
    }

    private mutating func fraction(_ field: Field?) -> Double? {
        number(field, wanted: "a number from 0 to below 1") { $0 >= 0 && $0 < 1 }
    }

    private mutating func hypergradient(_ field: Field?) -> HypergradientRequest {
        let known = ["name", "truncate", "checkpoints", "directions", "radius", "weight", "growth"]
        guard let fields = axis(field, wanted: "a hypergradient", known: known) else { return HypergradientRequest() }
        return HypergradientRequest(
            name: choice(fields["name"], as: HypergradientName.self, unsupported: Self.otherHypergradients),
            truncate: whole(fields["truncate"], in: 1...Int.max), checkpoints: bool(fields["checkpoints"]),
            directions: whole(fields["directions"], in: 1...Int.max), radius: positive(fields["radius"]),
            weight: positive(fields["weight"]), growth: nonnegative(fields["growth"]))
    }

    private mutating func linearSolver(_ field: Field?) -> LinearSolverRequest {
        let known = ["name", "steps", "tolerance", "step", "restart", "warm_start"]
        guard let fields = axis(field, wanted: "a linear solver", known: known) else { return LinearSolverRequest() }
        return LinearSolverRequest(
            name: choice(fields["name"], as: LinearSolverName.self, unsupported: Self.otherLinearSolvers),
            steps: whole(fields["steps"], in: 1...Int.max), tolerance: nonnegative(fields["tolerance"]),
            step: positive(fields["step"]), restart: whole(fields["restart"], in: 1...Int.max),
            warmStart: bool(fields["warm_start"]))
    }

    private mutating func upperStep(_ field: Field?) -> UpperStepRequest {
        let known = ["name", "step", "momentum", "memory"] + Self.adamFields
        guard let fields = axis(field, wanted: "an upper step", known: known) else { return UpperStepRequest() }
        return UpperStepRequest(
            name: choice(fields["name"], as: UpperStepName.self, unsupported: Self.otherUpperSteps),
            step: step(fields["step"]), momentum: fraction(fields["momentum"]),
            memory: whole(fields["memory"], in: 1...Int.max), adam: adam(fields))
    }

    mutating func step(_ field: Field?) -> StepRequest? {
        guard let field else { return nil }
        switch field.value {
        case .string("line_search"): return .lineSearch
        case .string("auto"): return .automatic
        case .string(let name):
            let message = "wanted a number, \"line_search\" or \"auto\", came \"\(Excerpts.cut(name))\""
            fault(field.pointer, .unknownName, message, hint: suggestion(for: name, among: ["line_search", "auto"]))
            return nil
        case .object: return stepRule(field)
        case .null, .bool, .integer, .number, .array, .numbers: return positive(field).map { .constant($0) }
        }
    }

    private mutating func stepRule(_ field: Field) -> StepRequest? {
        let known = ["constant", "power", "inverse", "cosine", "polyak"]
        guard let fields = fields(field, wanted: "a step", known: known) else { return nil }
        if fields.members.count != 1 {
            let message =
                "wanted exactly one of \(known.map { "\"\($0)\"" }.joined(separator: ", ")), "
                + "came \(fields.members.count) fields"
            fault(field.pointer, fields.members.isEmpty ? .missingField : .wrongType, message)
            return nil
        }
        if let constant = fields["constant"] { return positive(constant).map { .constant($0) } }
        if let power = rule(fields["power"], "a power schedule", ["initial", "exponent"]) {
            guard let initial = positive(power["initial"]), let exponent = nonnegative(power["exponent"]) else {
                return nil
            }
            return .power(initial: initial, exponent: exponent)
        }
        if let inverse = rule(fields["inverse"], "an inverse schedule", ["initial", "offset"]) {
            guard let initial = positive(inverse["initial"]), let offset = positive(inverse["offset"]) else {
                return nil
            }
            return .inverse(initial: initial, offset: offset)
        }
        if let cosine = rule(fields["cosine"], "a cosine schedule", ["initial", "period"]) {
            guard let initial = positive(cosine["initial"]), let period = whole(cosine["period"], in: 1...Int.max)
            else { return nil }
            return .cosine(initial: initial, period: period)
        }
        guard let polyak = rule(fields["polyak"], "Polyak's step", ["target"]) else { return nil }
        return number(polyak["target"], wanted: "the lowest value of the upper objective") { $0.isFinite }
            .map { .polyak(target: $0) }
    }

    /// The object of one rule, whose fields are all wanted.
    private mutating func rule(_ field: Field?, _ name: String, _ wanted: [String]) -> Fields? {
        guard let field, let rule = fields(field, wanted: "an object", known: wanted) else { return nil }
        for part in wanted where rule[part] == nil {
            fault(rule.pointer, .missingField, "\(name) has \"\(part)\"")
        }
        return rule
    }
}

/// The fields of one axis of the method.
enum AxisFields {
    /// A bare string: the name alone.
    case bare(Field)
    case object(Fields)

    subscript(name: String) -> Field? {
        switch self {
        case .bare(let field): name == "name" ? field : nil
        case .object(let fields): fields[name]
        }
    }
}
