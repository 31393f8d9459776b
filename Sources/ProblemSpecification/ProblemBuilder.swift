// From a decoded document and its data to a checked problem: names, axes, variables, objectives, each fault with its
// place. What is returned can be solved.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

/// A checked problem with what its report and its methods need to know.
package struct BuiltProblem: Sendable {
    package let problem: MultilevelProblem
    /// The shape of every name, as users write shapes, in document order.
    package let shapes: [(name: String, shape: String)]
    /// The expressions that the document asks about, and their shapes.
    package let expressions: [(formula: String, shape: String)]
    /// For every level, why batches cannot estimate its objective; `nil` when they can.
    package let samplingFaults: [Diagnostic?]
}

/// Finds the array that a data entry selects.
package typealias DatasetResolver = (DataEntry, DatasetSelection) -> Result<DataValue, DatasetFault>

/// Why a data set could not be read: a sentence, and a hint where there is one.
package struct DatasetFault: Error, Equatable {
    package let message: String
    package let hint: String?

    package init(message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// Builds the problem of a document.
package struct ProblemBuilder {
    let document: Problem
    let seed: UInt64
    let memoryBytes: Int
    /// Numbers that the declared arrays and variables are certain to take.
    var committedNumbers = 0
    var diagnostics = Diagnostics()
    var graph = Graph()
    var arrays: [DataArray] = []
    var axes: [MultilevelOptimization.SampleAxis] = []
    /// Where the document's form has faults that are reported.
    private var known: [String] = []
    private(set) var scope = FormulaScope()
    /// Sample axes whose number of rows is not known, for the faults of their arrays.
    private var lostAxes: Set<String> = []
    var variables: [[Variable]] = []
    /// Where the levels start, outer ones first, as far as that is known.
    var levelStarts: [[Double]] = []
    private var shapes: [(name: String, node: NodeID)] = []
    private let asked: [String]
    private var answers: [(formula: String, node: NodeID)] = []

    /// Builds, or reports every fault. A document with faults of its form is looked at as far as it could be read.
    ///
    /// - Parameters:
    ///   - seed: of random starts.
    ///   - memoryBytes: what the run may take. Only what the document declares is priced here, and that before it is
    ///     allocated.
    ///   - expressions: formulas whose shapes are asked for.
    ///   - resolve: reads data sets.
    package static func build(
        _ document: Problem, seed: UInt64, memoryBytes: Int = .max, expressions: [String] = [],
        resolve: DatasetResolver, into diagnostics: inout Diagnostics
    ) -> BuiltProblem? {
        var builder = ProblemBuilder(
            document: document, seed: seed, memoryBytes: memoryBytes, expressions: expressions)
        builder.diagnostics = diagnostics
        builder.known = diagnostics.kept.map(\.pointer)
        let built = builder.run(resolve)
        diagnostics = builder.diagnostics
        return diagnostics.hasErrors ? nil : built
    }

    private init(document: Problem, seed: UInt64, memoryBytes: Int, expressions: [String]) {
        asked = expressions
        self.document = document
        scope.faulty = document.unreadable
        scope.lacksNames = document.lacksNames
        self.seed = seed
        self.memoryBytes = memoryBytes
    }

    /// Sets memory aside for `vectors` times `count` numbers, or reports that there is not enough.
    private mutating func commit(_ count: Int, vectors: Int, to name: String, at pointer: String) -> Bool {
        let (product, overflow) = count.multipliedReportingOverflow(by: vectors)
        let room = memoryBytes / MemoryLayout<Double>.stride - committedNumbers
        guard !overflow, product <= room else {
            report(
                pointer, .limitExceeded,
                "\(name) holds \(count) numbers, which take more memory than the \(memoryBytes) bytes that the job may use"
            )
            scope.faulty.insert(name)
            return false
        }
        committedNumbers += product
        return true
    }

    private mutating func run(_ resolve: DatasetResolver) -> BuiltProblem? {
        checkLevels()
        let values = rounded(loadData(resolve))
        declareAxes(values)
        declareData(values)
        declareVariables()
        parseDefinitions()
        let levels = lowerLevels()
        guard let levels, !diagnostics.hasErrors else { return nil }
        let problem = MultilevelProblem(
            graph: graph, levels: levels.map(\.level), data: arrays, axes: axes, precision: document.precision)
        let describer = Lowering(graph: graph, scope: scope)
        return BuiltProblem(
            problem: problem, shapes: shapes.map { ($0.name, describer.describe(graph.shape($0.node))) },
            expressions: answers.map { ($0.formula, describer.describe(graph.shape($0.node))) },
            samplingFaults: levels.map(\.samplingFault))
    }

    /// Reports a fault, unless it is one of numbers and the form's fault at this very place, or below it, told of it.
    mutating func report(_ pointer: String, _ code: DiagnosticCode, _ message: String, _ hint: String? = nil) {
        let isOfNumbers = code == .shapeMismatch || code == .outOfRange
        if isOfNumbers, known.contains(where: { $0 == pointer || $0.hasPrefix(pointer + "/") }) { return }
        diagnostics.report(
            .error, Diagnostic(pointer: pointer, code: code, message: message, hint: hint))
    }

    /// The outermost level has something to minimise or maximise.
    private mutating func checkLevels() {
        guard let outermost = document.levels.first, case .fixedPoint = outermost.objective else { return }
        report(
            "\(outermost.pointer)/fixed_point", .levelError,
            "the outermost level minimizes or maximizes; a fixed point may stand at any level below it")
    }

    // MARK: - Data

    private mutating func loadData(_ resolve: DatasetResolver) -> [String: DataValue] {
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
    private mutating func rounded(_ values: [String: DataValue]) -> [String: DataValue] {
        guard document.precision != .float64 else { return values }
        var result = values
        for entry in document.data {
            guard let value = values[entry.name] else { continue }
            if let number = value.firstValue(beyond: document.precision) {
                report(
                    entry.pointer, .outOfRange,
                    "\(entry.name) holds \(number), which \(document.precision.name) cannot hold"
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

    private mutating func declareAxes(_ values: [String: DataValue]) {
        var owner: [String: String] = [:]
        let declared = Set(document.data.map(\.name))
        for axis in document.samples {
            var rows: Int?
            for name in axis.arrays {
                // Names that could not be read, and whose faults are reported.
                if scope.faulty.contains(name) { continue }
                if let other = owner.updateValue(axis.name, forKey: name) {
                    report(axis.pointer, .wrongArgument, "\(name) is listed under the samples \(other) already")
                }
                guard declared.contains(name) else {
                    let hint = Suggestions.nearest(to: name, among: document.data.map(\.name))
                    report(
                        axis.pointer, .unknownName, "no data array is called \(Printable.quote(name))",
                        hint.map { "did you mean \($0)?" })
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

    private mutating func declareData(_ values: [String: DataValue]) {
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

    // MARK: - Variables

    private mutating func declareVariables() {
        for level in document.levels {
            var declared: [Variable] = []
            for variable in level.variables where !scope.faulty.contains(variable.name) {
                var shape = Shape(sizes: variable.shape)
                var sizes = variable.shape
                var axisID: AxisID?
                if let name = variable.per {
                    if lostAxes.contains(name) {
                        scope.faulty.insert(variable.name)
                        continue
                    }
                    guard let axis = axes.first(where: { $0.name == name }) else {
                        let hint = Suggestions.nearest(to: name, among: axes.map(\.name))
                        report(
                            "\(variable.pointer)/per", .unknownName,
                            "no samples are called \(Printable.quote(name))", hint.map { "did you mean \($0)?" })
                        scope.faulty.insert(variable.name)
                        continue
                    }
                    shape = Shape([.axis(axis.id)] + shape.dimensions)
                    sizes = [axis.rows] + sizes
                    axisID = axis.id
                }
                guard let count = Shapes.elementCount(sizes), count <= Lowering.elementLimit else {
                    report(
                        "\(variable.pointer)/shape", .shapeOverflow,
                        "\(variable.name) would hold too many numbers; at most \(Lowering.elementLimit) are allowed")
                    scope.faulty.insert(variable.name)
                    continue
                }
                let vectors = MemoryPrice.vectorsPerVariable
                guard commit(count, vectors: vectors, to: variable.name, at: "\(variable.pointer)/shape") else {
                    continue
                }
                let node = graph.addInput(variable.name, shape: shape, role: .value)
                scope.names[variable.name] = Expression(node: node, dependsOnVariables: true)
                declared.append(Variable(name: variable.name, shape: sizes, node: node, axis: axisID))
                shapes.append((variable.name, node))
            }
            variables.append(declared)
        }
    }

    // MARK: - Formulas

    private mutating func parseDefinitions() {
        for definition in document.definitions where !scope.faulty.contains(definition.name) {
            guard let tree = Parser.parse(definition.formula, pointer: definition.pointer, into: &diagnostics) else {
                scope.faulty.insert(definition.name)
                continue
            }
            scope.definitions[definition.name] = tree
        }
    }

    private mutating func lowerLevels() -> [(level: Level, samplingFault: Diagnostic?)]? {
        var lowering = Lowering(graph: graph, scope: scope)
        lowering.diagnostics = diagnostics
        lowering.lowerDefinitions(document.definitions.map(\.name))
        var objectives: [Expression?] = []
        var maps: [[NodeID]?] = []
        var terms: [LevelTerms] = []
        for (index, level) in document.levels.enumerated() {
            let map = lowerMaps(level, index, &lowering)
            var objective = map?.residual ?? lowerObjective(level, &lowering)
            terms.append(lowerTerms(level, index, &objective, &lowering))
            lowerConstraints(level, &lowering)
            objectives.append(objective)
            maps.append(map?.nodes)
        }
        describeFormulas(&lowering)
        graph = lowering.graph
        diagnostics = lowering.diagnostics
        for (index, level) in document.levels.enumerated() { checkRows(level, index, lowering) }
        // Labels can be looked at as soon as all data are there, whatever else is wrong.
        if arrays.count == document.data.count { checkRequirements(lowering.requirements) }
        var result: [(Level, Diagnostic?)] = []
        for (index, specification) in document.levels.enumerated() where index < variables.count {
            let start = startValues(specification, index, terms[index].starts)
            let constraint = constraint(specification, index)
            checkWeights(terms[index])
            levelStarts.append(start)
            guard let objective = objectives[index], let constraint, !diagnostics.hasErrors else { continue }
            if index > 0 { checkLowerSet(constraint, specification, index) }
            result.append(level(specification, index, objective, maps[index], start, constraint, terms[index]))
        }
        return result.count == document.levels.count ? result : nil
    }

    /// Finds the nodes whose shapes reports tell: definitions, and expressions that the document asks about.
    private mutating func describeFormulas(_ lowering: inout Lowering) {
        for definition in document.definitions {
            if let expression = lowering.definition(definition.name) {
                shapes.append((definition.name, expression.node))
            }
        }
        for (index, formula) in asked.enumerated() {
            let pointer = JSONPointer.child("/expressions", index)
            guard let tree = Parser.parse(formula, pointer: pointer, into: &lowering.diagnostics),
                let expression = lowering.lower(tree)
            else { continue }
            answers.append((formula, expression.node))
        }
    }

    private func level(
        _ specification: LevelSpecification, _ index: Int, _ objective: Expression, _ maps: [NodeID]?,
        _ start: [Double], _ constraint: ConvexSet, _ terms: LevelTerms
    ) -> (Level, Diagnostic?) {
        let sense: Sense
        switch specification.objective {
        case .maximize: sense = .maximize
        case .minimize, .fixedPoint, .unreadable: sense = .minimize
        }
        let fault = objective.samplingFault ?? (index > 0 ? perFault(specification) : nil)
        let level = Level(
            name: specification.name, variables: variables[index], sense: sense, objective: objective.node,
            fixedPoint: maps, constraint: constraint, start: start, norms: terms.norms,
            startFormulas: index == 0 ? [] : terms.starts.filter(\.moves).map(\.formula), samplingFault: fault?.message)
        return (level, fault)
    }

    /// Methods that draw batches do not solve single rows of a deeper level yet.
    private func perFault(_ specification: LevelSpecification) -> Diagnostic? {
        specification.variables.first { $0.per != nil }.map {
            Diagnostic(
                pointer: "\($0.pointer)/per", code: .unsupported,
                message: "\($0.name) has one entry per sample of a level below the outermost, which methods that draw "
                    + "batches do not solve row by row yet", hint: "use a full-batch method such as aid-cg")
        }
    }

    /// The maps of a fixed-point level in the order of its variables, and ½‖z − Φ(z)‖²; `nil` for other levels and
    /// where a fault was reported.
    private func lowerMaps(
        _ level: LevelSpecification, _ index: Int, _ lowering: inout Lowering
    ) -> (nodes: [NodeID], residual: Expression)? {
        guard case .fixedPoint(let maps) = level.objective, index > 0, index < variables.count else { return nil }
        var nodes: [NodeID] = []
        var total = lowering.graph.constant(0)
        for variable in variables[index] {
            guard let map = maps.first(where: { $0.variable == variable.name }),
                let tree = Parser.parse(map.formula, pointer: map.pointer, into: &lowering.diagnostics),
                let value = lowering.lower(tree)
            else { continue }
            let wanted = lowering.graph.shape(variable.node)
            let shape = lowering.graph.shape(value.node)
            guard Shape.broadcast(shape, wanted) == wanted else {
                let message =
                    "the map of \(variable.name) is \(lowering.describe(shape)), "
                    + "the variable is \(lowering.describe(wanted))"
                lowering.diagnostics.report(
                    .error, tree.diagnostic(at: tree.root, code: .shapeMismatch, message: message))
                continue
            }
            let node = lowering.graph.broadcast(value.node, to: wanted)
            let difference = lowering.graph.subtract(variable.node, node)
            let square = lowering.graph.dot(difference, difference)
            total = lowering.graph.add(total, lowering.graph.scale(0.5, square))
            nodes.append(node)
        }
        guard nodes.count == variables[index].count else { return nil }
        return (nodes, Expression(node: total, dependsOnVariables: true))
    }

    /// The minimised objective of a level.
    private func lowerObjective(_ level: LevelSpecification, _ lowering: inout Lowering) -> Expression? {
        let formula: String
        let pointer: String
        let negates: Bool
        switch level.objective {
        case .minimize(let text, let place): (formula, pointer, negates) = (text, place, false)
        case .maximize(let text, let place): (formula, pointer, negates) = (text, place, true)
        case .fixedPoint, .unreadable: return nil
        }
        guard let tree = Parser.parse(formula, pointer: pointer, into: &lowering.diagnostics),
            var expression = lowering.lower(tree)
        else { return nil }
        let shape = lowering.graph.shape(expression.node)
        guard shape.isSingleElement else {
            let message = "an objective is one number; this is \(lowering.describe(shape))"
            lowering.diagnostics.report(
                .error,
                tree.diagnostic(
                    at: tree.root, code: .shapeMismatch, message: message, hint: "write mean(…) or sum(…) around it"))
            return nil
        }
        checkDependence(level, expression, tree, &lowering)
        expression.node = lowering.graph.reshape(expression.node, to: .scalar)
        if negates { expression.node = lowering.graph.negate(expression.node) }
        return expression
    }

    private func checkDependence(
        _ level: LevelSpecification, _ expression: Expression, _ tree: SyntaxTree, _ lowering: inout Lowering
    ) {
        let isOutermost = level.pointer == document.levels.first?.pointer
        let own = variables[document.levels.firstIndex { $0.pointer == level.pointer } ?? 0].map(\.node)
        let candidates = isOutermost ? variables.flatMap { $0 }.map(\.node) : own
        let inputs = Set(lowering.graph.inputs(of: [expression.node]))
        guard !candidates.isEmpty, inputs.isDisjoint(with: candidates) else { return }
        let message =
            isOutermost
            ? "the objective depends on no variable" : "the objective does not depend on the level's own variables"
        lowering.diagnostics.report(
            .error, tree.diagnostic(at: tree.root, code: .levelError, message: message))
    }

    // MARK: - Data requirements

    /// Labels and indices are checked on the data themselves.
    private mutating func checkRequirements(_ requirements: [DataRequirement]) {
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
            diagnostics.report(.error, fault.appending("; entry \(index) is \(values[index])"))
        }
    }

    // MARK: - Starts

    private mutating func startValues(
        _ level: LevelSpecification, _ index: Int, _ formulas: [LoweredStart]
    ) -> [Double] {
        var values: [Double] = []
        let specifications = specifications(of: level)
        for (position, variable) in variables[index].enumerated() {
            guard let specification = specifications[variable.name] else { continue }
            if let formula = formulas.first(where: { $0.formula.variable == position }) {
                values += evaluate(formula.formula.node)
            } else {
                values += start(specification, variable, level: level.name)
            }
        }
        return values
    }

    func specifications(of level: LevelSpecification) -> [String: VariableSpecification] {
        Dictionary(level.variables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func start(
        _ specification: VariableSpecification, _ variable: Variable, level: String
    ) -> [Double] {
        var stream = RandomStream(seed: seed, stream: "start/\(level)/\(variable.name)")
        switch specification.start {
        case .number(let value): return [Double](repeating: value, count: variable.count)
        case .array(let tensor):
            if let values = broadcast(tensor, to: variable.shape) { return values }
            report(
                "\(specification.pointer)/start", .shapeMismatch,
                "\(variable.name) has the shape \(variable.shape), its start has \(tensor.shape)")
        // Lowered with the level's other formulas; what is left had a fault there.
        case .formula: break
        case .normal(let scale): return (0..<variable.count).map { _ in scale * stream.normal() }
        case .uniform(let low, let high): return (0..<variable.count).map { _ in low + (high - low) * stream.uniform() }
        }
        return [Double](repeating: 0, count: variable.count)
    }

    func broadcast(_ tensor: Tensor, to shape: [Int]) -> [Double]? {
        if tensor.shape == shape { return tensor.values }
        guard Shapes.broadcast(tensor.shape, shape) == shape else { return nil }
        let missing = shape.count - tensor.shape.count
        let strides = Shapes.strides(tensor.shape)
        let target = AlignedBuffer(count: Shapes.elementCount(shape) ?? 0)
        Kernels.float64.stridedCopy(
            tensor.storage.address, target.address, dimensions: shape,
            sourceStrides: shape.indices.map { i in
                i < missing || tensor.shape[i - missing] == 1 ? 0 : strides[i - missing]
            })
        return target.values
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
