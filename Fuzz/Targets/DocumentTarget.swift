// Documents: text → value → document → problem → method → price, then a few iterations where they are cheap. The same
// way that the service admits and solves, with data sets that need no files.
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors

enum DocumentTarget {
    /// Bytes that a job may ask for, and those that a run is given.
    private static let memoryLimit = 64 << 20
    private static let runLimit = 1 << 20

    static func check(_ bytes: [UInt8]) throws(Violation) {
        if let value = try? JSONParser.parse(bytes) {
            try checkWriting(value)
            try checkDocument(value)
        } else if let text = String(validating: bytes, as: UTF8.self), let value = try? YAMLReader.read(text) {
            try checkWriting(value)
            try checkDocument(value)
        }
    }

    /// What is written reads back as what is written the same, in every style. (The values need not be equal: `1.0`
    /// is a real that is written `1`, which reads as an integer.)
    private static func checkWriting(_ value: JSONValue) throws(Violation) {
        for style in JSONWriter.Style.allCases {
            let text = JSONWriter.bytes(value, style: style)
            guard let again = try? JSONParser.parse(text) else {
                throw Violation(description: "\(style) text cannot be read")
            }
            try require(JSONWriter.bytes(again, style: style) == text, "\(style) text reads back as another value")
        }
    }

    private static func checkDocument(_ value: JSONValue) throws(Violation) {
        var diagnostics = Diagnostics()
        let decoded = DocumentDecoder.decodePartially(value, into: &diagnostics)
        try require(decoded != nil || diagnostics.hasErrors, "neither a document nor a fault")
        if let decoded { try checkProblem(decoded, &diagnostics) }
        try FormulaTarget.checkFaults(diagnostics)
    }

    private static func checkProblem(_ document: ProblemDocument, _ diagnostics: inout Diagnostics) throws(Violation) {
        let memoryBytes = min(document.limits.memoryBytes ?? .max, memoryLimit)
        guard
            let built = ProblemBuilder.build(
                document.problem, seed: document.seed, memoryBytes: memoryBytes, resolve: resolve, into: &diagnostics)
        else {
            try require(diagnostics.hasErrors, "neither a problem nor a fault")
            return
        }
        try FormulaTarget.checkGraph(built.problem.graph, "building")
        guard
            let method = MethodResolver.resolve(
                document.method, tolerances: document.tolerances, for: built, into: &diagnostics)
        else {
            try require(diagnostics.hasErrors, "neither a method nor a fault")
            return
        }
        let price = MemoryPrice(built.problem, method)
        guard price.totalBytes <= min(memoryBytes, runLimit) else { return }
        try RunProperty(document: document, problem: built.problem, method: method).check()
    }

    /// Any data set: eight rows of numbers that could be features, labels or classes.
    private static func resolve(_ entry: DataEntry, _ selection: DatasetSelection) -> Result<DataValue, DatasetFault> {
        let rows = 8
        let width: Int?
        var isSparse = false
        switch selection.part {
        case .columns(.all): width = 3
        case .columns(.names(let names)): width = names.count
        case .columns(.single), .labels: width = nil
        case .features(let features):
            width = min(features.count ?? 3, 64)
            isSparse = !features.isDense
        }
        let isInteger = entry.name.hasPrefix("k")
        let values = (0..<(rows * (width ?? 1))).map { Double($0 * 7 % 5) / (isInteger ? 1 : 4) }
        do {
            let tensor = try Tensor(
                shape: width.map { [rows, $0] } ?? [rows], values: values,
                elementType: isInteger ? .integer : .float64)
            return .success(isSparse ? .sparse(try SparseMatrix(tensor)) : .dense(tensor))
        } catch {
            return .failure(DatasetFault(message: "\(error)"))
        }
    }
}
