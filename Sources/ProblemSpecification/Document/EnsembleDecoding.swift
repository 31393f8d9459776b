// "sweep" and "restarts": what the document says of its members, with the faults of the words themselves. What a value does
// to the document is found when the member's document is read.

import ExpressionLanguage
import MultilevelOptimization

extension ProblemDocument {
    /// Fields that ask for several runs.
    static let ensembleFields = ["sweep", "restarts"]
}

extension DocumentReader {
    /// Where a sweep may change the document: what belongs to one run.
    private static let sweptFields = ["problem", "method", "tolerances", "seed"]

    /// Reads both words.
    ///
    /// - Parameter source: the whole document.
    /// - Returns: nil where the document has neither, or, with faults, where one cannot be read.
    mutating func ensemble(_ top: Fields, of source: JSONValue) -> EnsembleRequest? {
        let (sweep, restarts) = (top["sweep"], top["restarts"])
        guard sweep != nil || restarts != nil else { return nil }
        let errorsBefore = diagnostics.errorCount
        var request = EnsembleRequest()
        var halvings: [Field] = []
        if let sweep { readSweep(sweep, into: &request, &halvings, of: source) }
        if let restarts { readRestarts(restarts, into: &request, &halvings) }
        if let given = halvings.first { request.halving = halving(given) }
        if let second = halvings.dropFirst().first {
            fault(second.pointer, .wrongArgument, "halving is for all members, and stands in \"sweep\" already")
        }
        guard diagnostics.errorCount == errorsBefore else { return nil }
        guard request.memberCount <= EnsembleRequest.memberLimit else {
            fault(
                sweep == nil ? "/restarts" : "/sweep", .limitExceeded,
                "a job has at most \(EnsembleRequest.memberLimit) members, came \(described(request))",
                hint: "send several jobs")
            return nil
        }
        return request
    }

    private func described(_ request: EnsembleRequest) -> String {
        let lengths = request.isProduct ? request.axes.map(\.values.count) : [request.pointCount]
        let factors = request.restarts > 1 ? lengths + [request.restarts] : lengths
        let count = request.memberCount == .max ? "uncountably many" : String(request.memberCount)
        return factors.count > 1 ? "\(count) (\(factors.map(String.init).joined(separator: " × ")))" : count
    }

    // MARK: - Restarts

    private mutating func readRestarts(
        _ field: Field, into request: inout EnsembleRequest, _ halvings: inout [Field]
    ) {
        guard case .object = field.value else {
            request.restarts = count(field) ?? 1
            return
        }
        guard let fields = fields(field, wanted: "a number of runs or an object", known: ["count", "halving"]) else {
            return
        }
        if fields["count"] == nil { fault(field.pointer, .missingField, "restarts have a \"count\"") }
        request.restarts = count(fields["count"]) ?? 1
        if let halving = fields["halving"] { halvings.append(halving) }
    }

    private mutating func count(_ field: Field?) -> Int? { whole(field, in: 1...EnsembleRequest.memberLimit) }

    private mutating func halving(_ field: Field) -> Halving? {
        guard let fields = fields(field, wanted: "an object", known: ["iterations", "factor"]) else { return nil }
        if fields["iterations"] == nil {
            fault(field.pointer, .missingField, "halving has \"iterations\", after which members are compared first")
        }
        let iterations = whole(fields["iterations"], in: 1...Int.max)
        let factor = whole(fields["factor"], in: 2...EnsembleRequest.memberLimit)
        return iterations.map { Halving(iterations: $0, factor: factor ?? Halving.usualFactor) }
    }

    // MARK: - Sweeps

    private mutating func readSweep(
        _ field: Field, into request: inout EnsembleRequest, _ halvings: inout [Field], of source: JSONValue
    ) {
        let wanted = "an object with \"over\""
        guard let fields = fields(field, wanted: wanted, known: ["over", "product", "halving"]) else { return }
        if let halving = fields["halving"] { halvings.append(halving) }
        request.isProduct = bool(fields["product"]) ?? true
        let example = "wanted {\"/method/upper_step/step\": [0.1, 0.5]}: lists of values by JSON pointer"
        guard let over = fields["over"] else {
            return fault(field.pointer, .missingField, "a sweep has \"over\"", hint: example)
        }
        guard let places = map(over, wanted: "an object of lists by JSON pointer") else { return }
        if places.members.isEmpty { fault(over.pointer, .outOfRange, "the sweep is over nothing", hint: example) }
        guard places.members.count <= EnsembleRequest.memberLimit else {
            return fault(
                over.pointer, .limitExceeded,
                "a sweep is over at most \(EnsembleRequest.memberLimit) places, came \(places.members.count)")
        }
        for (pointer, values) in places.entries {
            if let axis = axis(pointer, values, of: source, after: request) { request.axes.append(axis) }
        }
        if request.axes.count == places.members.count { checkPoints(of: request, at: over) }
    }

    private mutating func axis(
        _ pointer: String, _ field: Field, of source: JSONValue, after request: EnsembleRequest
    ) -> SweepAxis? {
        guard let path = path(pointer, field, after: request) else { return nil }
        guard let values = field.value.elements else {
            wrongType(field, wanted: "a list of values")
            return nil
        }
        guard let first = values.first else {
            fault(field.pointer, .outOfRange, "there is no value to take")
            return nil
        }
        let axis = SweepAxis(pointer: pointer, path: path, values: values)
        do throws(JSONAssignmentError) {
            _ = try axis.put(first, into: source)
            return axis
        } catch {
            fault(field.pointer, .unknownName, "there is no such place: \(error.message)")
            return nil
        }
    }

    /// The steps of a pointer to something that one run may have for itself; nil, with a fault, for others.
    private mutating func path(_ pointer: String, _ field: Field, after request: EnsembleRequest) -> [String]? {
        guard let path = JSONPointer.steps(of: pointer), let first = path.first, path.count <= JSONAssignment.stepLimit
        else {
            fault(
                field.pointer, .wrongArgument,
                "wanted a JSON pointer such as \"/method/upper_step/step\", came \"\(Excerpts.cut(pointer))\"",
                hint: suggestedPointer(pointer))
            return nil
        }
        guard Self.sweptFields.contains(first) || path == ["limits", "iterations"] else {
            refuse(first, pointer, field)
            return nil
        }
        if let other = request.axes.first(where: { $0.path.starts(with: path) || path.starts(with: $0.path) }) {
            fault(
                field.pointer, .wrongArgument,
                "\(Excerpts.cut(pointer)) and \(Excerpts.cut(other.pointer)) lie inside each other: a sweep changes each "
                    + "place once")
            return nil
        }
        return path
    }

    private mutating func refuse(_ first: String, _ pointer: String, _ field: Field) {
        guard ProblemDocument.fields.contains(first) || first == "warm_start" else {
            return fault(
                field.pointer, .unknownName, "the document has no place \(Excerpts.cut(pointer))",
                hint: suggestedPointer(pointer))
        }
        fault(
            field.pointer, .wrongArgument, "\"\(Excerpts.cut(first))\" is the whole job's: members cannot differ in it",
            hint: "a sweep is over places in \"problem\", \"method\", \"tolerances\", over \"/seed\" and "
                + "\"/limits/iterations\"")
    }

    /// The pointer that was meant where its first steps are missing, or dots stand for slashes.
    private func suggestedPointer(_ pointer: String) -> String? {
        let steps = pointer.split(whereSeparator: { $0 == "/" || $0 == "." }).map(String.init)
        guard let first = steps.first else { return nil }
        let parents = [
            ("/method", ["lower_solver", "upper_step", "linear_solver", "hypergradient", "estimator"]),
            ("/problem", Problem.fields), ("", Self.sweptFields), ("/limits", ["iterations"]),
        ]
        let rest = steps.reduce("") { JSONPointer.child($0, $1) }
        if let parent = parents.first(where: { $0.1.contains(first) }) { return "did you mean \"\(parent.0)\(rest)\"?" }
        return suggestion(for: first, among: Self.sweptFields)
    }

    /// Lists that are paired are equally long, and no two points are the same.
    private mutating func checkPoints(of request: EnsembleRequest, at over: Field) {
        let lengths = request.axes.map(\.values.count)
        guard !request.isProduct else {
            for axis in request.axes { checkDistinct(axis.values, at: JSONPointer.child(over.pointer, axis.pointer)) }
            return
        }
        guard Set(lengths).count <= 1 else {
            return fault(
                over.pointer, .shapeMismatch,
                "lists that are paired are equally long; these have \(lengths.map(String.init).joined(separator: ", ")) "
                    + "values", hint: "\"product\": true takes every combination")
        }
        guard let length = lengths.first, length <= EnsembleRequest.memberLimit else { return }
        let rows = (0..<length).map { row in JSONValue.array(request.axes.map { $0.values[row] }) }
        let pointer = JSONPointer.child(over.pointer, request.axes[0].pointer)
        checkDistinct(rows, at: pointer)
    }

    private mutating func checkDistinct(_ values: [JSONValue], at pointer: String) {
        guard values.count <= EnsembleRequest.memberLimit else { return }
        for index in values.indices.dropFirst() {
            guard let earlier = values[..<index].firstIndex(where: { Self.areSame($0, values[index]) }) else {
                continue
            }
            fault(
                JSONPointer.child(pointer, index), .wrongArgument,
                "the same member stands at \(earlier) already: it would find the same")
        }
    }

    /// Whether two values mean the same to a reader of JSON: 1 is 1.0.
    private static func areSame(_ first: JSONValue, _ second: JSONValue) -> Bool {
        JSONWriter.bytes(first, style: .canonical) == JSONWriter.bytes(second, style: .canonical)
    }
}
