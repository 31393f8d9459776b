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
    /// Batches that the document gives and that are larger than their axes: methods on batches refuse them, others have
    /// no use for batches.
    package let batchFaults: [Diagnostic]
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
    var batchFaults: [Diagnostic] = []
    /// Where the document's form has faults that are reported.
    var known: [String] = []
    var scope = FormulaScope()
    /// Sample axes whose number of rows is not known, for the faults of their arrays.
    var lostAxes: Set<String> = []
    var variables: [[Variable]] = []
    /// Where the levels start, outer ones first, as far as that is known.
    var levelStarts: [[Double]] = []
    var shapes: [(name: String, node: NodeID)] = []
    let asked: [String]
    var answers: [(formula: String, node: NodeID)] = []

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
    mutating func commit(_ count: Int, vectors: Int, to name: String, at pointer: String) -> Bool {
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
            samplingFaults: levels.map(\.samplingFault), batchFaults: batchFaults)
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
}
