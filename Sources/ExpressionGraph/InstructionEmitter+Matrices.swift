// Kernels of products, factorisations and solutions, of matrices and of stacks of them.
import Tensors

/// C = op(A) op(B) with op(A) [m, k] and op(B) [k, n].
struct MatrixProduct {
    let transposeA: Bool
    let transposeB: Bool
    var m: Int
    let n: Int
    var k: Int

    /// With ``BLAS``, into `c` or on top of it.
    func run(
        _ precision: Precision, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
        accumulates: Bool
    ) {
        BLAS.matmul(
            precision, transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: a, b: b, c: c,
            accumulates: accumulates)
    }

    /// Of floats, into `c`.
    func runInDouble(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer) {
        BLAS.matmulInDouble(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: a, b: b, c: c)
    }
}

/// How many matrices there are and how far apart they lie, in elements; 0 for one that serves, or receives, them all.
struct MatrixStack {
    var count: Int
    let strideA: Int
    let strideB: Int
    let strideC: Int

    /// Products one after the other; they are added up where one matrix receives them all.
    func multiply(
        _ precision: Precision, _ product: MatrixProduct, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
        _ c: UnsafeMutableRawPointer
    ) {
        let size = precision.size
        for i in 0..<count {
            product.run(
                precision, a + i * strideA * size, b + i * strideB * size, c + i * strideC * size,
                accumulates: strideC == 0 && i > 0)
        }
    }
}

extension InstructionEmitter {
    func product(_ plan: ProductPlan) -> Instruction {
        let graph = schedule.graph
        let shapes = graph[plan.node].operands.map(graph.shape)
        let a = sizes(shapes[0])
        let c = sizes(plan.node)
        var product = MatrixProduct(
            transposeA: plan.transposeA, transposeB: plan.transposeB, m: c[c.count - 2], n: c[c.count - 1],
            k: a[a.count - (plan.transposeA ? 2 : 1)])
        // Lowering and derivatives make operands with a common stack.
        let stack = Shape.commonStack(shapes[0], shapes[1]).map(Shape.init) ?? .scalar
        var layout = MatrixStack(
            count: count(sizes(stack)), strideA: stride(shapes[0]), strideB: stride(shapes[1]),
            strideC: stride(graph.shape(plan.node)))
        collapse(&product, &layout)
        let isInDouble = schedule.isInDouble(plan, precision)
        return Instruction(
            kernel: isInDouble
                ? .gemmInDouble(product) : layout.count == 1 ? single(product) : .gemmStack(product, layout),
            sources: [slot(plan.a), slot(plan.b)], destinations: [slot(plan.node)])
    }

    /// The distance between the matrices of a stack; 0 where there is but one.
    private func stride(_ shape: Shape) -> Int {
        shape.stack.allSatisfy(\.isOne) ? 0 : count(sizes(Shape([shape.matrixRows, shape.matrixColumns])))
    }

    /// Stacks that lie in memory like one tall matrix become one product.
    private func collapse(_ product: inout MatrixProduct, _ layout: inout MatrixStack) {
        let addsUp = layout.strideC == 0 && layout.strideA != 0
        if layout.count == 1 { return }
        if addsUp && (layout.count == 0 || (product.transposeA && !product.transposeB)) {
            product.k *= layout.count
            layout.count = 1
        } else if !addsUp && layout.strideB == 0 && !product.transposeA {
            product.m *= layout.count
            layout.count = 1
        }
    }

    private func single(_ product: MatrixProduct) -> Kernel {
        if product.k == 1 && product.m > 0 && product.n > 0 { return .outer(m: product.m, n: product.n) }
        let (rows, columns) = product.transposeA ? (product.k, product.m) : (product.m, product.k)
        if isThin(product) {
            let n = product.n
            return product.transposeA ? .thinT(m: rows, k: columns, n: n) : .thinN(m: rows, k: columns, n: n)
        }
        if isWide(product) {
            return .wideN(m: rows, k: columns, n: product.n, transposed: product.transposeB)
        }
        guard product.n == 1 && columns <= Kernels.gemvMaxColumns && columns > 0 && rows > 0 else {
            return .gemm(product)
        }
        return product.transposeA ? .gemvT(m: rows, k: columns) : .gemvN(m: rows, k: columns)
    }

    /// Whether the kernels for few columns serve: large enough that laying out the second factor is nothing beside it.
    private func isThin(_ product: MatrixProduct) -> Bool {
        let (m, n, k) = (product.m, product.n, product.k)
        guard !product.transposeB && n >= 2 && n <= Kernels.thinMaxColumns else { return false }
        return product.transposeA ? m >= 16 && k >= 8 : m >= 16 && k >= 32
    }

    /// Whether the kernel for many rows serves: the second factor is small beside the first, and stays in a cache.
    private func isWide(_ product: MatrixProduct) -> Bool {
        let (m, n, k) = (product.m, product.n, product.k)
        guard !product.transposeA && n > Kernels.thinMaxColumns && k >= 8 && m >= 64 else { return false }
        return n * k <= Self.wideFactorLimit
    }

    /// Elements of a second factor that the wide kernel takes; larger ones are left to BLAS, which blocks for all caches.
    static var wideFactorLimit: Int { 1 << 17 }

    /// Lays out the second factor of a product that ``RowLoop/laid`` names.
    func layout(_ plan: ProductPlan) -> Instruction {
        let factor = factorSizes(plan)
        return Instruction(
            kernel: .layWide(k: factor.k, n: factor.n, transposed: plan.transposeB), sources: [slot(plan.b)],
            destinations: [laidSlot(plan)])
    }

    /// The product with the factor that is laid out.
    func laidProduct(_ plan: ProductPlan) -> Instruction {
        let factor = factorSizes(plan)
        return Instruction(
            kernel: .wideLaid(m: sizes(plan.node)[0], k: factor.k, n: factor.n),
            sources: [slot(plan.a), laidSlot(plan)], destinations: [slot(plan.node)])
    }

    private func factorSizes(_ plan: ProductPlan) -> (k: Int, n: Int) {
        let stored = sizes(schedule.graph[plan.node].operands[1])
        return plan.transposeB ? (stored[1], stored[0]) : (stored[0], stored[1])
    }

    private func laidSlot(_ plan: ProductPlan) -> Int {
        guard let slot = laid[plan.node] else { preconditionFailure("a factor without memory for its layout") }
        return slot
    }

    func productPair(_ first: ProductPlan, _ second: ProductPlan) -> Instruction {
        let a = sizes(schedule.graph.shape(schedule.graph[first.node].operands[0]))
        return Instruction(
            kernel: first.transposeA ? .gemvT2(m: a[0], k: a[1]) : .gemvN2(m: a[0], k: a[1]),
            sources: [slot(first.a), slot(first.b), slot(second.b)],
            destinations: [slot(first.node), slot(second.node)])
    }

    func factor(_ kind: Factorization, _ source: [Int]) -> Kernel {
        .factor(kind, n: source[source.count - 1], count: count(Array(source.dropLast(2))))
    }

    func solve(_ kind: Factorization, _ transposed: Bool, _ factors: [Int], _ rhs: [Int]) -> Kernel {
        let (n, columns) = (rhs[rhs.count - 2], rhs[rhs.count - 1])
        let (a, b) = (count(Array(factors.dropLast(3))), count(Array(rhs.dropLast(2))))
        // One of the two stacks may be a single matrix; an empty stack stays empty.
        let total = a == 1 ? b : b == 1 ? a : min(a, b)
        return .solve(
            kind, transposed: transposed, n: n, columns: columns,
            MatrixStack(
                count: total, strideA: a == 1 ? 0 : kind.planes * n * n, strideB: b == 1 ? 0 : n * columns,
                strideC: n * columns))
    }
}
