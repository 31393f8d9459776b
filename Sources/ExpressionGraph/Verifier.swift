// States which graphs are legal: what every pass may rely on and must leave behind. Tests run it after each pass.
import Tensors

/// A breach of the rules that every node of a graph obeys.
package enum GraphViolation: Hashable, Sendable {
    /// An operand does not stand before its user.
    case operandOrder(NodeID, operand: NodeID)
    /// The operation takes another number of operands; `concatenate` takes at least one.
    case operandCount(NodeID, expected: Int, actual: Int)
    /// The operands and the operation give another shape.
    case shape(NodeID, expected: Shape, actual: Shape)
    /// The operands' shapes do not suit the operation, or its result cannot be made from them.
    case operandShapes(NodeID)
    /// A dimension that the operation names does not exist, or is not of the kind that it needs.
    case axis(NodeID, axis: Int)
    case permutation(NodeID, [Int])
    /// A range of a slice or pad leaves the dimension, or does not move.
    case range(NodeID, dimension: Int)
    /// An input without a symbol, a dimension that is negative or of an unknown sample axis.
    case unknownSymbol(NodeID)
    case dimension(NodeID, Int)
    /// A sparse array is read by something else than a product or a transpose, the matrix of a sparse product is no
    /// sparse input, or a sparse input is no data matrix.
    case sparse(NodeID)
    /// The same operation on the same operands exists already.
    case duplicate(NodeID, of: NodeID)
    /// A function that the node carries breaks the rules, or takes other arguments.
    case function(NodeID)
}

/// Checks the rules, node by node.
package struct GraphVerifier {
    private let nodes: [Node]
    private let symbols: [Symbol]
    private let axes: [SampleAxisInfo]
    /// Whether the bodies of functions are looked at too.
    let checksFunctions: Bool

    /// The parts of a graph, which may break every rule.
    package init(nodes: [Node], symbols: [Symbol], axes: [SampleAxisInfo], checksFunctions: Bool = true) {
        self.checksFunctions = checksFunctions
        self.nodes = nodes
        self.symbols = symbols
        self.axes = axes
    }

    /// All of a graph.
    package init(_ graph: Graph, checksFunctions: Bool = true) {
        self.init(nodes: graph.nodes, symbols: graph.symbols, axes: graph.axes, checksFunctions: checksFunctions)
    }

    /// Every breach, by node; empty for a legal graph. Linear in the size of the graph.
    package func violations() -> [GraphViolation] {
        var first: [Node: NodeID] = [:]
        var result: [GraphViolation] = []
        for (index, node) in nodes.enumerated() {
            let id = NodeID(index: index)
            if let original = first[node] { result.append(.duplicate(id, of: original)) }
            first[node] = first[node] ?? id
            let late = node.operands.filter { $0.index < 0 || $0 >= id }
            result += late.map { .operandOrder(id, operand: $0) }
            result += dimensionFaults(id, node)
            if late.isEmpty { result += sparseFaults(id, node) + faults(id, node) }
        }
        return result
    }

    private func dimensionFaults(_ id: NodeID, _ node: Node) -> [GraphViolation] {
        node.shape.dimensions.indices.compactMap { i in
            switch node.shape[i] {
            case .size(let n): n < 0 ? .dimension(id, i) : nil
            case .axis(let axis): axes.indices.contains(axis.index) ? nil : .dimension(id, i)
            }
        }
    }

    private func sparseFaults(_ id: NodeID, _ node: Node) -> [GraphViolation] {
        let isSparse = node.operands.map { isSparseInput(nodes[$0.index]) || isSparseTranspose(nodes[$0.index]) }
        let isLegal: Bool
        switch node.operation {
        case .input(let symbol):
            guard symbols.indices.contains(symbol.index), symbols[symbol.index].isSparse else { return [] }
            isLegal = node.shape.rank == 2 && !node.shape[1].isAxis && symbols[symbol.index].role == .data
        case .sparseProduct:
            isLegal = node.operands.first.map { isSparseInput(nodes[$0.index]) } == true && isSparse.last == false
        case .transpose: isLegal = isSparse != [true] || isSparseTranspose(node)
        case .constant, .unary, .binary, .select, .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum,
            .matmul, .factor, .factoredSolve, .logDeterminant, .reshape, .slice, .pad, .concatenate, .take, .takeAdd,
            .oneHot:
            isLegal = !isSparse.contains(true)
        // A function takes a sparse input as one of its own.
        case .function: isLegal = !node.operands.contains { isSparseTranspose(nodes[$0.index]) }
        }
        return isLegal ? [] : [.sparse(id)]
    }

    private func isSparseInput(_ node: Node) -> Bool {
        guard case .input(let symbol) = node.operation, symbols.indices.contains(symbol.index) else { return false }
        return symbols[symbol.index].isSparse
    }

    private func isSparseTranspose(_ node: Node) -> Bool {
        guard node.operation == .transpose([1, 0]), let operand = node.operands.first else { return false }
        return isSparseInput(nodes[operand.index])
    }

    private func faults(_ id: NodeID, _ node: Node) -> [GraphViolation] {
        let wanted = operandCount(node.operation)
        if let wanted, wanted != node.operands.count {
            return [.operandCount(id, expected: wanted, actual: node.operands.count)]
        }
        if wanted == nil && node.operands.isEmpty { return [.operandCount(id, expected: 1, actual: 0)] }
        let shapes = node.operands.map { nodes[$0.index].shape }
        return faults(id, node, shapes)
    }

    /// `nil` for any number from one on.
    private func operandCount(_ operation: Operation) -> Int? {
        switch operation {
        case .input, .constant: 0
        case .unary, .broadcast, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .factor, .logDeterminant,
            .transpose, .reshape, .slice, .pad, .oneHot:
            1
        case .binary, .matmul, .sparseProduct, .factoredSolve, .take, .takeAdd: 2
        case .select: 3
        case .concatenate: nil
        case .function(let function): function.operandCount
        }
    }

    private func faults(_ id: NodeID, _ node: Node, _ x: [Shape]) -> [GraphViolation] {
        switch node.operation {
        case .input(let symbol):
            guard symbols.indices.contains(symbol.index) else { return [.unknownSymbol(id)] }
            return expect(symbols[symbol.index].shape, id, node)
        case .constant: return []
        case .unary, .binary, .select: return x.flatMap { expect($0, id, node) }
        case .broadcast: return Shape.broadcast(x[0], node.shape) == node.shape ? [] : [.operandShapes(id)]
        case .sumTo: return isOneRun(x[0], node.shape) ? [] : [.operandShapes(id)]
        case .extremum(_, let axis), .logSumExp(let axis):
            return withAxis(axis, x[0], id) { expect(x[0].replacing(axis, with: .size(1)), id, node) }
        case .softmax(let axis), .cumulativeSum(let axis, _):
            return withAxis(axis, x[0], id) { expect(x[0], id, node) }
        case .matmul(let transposeA, let transposeB): return matmul(id, node, x, transposeA, transposeB)
        case .factor(let kind):
            guard x[0].rank >= 2, x[0].matrixRows == x[0].matrixColumns else { return [.operandShapes(id)] }
            return expect(x[0].factors(kind), id, node)
        case .factoredSolve(let kind, _): return solved(id, node, x, kind)
        case .logDeterminant:
            guard let matrix = factored(x[0], .lu) else { return [.operandShapes(id)] }
            return expect(Shape(matrix.stack), id, node)
        case .sparseProduct(let transposed): return matmul(id, node, x, transposed, false)
        case .transpose(let permutation):
            guard permutation.sorted() == Array(0..<x[0].rank) else { return [.permutation(id, permutation)] }
            return expect(Shape(permutation.map { x[0][$0] }), id, node)
        case .reshape: return sameElements(x[0], node.shape) ? [] : [.operandShapes(id)]
        case .slice(let ranges): return sliced(id, ranges, of: x[0]) + expect(Shape(ranges.map(\.count)), id, node)
        case .pad(let ranges):
            return sliced(id, ranges, of: node.shape) + (x[0] == Shape(ranges.map(\.count)) ? [] : [.operandShapes(id)])
        case .concatenate(let axis): return withAxis(axis, x[0], id) { concatenated(id, node, x, axis) }
        case .take(let axis), .takeAdd(let axis): return gathered(id, node, x, axis)
        case .oneHot:
            guard let classes = node.shape.dimensions.last, !classes.isAxis,
                node.shape.dimensions.dropLast() == x[0].dimensions[...]
            else { return [.operandShapes(id)] }
            return []
        case .function(let function): return functionFaults(function, id, node, x)
        }
    }

    private func expect(_ shape: Shape, _ id: NodeID, _ node: Node) -> [GraphViolation] {
        shape == node.shape ? [] : [.shape(id, expected: shape, actual: node.shape)]
    }

    private func withAxis(
        _ axis: Int, _ shape: Shape, _ id: NodeID, _ check: () -> [GraphViolation]
    ) -> [GraphViolation] {
        shape.dimensions.indices.contains(axis) ? check() : [.axis(id, axis: axis)]
    }

    /// A `sumTo` node reduces one run of neighbouring dimensions and keeps the rank, as its kernel does.
    private func isOneRun(_ source: Shape, _ target: Shape) -> Bool {
        guard source.rank == target.rank else { return false }
        let reduced = (0..<source.rank).filter { source[$0] != target[$0] }
        guard let first = reduced.first, let last = reduced.last else { return false }
        return (first...last).allSatisfy { target[$0].isOne }
    }

    private func matmul(
        _ id: NodeID, _ node: Node, _ x: [Shape], _ transposeA: Bool, _ transposeB: Bool
    ) -> [GraphViolation] {
        guard x[0].rank >= 2, x[0].rank == x[1].rank, let stack = Shape.commonStack(x[0], x[1]),
            (transposeA ? x[0].matrixRows : x[0].matrixColumns) == (transposeB ? x[1].matrixColumns : x[1].matrixRows)
        else { return [.operandShapes(id)] }
        let rows = transposeA ? x[0].matrixColumns : x[0].matrixRows
        let columns = transposeB ? x[1].matrixRows : x[1].matrixColumns
        let whole = Shape(stack + [rows, columns])
        return node.shape == whole.withoutStack && x[0].stack == x[1].stack ? [] : expect(whole, id, node)
    }

    /// The shape of the matrices whose factors these are.
    private func factored(_ factors: Shape, _ kind: Factorization) -> Shape? {
        guard factors.rank >= 3 else { return nil }
        let matrix = factors.removing(factors.rank - 3)
        return matrix.matrixRows == matrix.matrixColumns && matrix.factors(kind) == factors ? matrix : nil
    }

    private func solved(_ id: NodeID, _ node: Node, _ x: [Shape], _ kind: Factorization) -> [GraphViolation] {
        guard let matrix = factored(x[0], kind), x[1].rank == matrix.rank, matrix.matrixRows == x[1].matrixRows,
            let stack = Shape.commonStack(matrix, x[1])
        else { return [.operandShapes(id)] }
        return expect(Shape(stack + [x[1].matrixRows, x[1].matrixColumns]), id, node)
    }

    /// The same sample axes in the same order, and as many elements of fixed size.
    private func sameElements(_ a: Shape, _ b: Shape) -> Bool {
        func fixed(_ shape: Shape) -> Int? { shape.elementCount { _ in 1 } }
        return a.axes == b.axes && fixed(a) != nil && fixed(a) == fixed(b)
    }

    private func sliced(_ id: NodeID, _ ranges: [SliceRange], of shape: Shape) -> [GraphViolation] {
        guard ranges.count == shape.rank else { return [.operandShapes(id)] }
        return ranges.indices.compactMap { isInside(ranges[$0], shape[$0]) ? nil : .range(id, dimension: $0) }
    }

    private func isInside(_ range: SliceRange, _ dimension: Dimension) -> Bool {
        guard case .size(let count) = range.count else { return range == .all(dimension) }
        let size: Int
        switch dimension {
        case .size(let n): size = n
        case .axis(let axis): size = axes.indices.contains(axis.index) ? axes[axis.index].rows : 0
        }
        if count == 0 { return true }
        let last = (count - 1).multipliedReportingOverflow(by: range.step)
        guard count > 0, !last.overflow, range.step != 0 || count == 1 else { return false }
        return (0..<size).contains(range.start) && (0..<size).contains(range.start + last.partialValue)
    }

    private func concatenated(_ id: NodeID, _ node: Node, _ x: [Shape], _ axis: Int) -> [GraphViolation] {
        var total = 0
        for shape in x {
            guard shape.rank == x[0].rank, shape.removing(axis) == x[0].removing(axis), case .size(let n) = shape[axis]
            else { return [.operandShapes(id)] }
            total += n
        }
        return expect(x[0].replacing(axis, with: .size(total)), id, node)
    }

    private func gathered(_ id: NodeID, _ node: Node, _ x: [Shape], _ axis: Int) -> [GraphViolation] {
        let isTranspose = if case .takeAdd = node.operation { true } else { false }
        let whole = isTranspose ? node.shape : x[0]
        guard whole.dimensions.indices.contains(axis), !whole[axis].isAxis else { return [.axis(id, axis: axis)] }
        let picked = whole.replacing(axis, with: x[1].dimensions)
        if isTranspose { return x[0] == picked ? [] : [.operandShapes(id)] }
        return expect(picked, id, node)
    }
}
