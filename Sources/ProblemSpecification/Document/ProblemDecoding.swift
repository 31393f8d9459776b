// The "problem" object: data, samples, definitions; the levels follow in LevelDecoding.swift.

import ExpressionLanguage
import Tensors

extension Problem {
    /// The names of its fields.
    static let fields = ["name", "data", "samples", "definitions", "levels", "precision"]
}

extension DocumentReader {
    mutating func problem(_ field: Field?) -> Problem? {
        guard let fields = fields(field, wanted: "an object", known: Problem.fields) else { return nil }
        let precision = precision(fields["precision"])
        var names = NameRegistry()
        let name = string(fields["name"])
        let data = data(fields["data"], names: &names)
        let samples = samples(fields["samples"], names: &names)
        let definitions = definitions(fields["definitions"], names: &names)
        if fields["levels"] == nil { fault(fields.pointer, .missingField, "a problem has \"levels\"") }
        let levels = levels(fields["levels"], names: &names)
        return Problem(
            name: name, precision: precision, data: data, samples: samples, definitions: definitions, levels: levels,
            unreadable: unreadableNames(of: fields), lacksNames: lacksNames(fields))
    }

    private mutating func precision(_ field: Field?) -> Precision {
        guard let field, let name = string(field) else { return .float64 }
        if let precision = Precision.allCases.first(where: { $0.name == name }) { return precision }
        let message = "wanted \"float64\" or \"float32\", came \"\(Excerpts.cut(name))\""
        fault(field.pointer, .unknownName, message)
        return .float64
    }

    private mutating func definitions(_ field: Field?, names: inout NameRegistry) -> [Definition] {
        var definitions: [Definition] = []
        for (name, field) in named(field, wanted: "an object of formulas") ?? [] {
            names.add(name, as: .definition, at: field.pointer, into: &self)
            guard let formula = formula(field) else { continue }
            definitions.append(Definition(name: name, pointer: field.pointer, formula: formula))
        }
        return definitions
    }

    // MARK: - Samples

    private mutating func samples(_ field: Field?, names: inout NameRegistry) -> [SampleAxis] {
        var axes: [SampleAxis] = []
        var owners: [String: String] = [:]
        for (name, field) in named(field, wanted: "an object of sample axes") ?? [] {
            names.add(name, as: .sample, at: field.pointer, into: &self)
            guard let fields = fields(field, wanted: "a sample axis", known: ["arrays", "batch"]) else { continue }
            let arrays = sampledArrays(fields, axis: name, owners: &owners, names: names)
            let batch = whole(fields["batch"], in: 1...Int.max)
            axes.append(SampleAxis(name: name, pointer: field.pointer, arrays: arrays, batch: batch))
        }
        return axes
    }

    /// The arrays of one axis: entries of `data` that no other axis has; `owners` maps an array to its axis.
    private mutating func sampledArrays(
        _ fields: Fields, axis: String, owners: inout [String: String], names: NameRegistry
    ) -> [String] {
        guard let field = fields["arrays"] else {
            fault(fields.pointer, .missingField, "a sample axis has \"arrays\"")
            return []
        }
        guard let arrays = strings(field, wanted: "a list of data names") else { return [] }
        if arrays.isEmpty { fault(field.pointer, .outOfRange, "a sample axis has at least one array") }
        for (index, array) in arrays.enumerated() {
            let pointer = JSONPointer.child(field.pointer, index)
            if !names.contains(array, of: .data) {
                let hint = suggestion(for: array, among: names.names(of: .data))
                fault(pointer, .unknownName, "there is no data entry \"\(Excerpts.cut(array))\"", hint: hint)
            } else if let owner = owners[array] {
                fault(pointer, .samplingError, "\"\(array)\" is already an array of the sample axis \"\(owner)\"")
            } else {
                owners[array] = axis
            }
        }
        return arrays
    }

    // MARK: - Data

    private mutating func data(_ field: Field?, names: inout NameRegistry) -> [DataEntry] {
        var entries: [DataEntry] = []
        for (name, field) in named(field, wanted: "an object of arrays") ?? [] {
            names.add(name, as: .data, at: field.pointer, into: &self)
            guard let source = dataSource(field) else { continue }
            entries.append(DataEntry(name: name, pointer: field.pointer, source: source))
        }
        return entries
    }

    private mutating func dataSource(_ field: Field) -> DataSource? {
        let kinds = ["value", "csr", "dataset", "random"]
        let wanted = "an object with \"value\", \"csr\", \"dataset\" or \"random\""
        guard let entry = map(field, wanted: wanted) else { return nil }
        let present = kinds.filter { entry[$0] != nil }
        guard present.count == 1 else {
            // With none of them, a mistyped name deserves its hint.
            if present.isEmpty { _ = fields(field, wanted: "an object", known: kinds + Self.datasetFields) }
            let message =
                "a data entry has exactly one of \"value\", \"csr\", \"dataset\", \"random\"; this has \(present.count)"
            fault(field.pointer, present.isEmpty ? .missingField : .dataError, message)
            return nil
        }
        let known = present == ["dataset"] ? Self.datasetFields : present
        guard let fields = fields(field, wanted: "an object", known: known) else { return nil }
        if let value = fields["value"] { return tensor(value, keepingIntegers: true).map { .value($0) } }
        if let sparse = fields["csr"] { return sparseMatrix(sparse).map { .sparse($0) } }
        if let random = fields["random"] { return randomArray(random).map { .generated($0) } }
        return datasetSelection(fields).map { .dataset($0) }
    }

    private mutating func datasetSelection(_ fields: Fields) -> DatasetSelection? {
        let dataset = string(fields["dataset"], wanted: "the name of a data set")
        if dataset == "", let field = fields["dataset"] {
            fault(field.pointer, .invalidName, "the name of a data set is not empty")
        }
        let part = datasetPart(fields)
        var rows: RowRange?
        if let field = fields["rows"], let text = string(field, wanted: "rows such as \"0:300\"") {
            rows = RowRange(text)
            if rows == nil {
                let message = "wanted rows such as \"0:300\", \":300\" or \"300:\", came \"\(Excerpts.cut(text))\""
                fault(field.pointer, .wrongType, message)
            }
        }
        guard let dataset, let part else { return nil }
        return DatasetSelection(dataset: dataset, part: part, rows: rows)
    }

    private static let datasetFields = ["dataset", "array", "columns", "rows", "features", "first_index", "dense"]

    /// A table's columns, or one of the arrays of labelled sparse rows, which "array" names.
    private mutating func datasetPart(_ fields: Fields) -> DatasetPart? {
        guard let array = fields["array"] else {
            refuse(["features", "first_index", "dense"], in: fields, because: "needs \"array\": \"features\"")
            return columns(fields["columns"]).map { .columns($0) }
        }
        refuse(["columns"], in: fields, because: "selects from a table, not from labelled rows")
        switch word(array, as: LabelledArray.self) {
        case .features:
            return .features(
                FeatureSelection(
                    count: whole(fields["features"], in: 1...SparseMatrix.dimensionLimit),
                    firstIndex: whole(fields["first_index"], in: 0...1), isDense: bool(fields["dense"]) ?? false))
        case .labels:
            refuse(["features", "first_index", "dense"], in: fields, because: "needs \"array\": \"features\"")
            return .labels
        case nil: return nil
        }
    }

    private enum LabelledArray: String, CaseIterable {
        case features, labels
    }

    private mutating func refuse(_ names: [String], in fields: Fields, because reason: String) {
        for name in names {
            if let field = fields[name] { fault(field.pointer, .wrongArgument, "\"\(name)\" \(reason)") }
        }
    }

    private mutating func columns(_ field: Field?) -> ColumnSelection? {
        guard let field else { return .all }
        if let name = field.value.text { return .single(name) }
        guard let names = strings(field, wanted: "a column's name or a list of them") else { return nil }
        if names.isEmpty {
            fault(field.pointer, .outOfRange, "wanted at least one column")
            return nil
        }
        return .names(names)
    }

    private mutating func randomArray(_ field: Field) -> RandomArray? {
        let entry = map(field, wanted: "an object")
        let isUniform = entry?["uniform"] != nil
        if isUniform, entry?["normal"] != nil {
            fault(field.pointer, .dataError, "a random array has \"normal\" or \"uniform\", this has both")
            return nil
        }
        let known = isUniform ? ["uniform", "low", "high", "seed"] : ["normal", "scale", "seed"]
        guard let fields = fields(field, wanted: "an object", known: known) else { return nil }
        let seed = seed(fields["seed"]) ?? 0
        guard let shapeField = fields[isUniform ? "uniform" : "normal"] else {
            fault(field.pointer, .missingField, "a random array has \"normal\" or \"uniform\" with its shape")
            return nil
        }
        let shape = shape(shapeField)
        let scale = nonnegative(fields["scale"]) ?? 1
        let low = number(fields["low"]) ?? 0
        let high = number(fields["high"]) ?? 1
        if isUniform, low > high {
            fault(
                field.pointer, .outOfRange,
                "\"low\" \(Printable.number(low)) is above \"high\" \(Printable.number(high))")
        }
        guard let shape else { return nil }
        let distribution: RandomArray.Distribution = isUniform ? .uniform(low: low, high: high) : .normal
        return RandomArray(distribution: distribution, shape: shape, scale: scale, seed: seed)
    }
}
