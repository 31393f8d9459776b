// What plans cost: operations and memory traffic, counted from shapes and not measured.
import Tensors

/// Floating-point operations and bytes of arrays. A count beyond the largest integer stays there.
package struct Cost: Hashable, Sendable {
    /// One for a sum, a product, a comparison or an elementary function of one number; moving numbers costs none.
    package var operations: Int
    /// What is read and written: every array of a step once, however much of it stays in a cache.
    package var bytes: Int

    package static let none = Cost(operations: 0, bytes: 0)

    package init(operations: Int, bytes: Int) {
        self.operations = operations
        self.bytes = bytes
    }

    package func adding(_ other: Cost) -> Cost {
        Cost(operations: operations.adding(other.operations), bytes: bytes.adding(other.bytes))
    }

    package func times(_ count: Int) -> Cost { Cost(operations: operations.times(count), bytes: bytes.times(count)) }
}

extension Int {
    /// The sum of two counts, at most the largest integer.
    package func adding(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product of two counts, at most the largest integer.
    package func times(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}

/// Counts the cost of steps.
struct StepCost {
    let schedule: Schedule
    /// Of every sample axis.
    let rows: [Int]
    /// Bytes of a number.
    let width: Int

    func cost(_ step: PlannedStep) -> Cost {
        switch step {
        case .block(let plan): block(plan)
        case .product(let plan): product(plan)
        case .productPair(let first, let second):
            product(first).adding(product(second)).adding(Cost(operations: 0, bytes: -bytes([first.a])))
        case .single(let id): single(id)
        case .function(let nodes): function(nodes[0])
        case .rowLoop(let loop): rowLoop(loop)
        }
    }

    private func count(_ shape: Shape) -> Int { shape.elementCount { rows[$0.index] } ?? .max }
    private func count(_ id: NodeID) -> Int { count(schedule.graph.shape(id)) }
    private func bytes(_ ids: [NodeID]) -> Int { ids.reduce(0) { $0.adding(count($1).times(width)) } }

    private func block(_ plan: BlockPlan) -> Cost {
        let perElement = plan.steps.reduce(0) { $0 + $1.opcode.operations }
        let arrays = plan.operands.compactMap { value -> Int? in
            switch value {
            case .memory(let id): count(id)
            case .splat, .accumulator: 1
            case .register: nil
            }
        }
        return Cost(
            operations: perElement.times(count(plan.shape)),
            bytes: arrays.reduce(0) { $0.adding($1.times(width)) })
    }

    /// Stacks of products too: as many as the larger stack of factors has, whether they are added up or not.
    private func product(_ plan: ProductPlan) -> Cost {
        let operands = schedule.graph[plan.node].operands.map { schedule.graph.shape($0) }
        let factor = operands[0].sizes { rows[$0.index] }.suffix(2)
        let inner = plan.transposeA ? factor.first ?? 0 : factor.last ?? 0
        let stacks = operands.map { count(Shape(Array($0.dimensions.dropLast(2)))) }
        let result = count(Shape(Array(schedule.graph.shape(plan.node).dimensions.suffix(2))))
        return Cost(
            operations: 2.times(inner).times(result).times(max(stacks[0], stacks[1])),
            bytes: bytes([plan.a, plan.b, plan.node]))
    }

    /// A multiplication and a sum for each stored entry and column; of a batch, the entries that as many rows hold on average.
    private func sparseProduct(_ id: NodeID) -> Cost {
        let graph = schedule.graph
        let node = graph[id]
        guard case .input(let symbol) = graph.operation(node.operands[0]),
            case .sparse(let entries) = graph.symbols[symbol.index].storage
        else { return .none }
        let drawn = count(node.operands[0])
        let whole = graph.shape(node.operands[0]).elementCount { graph.axes[$0.index].rows } ?? .max
        let read = whole == 0 ? 0 : Int(Double(entries) * (Double(drawn) / Double(whole)))
        let columns = graph.shape(id).sizes { rows[$0.index] }.last ?? 1
        return Cost(
            operations: 2.times(read).times(columns),
            bytes: read.times(width + MemoryLayout<Int32>.size).adding(bytes([node.operands[1], id])))
    }

    /// Factors of square matrices, n³/3 multiplications and as many sums for LU, half of that for Cholesky.
    private func factorization(_ kind: Factorization, _ matrices: Shape) -> Int {
        let n = matrices.sizes { rows[$0.index] }.last ?? 0
        let lu = 2.times(n).times(count(matrices)) / 3
        switch kind {
        case .lu: return lu
        case .cholesky: return lu / 2
        }
    }

    /// Kernels of their own. An array that repeats one number is in memory where they read it.
    private func single(_ id: NodeID) -> Cost {
        let node = schedule.graph[id]
        let source = node.operands.first.map(count) ?? 0
        let moved = bytes(node.operands + [id])
        switch node.operation {
        case .sumTo, .extremum, .cumulativeSum: return Cost(operations: source, bytes: moved)
        // Compare, subtract, exp and add; then one logarithm and one sum for each result.
        case .logSumExp: return Cost(operations: source.times(4).adding(count(id).times(2)), bytes: moved)
        // Compare, subtract, exp, add and divide.
        case .softmax: return Cost(operations: source.times(5), bytes: moved)
        case .sparseProduct: return sparseProduct(id)
        case .factor(let kind):
            return Cost(operations: factorization(kind, schedule.graph.shape(node.operands[0])), bytes: moved)
        case .factoredSolve:
            let n = schedule.graph.shape(node.operands[1]).sizes { rows[$0.index] }.suffix(2).first ?? 0
            return Cost(operations: 2.times(n).times(count(id)), bytes: moved)
        // A logarithm and a sum for each entry of the diagonal.
        case .logDeterminant:
            let n = schedule.graph.shape(node.operands[0]).sizes { rows[$0.index] }.last ?? 0
            return Cost(
                operations: 2.times(n).times(count(id)), bytes: bytes([id]).adding(n.times(count(id)).times(width)))
        case .takeAdd: return Cost(operations: source, bytes: moved)
        // Only what is picked is read.
        case .take: return Cost(operations: 0, bytes: bytes([id, id, node.operands[1]]))
        case .slice: return Cost(operations: 0, bytes: bytes([id, id]))
        case .broadcast, .transpose, .pad, .concatenate, .oneHot: return Cost(operations: 0, bytes: moved)
        case .input, .constant, .unary, .binary, .select, .matmul, .reshape, .function: return .none
        }
    }

    /// What lies between the steps of a block of rows stays in the cache and is not counted.
    private func rowLoop(_ loop: RowLoop) -> Cost {
        let effects = loop.effects(schedule)
        let arrays = Set(effects.reads + effects.writes).subtracting(loop.locals)
        return Cost(
            operations: loop.body.reduce(0) { $0.adding(cost($1).operations) }, bytes: bytes(arrays.sorted()))
    }

    /// A loop costs its steps; a solution or a system one evaluation of its function, at the least: how many more it takes
    /// is not known before it is solved.
    private func function(_ id: NodeID) -> Cost {
        switch schedule.graph.operation(id).function {
        case .call(let function): body(function)
        case .solution(let equilibrium): body(equilibrium.residual)
        case .linearSolve(let system, _): body(system.product)
        case .loop(let loop, _): body(loop.body).times(loop.count)
        case nil: .none
        }
    }

    private func body(_ function: GraphFunction) -> Cost {
        ProgramPlan(function.graph, outputs: [function.output]).cost
    }
}

extension BlockOpcode {
    /// Operations for each element.
    fileprivate var operations: Int {
        switch self {
        case .copy: 0
        case .fusedMultiplyAdd, .fusedNegatedMultiplyAdd, .dot: 2
        case .negate, .absolute, .sign, .squareRoot, .square, .reciprocal, .exp, .expm1, .log, .log1p, .sin, .cos,
            .tan, .tanh, .sigmoid, .softplus, .erf, .relu, .isPositive, .add, .subtract, .multiply, .divide, .power,
            .minimum, .maximum, .less, .lessOrEqual, .equal, .select, .sum:
            1
        }
    }
}
