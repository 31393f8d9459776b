// The instructions of a program before sizes and addresses are known: which kernel, on which nodes' memory.
import Tensors

/// One matrix-vector or matrix-matrix product.
struct ProductPlan: Hashable {
    let node: NodeID
    let a: NodeID
    let b: NodeID
    let transposeA: Bool
    let transposeB: Bool
}

extension Schedule {
    /// Whether a product of floats is computed in doubles: it is made once, and stands for two that every run would take,
    /// whose error it must not exceed.
    func isInDouble(_ product: ProductPlan, _ precision: Precision) -> Bool {
        precision == .float32 && prepared.contains(product.node)
    }
}

/// One instruction, with symbolic shapes.
enum PlannedStep: Hashable {
    case block(BlockPlan)
    case product(ProductPlan)
    /// Two matrix-vector products that read one matrix.
    case productPair(ProductPlan, ProductPlan)
    /// A kernel that computes one node from whole operands.
    case single(NodeID)
    /// A node that carries functions, or several of one loop on the same operands: the program is cut here.
    case function([NodeID])
    /// Steps that are executed for one block of rows after the other.
    case rowLoop(RowLoop)

    /// The nodes whose memory the step writes, and those it reads.
    func effects(_ schedule: Schedule) -> (writes: [NodeID], reads: [NodeID]) {
        switch self {
        case .block(let plan):
            var writes: [NodeID] = []
            var reads: [NodeID] = []
            for step in plan.steps {
                switch step.destination {
                case .memory(let id), .accumulator(let id): writes.append(id)
                case .register, .splat: break
                }
                for case .memory(let id) in step.sources { reads.append(id) }
                for case .splat(let id) in step.sources { reads.append(id) }
            }
            return (writes, reads)
        case .product(let plan): return ([plan.node], [plan.a, plan.b])
        case .productPair(let first, let second):
            return ([first.node, second.node], [first.a, first.b, second.b])
        case .single(let id): return ([id], schedule.sources(id).map(\.root))
        case .function(let nodes): return (nodes, schedule.sources(nodes[0]).map(\.root))
        case .rowLoop(let loop): return loop.effects(schedule)
        }
    }
}

/// What the compiler may do; tests hold every combination against the plain one.
package struct CompilationOptions: Hashable, Sendable {
    /// Run chains of elementwise operations in one pass.
    package var fuses: Bool
    /// Run two products with one matrix in one pass.
    package var pairsProducts: Bool
    /// Multiply what changes seldom first.
    package var regroupsProducts: Bool
    /// Execute steps that treat rows alike block by block of rows.
    package var rowLoops: RowLoopChoice

    package init(
        fuses: Bool = true, pairsProducts: Bool = true, regroupsProducts: Bool = true,
        rowLoops: RowLoopChoice = .whereItPays
    ) {
        self.fuses = fuses
        self.pairsProducts = pairsProducts
        self.regroupsProducts = regroupsProducts
        self.rowLoops = rowLoops
    }
}

/// Turns the levels of a schedule into steps.
struct StepPlanner {
    let schedule: Schedule
    let options: CompilationOptions

    /// The steps of one stage, in order.
    func steps(ofStage index: Int) -> [PlannedStep] {
        schedule.stages[index].levels.flatMap(steps)
    }

    private func steps(ofLevel members: [NodeID]) -> [PlannedStep] {
        var groups: [[NodeID]] = []
        var groupOfShape: [Shape: Int] = [:]
        var products: [ProductPlan] = []
        var result: [PlannedStep] = []
        var loops: [SharedLoop: Int] = [:]
        for id in members {
            if schedule.graph.operation(id).function != nil {
                append(id, to: &result, &loops)
            } else if let shape = schedule.blockShape(id) {
                if options.fuses, let index = groupOfShape[shape] {
                    groups[index].append(id)
                } else {
                    groupOfShape[shape] = groups.count
                    groups.append([id])
                }
            } else if let product = product(id) {
                products.append(product)
            } else {
                result.append(.single(id))
            }
        }
        result += pair(products)
        for group in groups {
            var assembler = BlockAssembler(schedule, members: group)
            result += assembler.assemble(fuses: options.fuses).map(PlannedStep.block)
        }
        return result
    }

    private struct SharedLoop: Hashable {
        let loop: Loop
        let operands: [NodeID]
    }

    /// Nodes of one loop on the same operands become one step.
    private func append(_ id: NodeID, to result: inout [PlannedStep], _ loops: inout [SharedLoop: Int]) {
        guard case .function(.loop(let loop, _)) = schedule.graph.operation(id) else {
            result.append(.function([id]))
            return
        }
        let key = SharedLoop(loop: loop, operands: schedule.graph[id].operands)
        if let index = loops[key], case .function(let nodes) = result[index] {
            result[index] = .function(nodes + [id])
        } else {
            loops[key] = result.count
            result.append(.function([id]))
        }
    }

    private func product(_ id: NodeID) -> ProductPlan? {
        let node = schedule.graph[id]
        guard case .matmul(let transposeA, let transposeB) = node.operation else { return nil }
        return ProductPlan(
            node: id, a: schedule.place(node.operands[0]).root, b: schedule.place(node.operands[1]).root,
            transposeA: transposeA, transposeB: transposeB)
    }

    /// Joins matrix-vector products that share their matrix and its transposition.
    private func pair(_ products: [ProductPlan]) -> [PlannedStep] {
        var result: [PlannedStep] = []
        var waiting: [SharedMatrix: ProductPlan] = [:]
        for product in products {
            guard options.pairsProducts, isSmallMatrixVector(product) else {
                result.append(.product(product))
                continue
            }
            let matrix = SharedMatrix(node: product.a, isTransposed: product.transposeA)
            if let partner = waiting.removeValue(forKey: matrix) {
                result.append(.productPair(partner, product))
            } else {
                waiting[matrix] = product
            }
        }
        return result + waiting.values.sorted { $0.node < $1.node }.map(PlannedStep.product)
    }

    private struct SharedMatrix: Hashable {
        let node: NodeID
        let isTransposed: Bool
    }

    private func isSmallMatrixVector(_ product: ProductPlan) -> Bool {
        let matrix = matrixShape(product)
        let result = schedule.graph.shape(product.node)
        guard result.rank == 2, result[1].isOne, case .size(let columns) = matrix.columns else {
            return false
        }
        return columns <= Kernels.gemvMaxColumns
    }

    /// The stored shape of A, before its transposition.
    private func matrixShape(_ product: ProductPlan) -> (rows: Dimension, columns: Dimension) {
        let shape = schedule.graph.shape(schedule.graph[product.node].operands[0])
        return (shape[0], shape[1])
    }
}
