// Groups the factors of products anew, so that what changes seldom is multiplied seldom: a·(b·c) with a and b slow and
// c fast becomes (a·b)·c. A pass from graph to graph; the values are the same up to rounding.
import Tensors

/// Regroups products of numbers, and products of data matrices where that pays.
///
/// Numbers: the factors of a product that nobody else reads are multiplied in the order in which they change, when that
/// leaves fewer multiplications to every run.
///
/// Matrices: A·(B·x) becomes (A·B)·x when A and B are given once. The one product more must be worth it: see
/// ``ProductCost``. Numerically the Gram matrix is no worse where it counts here: both ways have an error of a few
/// ε‖A‖‖B‖‖x‖, but A·(B·x) is more exact for the x that B nearly maps to 0. A residual, Aᵀ(A·x − b), is therefore never
/// expanded, and solvers that rely on such x (singular values of A below √ε of the largest) meet the limits of the
/// normal equations a little sooner. In float32 the product A·B is computed in doubles and rounded once, so that the error
/// ½ε|A·B||x| which that leaves is below the bound kε|A||B||x| of the inner products it replaces.
struct Regrouping {
    private(set) var graph: Graph
    private(set) var outputs: [NodeID]
    /// Products of data that are made once in place of two that every run would take.
    private(set) var prepared: Set<NodeID> = []
    private let slots: SlotTable
    private let rows: [Int]
    private let order: [NodeID]
    private let dependences: [SlotSet]
    private var readers: [Int]
    /// Products that are only a factor of another product, as fast as they are.
    private var absorbed: Set<NodeID> = []
    private var image: [NodeID: NodeID] = [:]

    /// - Parameter rows: of every sample axis, at the most.
    init(_ graph: Graph, outputs: [NodeID], slots: SlotTable, rows: [Int]) {
        self.graph = graph
        self.graph.association.isConsulted = false
        self.outputs = outputs
        self.slots = slots
        self.rows = rows
        order = graph.reachable(from: outputs)
        dependences = slots.dependences(graph, order)
        readers = [Int](repeating: 0, count: graph.nodes.count)
        for id in order { for operand in graph[id].operands { readers[operand.index] += 1 } }
        for id in outputs { readers[id.index] += 1 }
        for id in order where graph.operation(id) == .binary(.multiply) {
            for factor in graph[id].operands where graph.operation(factor) == .binary(.multiply) {
                if readers[factor.index] == 1 && dependence(factor) == dependence(id) { absorbed.insert(factor) }
            }
        }
    }

    /// Rebuilds the outputs. Nothing changes where nothing is gained.
    mutating func run() {
        guard Set(order.map { dependences[$0.index] }).count > 1 else { return }
        for id in order {
            let node = graph[id]
            let operands = node.operands.map { image[$0] ?? $0 }
            if let better = regrouped(id, node) {
                image[id] = better
            } else if operands != node.operands {
                image[id] = graph.rebuild(node, operands, node.shape)
            }
        }
        outputs = outputs.map { image[$0] ?? $0 }
    }

    private mutating func regrouped(_ id: NodeID, _ node: Node) -> NodeID? {
        switch node.operation {
        case .binary(.multiply): regroupedFactors(id)
        case .matmul(let transposeA, let transposeB) where node.shape.rank == 2:
            regroupedChain(id, node, transposeA, transposeB)
        case .input, .constant, .unary, .binary, .select, .broadcast, .sumTo, .extremum, .logSumExp, .softmax,
            .cumulativeSum, .matmul, .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape,
            .slice, .pad,
            .concatenate, .take, .takeAdd, .oneHot, .function:
            nil
        }
    }

    private func dependence(_ id: NodeID) -> SlotSet { dependences[id.index] }
    private func current(_ id: NodeID) -> NodeID { image[id] ?? id }

    // MARK: - Products of numbers

    private mutating func regroupedFactors(_ id: NodeID) -> NodeID? {
        guard !absorbed.contains(id) else { return nil }
        let (factors, products) = self.factors(of: id)
        guard factors.count > 2 else { return nil }
        let isNumber = graph.shape(id).isSingleElement
        let arrays = groups(factors.filter { isNumber || !isRepeatedNumber($0) })
        let numbers = groups(factors.filter { !isNumber && isRepeatedNumber($0) })
        let left = fastProducts(arrays, dependence(id)) + (arrays.isEmpty || numbers.isEmpty ? 0 : 1)
        guard products > left else { return nil }
        switch (product(numbers), product(arrays)) {
        case (let number?, let array?): return graph.multiply(number, array)
        case (let only?, nil), (nil, let only?): return only
        case (nil, nil): return nil
        }
    }

    /// The factors of a product, products inside it that nobody else reads taken apart, and the number of products.
    private func factors(of id: NodeID) -> (factors: [NodeID], products: Int) {
        var factors: [NodeID] = []
        var products = 0
        var stack = [id]
        while let next = stack.popLast() {
            if next == id || absorbed.contains(next) {
                products += 1
                stack += graph[next].operands.reversed()
            } else {
                factors.append(next)
            }
        }
        return (factors, products)
    }

    /// A number is multiplied where the others are, at no cost: making an array of it and a slow one would cost memory.
    private func isRepeatedNumber(_ id: NodeID) -> Bool {
        switch graph.operation(id) {
        case .constant: true
        case .broadcast: graph.shape(graph[id].operands[0]).isSingleElement
        case .input, .unary, .binary, .select, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul,
            .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .reshape, .slice, .pad, .concatenate,
            .take, .takeAdd,
            .oneHot, .function:
            false
        }
    }

    private typealias Group = (dependence: SlotSet, factors: [NodeID])

    /// Factors by what they depend on, those that change seldom first.
    private func groups(_ factors: [NodeID]) -> [Group] {
        Dictionary(grouping: factors, by: dependence).sorted { SlotSet.precedes($0.key, $1.key) }
            .map { ($0.key, $0.value) }
    }

    private mutating func product(_ groups: [Group]) -> NodeID? {
        var result: NodeID?
        for group in groups {
            let part = group.factors.dropFirst().reduce(current(group.factors[0])) { graph.multiply($0, current($1)) }
            result = result.map { graph.multiply($0, part) } ?? part
        }
        return result
    }

    /// The multiplications that are left to runs in which `whole` changes.
    private func fastProducts(_ groups: [Group], _ whole: SlotSet) -> Int {
        var seen = SlotSet.none
        var count = 0
        for (index, group) in groups.enumerated() {
            if group.dependence == whole { count += group.factors.count - 1 }
            seen = seen.union(group.dependence)
            if index > 0 && seen == whole { count += 1 }
        }
        return count
    }

    // MARK: - Products of matrices

    private struct Factor {
        let node: NodeID
        let isTransposed: Bool
    }

    private mutating func regroupedChain(
        _ id: NodeID, _ node: Node, _ transposeA: Bool, _ transposeB: Bool
    ) -> NodeID? {
        let a = Factor(node: node.operands[0], isTransposed: transposeA)
        let b = Factor(node: node.operands[1], isTransposed: transposeB)
        if let (first, second) = factors(of: b), pays(a, first, x: second, vectors: sizes(second).columns) {
            let gram = multiply(a, first)
            return graph.matmul(gram, current(second.node), transposeB: second.isTransposed)
        }
        if let (first, second) = factors(of: a), pays(second, b, x: first, vectors: sizes(first).rows) {
            let gram = multiply(second, b)
            return graph.matmul(current(first.node), gram, transposeA: first.isTransposed)
        }
        return nil
    }

    private mutating func multiply(_ a: Factor, _ b: Factor) -> NodeID {
        let product = graph.matmul(
            current(a.node), current(b.node), transposeA: a.isTransposed, transposeB: b.isTransposed)
        prepared.insert(product)
        return product
    }

    /// The factors of a matrix that is itself a product, which nobody else reads.
    private func factors(of factor: Factor) -> (Factor, Factor)? {
        guard readers[factor.node.index] == 1,
            case .matmul(let transposeA, let transposeB) = graph.operation(factor.node)
        else { return nil }
        let operands = graph[factor.node].operands
        let a = Factor(node: operands[0], isTransposed: transposeA != factor.isTransposed)
        let b = Factor(node: operands[1], isTransposed: transposeB != factor.isTransposed)
        return factor.isTransposed ? (b, a) : (a, b)
    }

    /// Whether to multiply `a` and `b` once instead of one after the other with the `vectors` of `x` every time.
    private func pays(_ a: Factor, _ b: Factor, x: Factor, vectors: Int) -> Bool {
        guard dependence(a.node) == .none, dependence(b.node) == .none, dependence(x.node) != .none else {
            return false
        }
        let (first, second) = (sizes(a), sizes(b))
        return ProductCost(rows: first.rows, inner: first.columns, columns: second.columns, vectors: vectors).pays
    }

    private func sizes(_ factor: Factor) -> (rows: Int, columns: Int) {
        let sizes = graph.shape(factor.node).sizes { rows[$0.index] }
        return factor.isTransposed ? (sizes[1], sizes[0]) : (sizes[0], sizes[1])
    }
}

/// What multiplying two matrices beforehand costs and saves.
package struct ProductCost {
    /// The matrices are [rows, inner] and [inner, columns]; their product meets `vectors` vectors a run.
    private let rows: Int
    private let inner: Int
    private let columns: Int
    private let vectors: Int

    package init(rows: Int, inner: Int, columns: Int, vectors: Int) {
        self.rows = rows
        self.inner = inner
        self.columns = columns
        self.vectors = vectors
    }

    /// How often the product has to be used at the least: less often than any solver uses it.
    private static let runs = 100.0
    /// Operations of a matrix-matrix product for each number that a matrix-vector product fetches from memory in the
    /// same time: about 2·10¹⁰ a second against 10⁹.
    private static let operationsPerNumber = 16.0

    /// Whether the product is no larger than half of what a run reads now, and the runs make good for it.
    package var pays: Bool {
        guard min(rows, inner, columns, vectors) > 0 else { return false }
        let (m, k, l) = (Double(rows), Double(inner), Double(columns))
        let read = m * k + k * l
        guard 2 * m * l <= read else { return false }
        let saved = (read - m * l) * max(1, 2 * Double(vectors) / Self.operationsPerNumber)
        return 2 * m * k * l <= Self.runs * saved * Self.operationsPerNumber
    }
}
