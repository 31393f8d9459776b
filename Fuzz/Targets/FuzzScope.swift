// The names that fuzzed formulas find: data and variables of every kind of shape, two sample axes, definitions.
import ExpressionGraph
import ExpressionLanguage
import Tensors

/// A scope with numbers for all of its names.
struct FuzzScope {
    /// Bytes of the largest program that is run. A product of two arrays within it takes milliseconds.
    private static let memoryLimit = 1 << 20

    private(set) var graph = Graph()
    private(set) var names = FormulaScope()
    private(set) var variables: [NodeID] = []
    let train: AxisID
    let validation: AxisID
    private let big: NodeID
    /// The sparse data matrix.
    private let sparse: (node: NodeID, matrix: SparseMatrix)
    private var values: [NodeID: [Double]] = [:]

    init() {
        big = graph.addInput("big", shape: Shape(sizes: [50_000, 40_000]), role: .data)
        train = graph.addAxis(name: "train", rows: 5)
        validation = graph.addAxis(name: "validation", rows: 4)
        for axis in [train, validation] {
            names.expansion[axis] = graph.addInput("expansion", shape: .scalar, role: .value)
        }
        // Rows and columns that begin, end and are empty.
        let matrix = try! SparseMatrix(  // the numbers make a matrix
            rows: 5, columns: 3, starts: [0, 1, 3, 3, 4, 5], columnIndices: [1, 0, 2, 2, 0],
            values: [0.5, -1.5, 2, 0, 0.25])
        sparse = (
            graph.addInput(
                "S", shape: [.axis(train), .size(3)], role: .data, storage: .sparse(entries: matrix.entryCount)), matrix
        )
        names.names["S"] = Expression(node: sparse.node)
        declareData()
        declareVariables()
        // Two that need others, and two that need themselves.
        define("margin", "X @ w")
        define("loss", "mean((margin - y)^2) + s")
        define("loop", "pool + 1")
        define("pool", "loop * 2")
    }

    private mutating func declareData() {
        add("X", [.axis(train), .size(3)], isVariable: false)
        add("y", [.axis(train)], isVariable: false, [1, -1, -1, 1, 1])
        add("k", [.axis(train)], isVariable: false, [0, 2, 1, 1, 0], isInteger: true)
        add("Z", [.axis(validation), .size(3)], isVariable: false)
        add("z", [.axis(validation)], isVariable: false, [0, 1, 1, 0])
        add("A", [.size(2), .size(3)], isVariable: false)
        add("B", [.size(2), .size(3), .size(2)], isVariable: false)
        add("D", [.size(3), .size(3)], isVariable: false)
        add("e", [.size(0)], isVariable: false)
        add("i", [.size(4)], isVariable: false, [2, 0, 1, 1], isInteger: true)
        // Only ever described: numbers for it would take 16 GB.
        names.names["big"] = Expression(node: big)
    }

    private mutating func declareVariables() {
        add("w", [.size(3)], isVariable: true)
        add("u", [.size(2)], isVariable: true)
        add("s", [], isVariable: true)
        add("V", [.size(3), .size(2)], isVariable: true)
        add("a", [.axis(train)], isVariable: true)
        add("λ", [.size(1)], isVariable: true)
    }

    /// Numbers are 0.1, −0.2, 0.3, … unless given: no two alike, so that a permutation shows.
    private mutating func add(
        _ name: String, _ dimensions: [Dimension], isVariable: Bool, _ given: [Double]? = nil, isInteger: Bool = false
    ) {
        let shape = Shape(dimensions)
        let node = graph.addInput(name, shape: shape, role: isVariable ? .value : .data)
        let count = elementCount(shape)
        values[node] = given ?? (0..<count).map(Self.number)
        names.names[name] = Expression(node: node, isInteger: isInteger, dependsOnVariables: isVariable)
        if isVariable { variables.append(node) }
    }

    private static func number(_ index: Int) -> Double {
        let size = Double(index + 1) / 10
        return index.isMultiple(of: 2) ? size : -size
    }

    private mutating func define(_ name: String, _ formula: String) {
        var diagnostics = Diagnostics()
        names.definitions[name] = Parser.parse(formula, pointer: "/definitions/\(name)", into: &diagnostics)
    }

    func elementCount(_ shape: Shape) -> Int { shape.elementCount { graph.axes[$0.index].rows } ?? .max }

    // MARK: - Running

    /// Whether the plan is small, and there are numbers for all that it reads.
    func canRun(_ plan: ProgramPlan) -> Bool {
        plan.memoryBytes <= Self.memoryLimit && !(plan.graph.inputs(of: plan.outputs).contains { $0 == big })
    }

    /// The values of a plan's outputs over all rows.
    ///
    /// - Parameters:
    ///   - extra: numbers for inputs that are not of this scope.
    ///   - factor: of every variable.
    func run(_ plan: ProgramPlan, extra: [NodeID: [Double]] = [:], factor: Double = 1) -> [[Double]] {
        let program = Program(plan)
        fill(program, extra)
        if factor != 1 {
            for variable in variables where program.uses(variable) {
                program.write((values[variable] ?? []).map { factor * $0 }, to: variable)
            }
        }
        program.run()
        return plan.outputs.indices.map { Array(program.result($0)) }
    }

    /// Writes the drawn rows of every variable along the first axis, as selecting rows demands.
    func writeRows(_ rows: Range<Int>, to program: Program) {
        for variable in variables where program.uses(variable) && isPerSample(variable) {
            guard let numbers = values[variable] else { continue }
            program.write(Array(numbers[rows]), to: variable)
        }
    }

    private func isPerSample(_ node: NodeID) -> Bool { variables.contains(node) && graph.shape(node).axes == [train] }

    /// Gives every input its numbers; those of variables along a drawn axis follow with the rows.
    func fill(_ program: Program, _ extra: [NodeID: [Double]] = [:], isDrawn: Bool = false) {
        for (node, numbers) in values.merging(extra, uniquingKeysWith: { $1 }) where program.uses(node) {
            guard case .input(let symbol) = program.graph.operation(node) else { continue }
            if isDrawn && isPerSample(node) { continue }
            switch program.graph.symbols[symbol.index].role {
            case .data: program.bind(node, to: AlignedBuffer(numbers))
            case .value: program.write(numbers, to: node)
            }
        }
        if program.uses(sparse.node) { program.bind(sparse.node, to: sparse.matrix) }
        for factor in names.expansion.values { program.write(1, to: factor) }
    }
}
