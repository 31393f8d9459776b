// What the lowering suites share: a scope, a formula lowered in it, its numbers and its faults.
import ExpressionGraph
import ExpressionLanguage
import Tensors
import Testing

/// Names with their arrays, and what became of formulas over them.
final class Lowered {
    private(set) var lowering: Lowering
    private(set) var values: [NodeID: [Double]] = [:]
    private(set) var inputs: [String: NodeID] = [:]
    private(set) var axes: [String: AxisID] = [:]
    private(set) var expansions: [AxisID: NodeID] = [:]

    /// One array of a scope; a dimension is a size or the name of a sample axis.
    struct Array {
        let name: String
        let dimensions: [Dimension]
        let values: [Double]
        let isVariable: Bool
        let isSparse: Bool

        enum Dimension: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
            case size(Int)
            case axis(String)
            init(integerLiteral value: Int) { self = .size(value) }
            init(stringLiteral value: String) { self = .axis(value) }
        }

        /// Data, or a variable; numbers are 0.1, 0.2, … unless given.
        init(
            _ name: String, _ dimensions: [Dimension], isVariable: Bool = false, isSparse: Bool = false,
            _ values: [Double] = []
        ) {
            self.name = name
            self.dimensions = dimensions
            self.values = values
            self.isVariable = isVariable
            self.isSparse = isSparse
        }
    }

    init(_ arrays: [Array], rows: [String: Int] = [:], definitions: [String: String] = [:]) {
        var graph = Graph()
        var axes: [String: AxisID] = [:]
        for (name, count) in rows.sorted(by: { $0.key < $1.key }) {
            let axis = graph.addAxis(name: name, rows: count)
            axes[name] = axis
            expansions[axis] = graph.addInput("weight of \(name)", shape: .scalar, role: .value)
        }
        var scope = FormulaScope(expansion: expansions)
        for array in arrays {
            let shape = Shape(
                array.dimensions.map {
                    switch $0 {
                    case .size(let n): .size(n)
                    case .axis(let name): .axis(axes[name]!)  // the test names its axes
                    }
                })
            let node = graph.addInput(
                array.name, shape: shape, role: array.isVariable ? .value : .data,
                storage: array.isSparse ? .sparse(entries: array.values.count) : .dense)
            let count = shape.elementCount { graph.axes[$0.index].rows } ?? 0
            let defaults = count < 100_000 ? (0..<count).map { Double($0 + 1) / 10 } : []
            values[node] = array.values.isEmpty ? defaults : array.values
            inputs[array.name] = node
            scope.names[array.name] = Expression(node: node, dependsOnVariables: array.isVariable)
        }
        var diagnostics = Diagnostics()
        for (name, text) in definitions {
            scope.definitions[name] = Parser.parse(
                text, pointer: "/problem/definitions/\(name)", into: &diagnostics)
        }
        precondition(diagnostics.isEmpty, diagnostics.rendered)
        lowering = Lowering(graph: graph, scope: scope)
        self.axes = axes
    }

    func lowerDefinitions(_ names: [String]) { lowering.lowerDefinitions(names) }

    func lower(_ formula: String) -> Expression? {
        var diagnostics = Diagnostics()
        guard let tree = Parser.parse(formula, pointer: "/problem/levels/1/minimize", into: &diagnostics) else {
            Issue.record("\(diagnostics.rendered)")
            return nil
        }
        return lowering.lower(tree)
    }

    var graph: Graph { lowering.graph }

    /// Each fault as `line:column code`.
    var faults: [String] { lowering.diagnostics.kept.map { Self.brief($0) } }

    static func brief(_ fault: Diagnostic) -> String {
        "\(fault.line ?? 0):\(fault.column ?? 0) \(fault.code.rawValue)"
    }

    /// The value of an expression over all rows.
    func evaluate(_ expression: Expression) -> [Double] {
        let program = Program(graph, outputs: [expression.node])
        fill(program)
        program.run()
        return Swift.Array(program.result(0))
    }

    /// The value of an expression on each of the batches of `size` rows of one axis.
    func evaluateBatches(_ expression: Expression, of axis: String, size: Int) -> [[Double]] {
        let id = axes[axis]!  // the test names its axes
        let rows = graph.axes[id.index].rows
        let program = Program(graph, outputs: [expression.node], batchRows: [id: size])
        fill(program)
        let batches = (rows + size - 1) / size
        program.write(Double(batches), to: expansions[id]!)  // every axis has one
        return (0..<batches).map { batch in
            program.selectRows(of: id, start: batch * size, count: min(size, rows - batch * size))
            program.run()
            return Swift.Array(program.result(0))
        }
    }

    /// Gives every input its numbers, for all rows.
    func fill(_ program: Program) {
        for (node, numbers) in values {
            guard case .input(let symbol) = graph.operation(node) else { continue }
            switch graph.symbols[symbol.index].role {
            case .data where graph.isSparse(node):
                // The test gives as many numbers as the shape holds.
                let sizes = graph.shape(node).sizes { graph.axes[$0.index].rows }
                program.bind(node, to: try! SparseMatrix(Tensor(shape: sizes, values: numbers)))
            case .data: program.bind(node, to: AlignedBuffer(numbers))
            case .value: program.write(numbers, to: node)
            }
        }
        for factor in expansions.values { program.write(1, to: factor) }
    }
}

/// The faults of one formula over data X [train, 3], y [train], Xv [validation, 3], A [2, 3], labels k [train], a matrix
/// `big` [50000, 40000] and variables w [3], u [4], s, per-sample a [train].
func standard(_ definitions: [String: String] = [:]) -> Lowered {
    Lowered(
        [
            .init("X", ["train", 3]), .init("y", ["train"]), .init("Xv", ["validation", 3]), .init("A", [2, 3]),
            .init("k", ["train"], [0, 1, 2, 1, 0, 2, 1]), .init("big", [50_000, 40_000]),
            .init("w", [3], isVariable: true), .init("u", [4], isVariable: true), .init("s", [], isVariable: true),
            .init("a", ["train"], isVariable: true),
        ], rows: ["train": 7, "validation": 5], definitions: definitions)
}
