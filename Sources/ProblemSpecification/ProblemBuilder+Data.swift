// Arrays: loaded, rounded to the document's precision, declared as inputs along their sample axes; and labels that must
// lie in a set.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Tensors

extension ProblemBuilder {
    mutating func loadData(_ resolve: DatasetResolver) -> [String: DataValue] {
        var values: [String: DataValue] = [:]
        for entry in document.data {
            switch entry.source {
            case .value(let tensor): values[entry.name] = .dense(tensor)
            case .sparse(let matrix): values[entry.name] = .sparse(matrix)
            case .generated(let random):
                let count = Shapes.elementCount(random.shape) ?? .max
                if commit(count, vectors: 1, to: entry.name, at: entry.pointer) {
                    values[entry.name] = .dense(generate(random, name: entry.name))
                }
            case .dataset(let selection):
                switch resolve(entry, selection) {
                case .success(let value): values[entry.name] = value
                case .failure(let fault):
                    report(entry.pointer, .dataError, fault.message, fault.hint)
                    scope.faulty.insert(entry.name)
                }
            }
        }
        return values
    }

    /// The arrays in numbers of the document's precision, or reports those that it cannot hold.
    mutating func rounded(_ values: [String: DataValue]) -> [String: DataValue] {
        guard document.precision != .float64 else { return values }
        var result = values
        for entry in document.data {
            guard let value = values[entry.name] else { continue }
            if let number = value.firstValue(beyond: document.precision) {
                report(
                    entry.pointer, .outOfRange,
                    "\(entry.name) holds \(Printable.number(number)), which \(document.precision.name) cannot hold"
                        + (value.isInteger ? " exactly" : ""),
                    "leave out \"precision\" to compute in float64")
                scope.faulty.insert(entry.name)
            }
            result[entry.name] = value.rounded(to: document.precision)
        }
        return result
    }

    private func generate(_ random: RandomArray, name: String) -> Tensor {
        var stream = RandomStream(seed: random.seed, stream: "data/\(name)")
        let count = Shapes.elementCount(random.shape) ?? 0
        let values: [Double]
        switch random.distribution {
        case .normal: values = (0..<count).map { _ in random.scale * stream.normal() }
        case .uniform(let low, let high): values = (0..<count).map { _ in low + (high - low) * stream.uniform() }
        }
        // As many values as the shape holds.
        return try! Tensor(shape: random.shape, values: values)
    }

    /// Rows of a batch where the document does not say.
    private static let defaultBatch = 64

    mutating func declareAxes(_ values: [String: DataValue]) {
        var owners: [String: String] = [:]
        for axis in document.samples {
            let rows = rows(of: axis, values, &owners)
            if let rows, let batch = axis.batch, batch > rows {
                batchFaults.append(
                    Diagnostic(
                        pointer: "\(axis.pointer)/batch", code: .outOfRange,
                        message: "a batch of \(batch) is larger than the \(rows) rows of \(axis.name)",
                        hint: "give at most \(rows), or leave \"batch\" out"))
            }
            if rows == nil { lostAxes.insert(axis.name) }
            let id = graph.addAxis(name: axis.name, rows: rows ?? 1)
            let expansion = graph.addInput("expansion of \(axis.name)", shape: .scalar, role: .value)
            axes.append(
                MultilevelOptimization.SampleAxis(
                    name: axis.name, id: id, rows: rows ?? 1, batch: min(axis.batch ?? Self.defaultBatch, rows ?? 1),
                    expansion: expansion))
            scope.expansion[id] = expansion
        }
    }

    /// How many rows the arrays of an axis share; `nil` where none of them tells.
    private mutating func rows(
        of axis: ProblemSpecification.SampleAxis, _ values: [String: DataValue], _ owners: inout [String: String]
    ) -> Int? {
        let declared = Set(document.data.map(\.name))
        var rows: Int?
        // The faults of names that could not be read are reported.
        for name in axis.arrays where !scope.faulty.contains(name) {
            if let other = owners.updateValue(axis.name, forKey: name) {
                report(axis.pointer, .wrongArgument, "\(name) is listed under the samples \(other) already")
            }
            guard declared.contains(name) else {
                let hint = Suggestions.nearest(to: name, among: document.data.map(\.name))
                report(
                    axis.pointer, .unknownName, "no data array is called \(Printable.quote(name))",
                    hint.map { "did you mean \"\($0)\"?" })
                continue
            }
            guard let value = values[name] else { continue }
            guard let count = value.shape.first, count > 0 else {
                report(axis.pointer, .shapeMismatch, "\(name) has no rows, so it cannot be sampled")
                continue
            }
            if let rows, rows != count {
                report(
                    axis.pointer, .shapeMismatch,
                    "the arrays of samples need equally many rows; \(axis.arrays[0]) has \(rows), \(name) has \(count)"
                )
                scope.faulty.formUnion(axis.arrays)
                lostAxes.insert(axis.name)
            }
            rows = rows ?? count
        }
        return rows
    }

    mutating func declareData(_ values: [String: DataValue]) {
        var places: [String: Int] = [:]
        for (index, axis) in document.samples.enumerated() { for name in axis.arrays { places[name] = index } }
        for entry in document.data {
            guard let value = values[entry.name], !scope.faulty.contains(entry.name) else { continue }
            var shape = Shape(sizes: value.shape)
            if let index = places[entry.name], shape.rank > 0 {
                shape = shape.replacing(0, with: .axis(axes[index].id))
            }
            let node = graph.addInput(entry.name, shape: shape, role: .data, storage: storage(value))
            scope.names[entry.name] = Expression(node: node, isInteger: value.isInteger)
            arrays.append(DataArray(name: entry.name, node: node, value: value))
            shapes.append((entry.name, node))
        }
    }

    private func storage(_ value: DataValue) -> SymbolStorage {
        switch value {
        case .dense: .dense
        case .sparse(let matrix): .sparse(entries: matrix.entryCount)
        }
    }

    /// Labels and indices are checked on the data themselves.
    mutating func checkRequirements(_ requirements: [DataRequirement]) {
        for requirement in requirements {
            let plan = ProgramPlan(graph, outputs: [requirement.node])
            guard plan.memoryBytes <= memoryBytes - committedNumbers * MemoryLayout<Double>.stride else {
                report(
                    requirement.fault.pointer, .limitExceeded,
                    "to look at the labels takes \(plan.memoryBytes) bytes, more than what is left of the "
                        + "\(memoryBytes) bytes that the job may use")
                continue
            }
            let program = Program(plan)
            for array in arrays { program.bind(array.node, to: array.value.memory(in: .float64)) }
            for axis in axes { program.write(1, to: axis.expansion) }
            program.run()
            let values = program.result(0)
            guard let index = values.firstIndex(where: { !requirement.kind.admits($0) }) else { continue }
            let fault = requirement.fault
            diagnostics.report(.error, fault.appending("; entry \(index) is \(Printable.number(values[index]))"))
        }
    }
}

extension DataRequirement.Kind {
    /// Whether a value lies in the set.
    fileprivate func admits(_ value: Double) -> Bool {
        switch self {
        case .signs: value == 1 || value == -1
        case .zeroOrOne: value == 0 || value == 1
        case .integers(let count): value >= 0 && value < Double(count) && value == value.rounded()
        }
    }
}
