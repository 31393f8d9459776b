// Instructions with sizes and addresses, and the loop that executes them.
import Tensors

/// What one instruction runs.
enum Kernel {
    case block(operations: UnsafeBufferPointer<BlockOp>, operands: UnsafeBufferPointer<BlockOperand>, count: Int)
    case gemvN(m: Int, k: Int)
    case gemvT(m: Int, k: Int)
    case gemvN2(m: Int, k: Int)
    /// Aᵀ (w ∘ (A x)) for A [m, k].
    case weightedGram(m: Int, k: Int)
    case gemvT2(m: Int, k: Int)
    /// A [m, k] times [k, n], few columns.
    case thinN(m: Int, k: Int, n: Int)
    /// The transpose of A [m, k] times [m, n], few columns.
    case thinT(m: Int, k: Int, n: Int)
    /// A [m, k] times [k, n], or times the transpose of [n, k].
    case wideN(m: Int, k: Int, n: Int, transposed: Bool)
    /// Lays out a matrix [k, n], or the transpose of [n, k], for the next.
    case layWide(k: Int, n: Int, transposed: Bool)
    /// A [m, k] times a matrix that is laid out.
    case wideLaid(m: Int, k: Int, n: Int)
    /// A column times a row.
    case outer(m: Int, n: Int)
    case gemm(MatrixProduct)
    /// A product for every matrix of a stack.
    case gemmStack(MatrixProduct, MatrixStack)
    case factor(Factorization, n: Int, count: Int)
    case solve(Factorization, transposed: Bool, n: Int, columns: Int, MatrixStack)
    case logDeterminant(n: Int, count: Int)
    /// A sparse matrix by rows times [., n]: `rows` results.
    case sparseTimes(rows: Int, n: Int)
    case sparseTransposedTimes(rows: Int, n: Int)
    case sparseScatter(rows: Int, columns: Int, n: Int)
    case reduce(Kernels.Reduction, Extents)
    case logSumExp(Extents)
    case softmax(Extents)
    case cumulativeSum(Extents, reverse: Bool)
    /// Reads the source from `offset` with strides.
    case stridedCopy(dimensions: [Int], strides: [Int], offset: Int)
    /// Zeros `count` elements of the destination, then adds each source at its offset with strides.
    case stridedAdd(count: Int, parts: [StridedPart])
    /// Parts that follow each other and fill the destination.
    case join([JoinedPart])
    case take(Extents, count: Int)
    case takeAdd(Extents, count: Int)
    case oneHot(count: Int, classes: Int)
    case rowLoop(RowLoopCode)
}

/// An array seen from one of its dimensions: [outer, middle, inner].
struct Extents {
    let outer: Int
    let middle: Int
    let inner: Int

    init(_ sizes: [Int], axis: Int) { self.init(sizes, axes: axis..<(axis + 1)) }

    /// Neighbouring dimensions as one.
    init(_ sizes: [Int], axes: Range<Int>) {
        outer = sizes[..<axes.lowerBound].reduce(1, *)
        middle = sizes[axes].reduce(1, *)
        inner = sizes[axes.upperBound...].reduce(1, *)
    }

    var count: Int { outer * middle * inner }
}

/// One operand of a concatenation: numbers that stay neighbours.
struct JoinedPart {
    let slot: Int
    let count: Int
    let offset: Int
}

/// One operand of a scatter.
struct StridedPart {
    let slot: Int
    let dimensions: [Int]
    let strides: [Int]
    let offset: Int
}

/// One kernel call: slots of its sources and destinations, in the order in which the kernel names them. Plain numbers, so
/// that the loop below touches no reference count.
struct Instruction {
    let kernel: Kernel
    private(set) var sources: (Int, Int, Int) = (0, 0, 0)
    private(set) var destinations: (Int, Int) = (0, 0)

    init(kernel: Kernel, sources: [Int], destinations: [Int]) {
        self.kernel = kernel
        // Operands beyond the third belong to `stridedAdd`, whose parts name them.
        if sources.count > 0 { self.sources.0 = sources[0] }
        if sources.count > 1 { self.sources.1 = sources[1] }
        if sources.count > 2 { self.sources.2 = sources[2] }
        if destinations.count > 0 { self.destinations.0 = destinations[0] }
        if destinations.count > 1 { self.destinations.1 = destinations[1] }
    }
}

/// The instructions of all stages, with what they point at.
struct CompiledCode {
    var stages: [[Instruction]] = []
    /// Where the instructions of each stage are cut, in order.
    var cuts: [[Cut]] = []
    var memory: CodeMemory?
    /// Of every sample axis.
    var rows: [Int] = []
}

/// Owns the block programs that instructions point at.
final class CodeMemory {
    private var owned: [UnsafeMutableRawPointer] = []

    deinit { for pointer in owned { pointer.deallocate() } }

    /// A copy of `elements` that lives as long as this.
    func keep<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
        _ = copy.initialize(from: elements)
        // A buffer of positive capacity has a base address.
        owned.append(UnsafeMutableRawPointer(copy.baseAddress!))
        return UnsafeBufferPointer(rebasing: copy[..<elements.count])
    }
}

/// Executes instructions in order, on arrays of one precision. `pointers` holds the address of every slot they name.
func execute(
    _ code: UnsafeBufferPointer<Instruction>, _ precision: Precision,
    pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>, scratch: UnsafeMutableRawPointer, ahead: PrefetchQueue
) {
    let kernels = Kernels(precision)
    let size = precision.size
    for index in code.indices {
        let sources = code[index].sources
        let destinations = code[index].destinations
        // Emission gave every slot an address, or the program was run before its data was bound.
        func source(_ operand: Int) -> UnsafeRawPointer {
            UnsafeRawPointer(pointers[operand == 0 ? sources.0 : operand == 1 ? sources.1 : sources.2]!)
        }
        func target(_ operand: Int) -> UnsafeMutableRawPointer {
            pointers[operand == 0 ? destinations.0 : destinations.1]!
        }
        switch code[index].kernel {
        case .block(let operations, let operands, let count):
            kernels.block(operations, operands, pointers: pointers, scratch: scratch, count: count)
        case .gemvN(let m, let k): kernels.gemvN(source(0), m: m, k: k, x: source(1), y: target(0))
        case .gemvT(let m, let k): kernels.gemvT(source(0), m: m, k: k, c: source(1), y: target(0))
        case .gemvN2(let m, let k):
            kernels.gemvN2(source(0), m: m, k: k, x0: source(1), x1: source(2), y0: target(0), y1: target(1))
        case .weightedGram(let m, let k):
            kernels.weightedGram(source(0), m: m, k: k, weights: source(1), x: source(2), y: target(0))
        case .gemvT2(let m, let k):
            kernels.gemvT2(source(0), m: m, k: k, c0: source(1), c1: source(2), y0: target(0), y1: target(1))
        case .thinN(let m, let k, let n):
            kernels.thinN(source(0), m: m, k: k, source(1), n: n, target(0), ahead: ahead)
        case .thinT(let m, let k, let n):
            kernels.thinT(source(0), m: m, k: k, source(1), n: n, target(0), ahead: ahead)
        case .wideN(let m, let k, let n, let transposed):
            kernels.wideN(source(0), m: m, k: k, source(1), n: n, transposed: transposed, target(0), ahead: ahead)
        case .outer(let m, let n): kernels.outer(source(0), m: m, source(1), n: n, target(0))
        case .layWide(let k, let n, let transposed):
            kernels.layWide(source(0), k: k, n: n, transposed: transposed, target(0))
        case .wideLaid(let m, let k, let n):
            kernels.wideLaid(source(0), m: m, k: k, laid: source(1), n: n, target(0), ahead: ahead)
        case .gemm(let product): product.run(precision, source(0), source(1), target(0), accumulates: false)
        case .gemmStack(let product, let stack): stack.multiply(precision, product, source(0), source(1), target(0))
        case .factor(let kind, let n, let count):
            let matrix = n * n * size
            for i in 0..<count {
                kind.factor(precision, source(0) + i * matrix, n: n, into: target(0) + i * kind.planes * matrix)
            }
        case .solve(let kind, let transposed, let n, let columns, let stack):
            for i in 0..<stack.count {
                kind.solve(
                    precision, source(0) + i * stack.strideA * size, n: n, source(1) + i * stack.strideB * size,
                    columns: columns, transposed: transposed, into: target(0) + i * stack.strideC * size)
            }
        case .logDeterminant(let n, let count):
            let planes = Factorization.lu.planes * n * n * size
            for i in 0..<count {
                Factorization.logDeterminant(precision, source(0) + i * planes, n: n, into: target(0) + i * size)
            }
        case .sparseTimes(let rows, let n):
            kernels.sparseTimes(SparseBinding.byRow(source(0)), m: rows, source(1), target(0), n: n)
        case .sparseTransposedTimes(let rows, let n):
            kernels.sparseTimes(SparseBinding.byColumn(source(0)), m: rows, source(1), target(0), n: n)
        case .sparseScatter(let rows, let columns, let n):
            kernels.sparseScatter(
                SparseBinding.byRow(source(0)), m: rows, source(1), target(0), columns: columns, n: n)
        case .reduce(let kind, let e):
            kernels.reduce(kind, source(0), target(0), outer: e.outer, middle: e.middle, inner: e.inner)
        case .logSumExp(let e):
            kernels.logSumExp(source(0), target(0), outer: e.outer, middle: e.middle, inner: e.inner)
        case .softmax(let e):
            kernels.softmax(source(0), target(0), outer: e.outer, middle: e.middle, inner: e.inner)
        case .cumulativeSum(let e, let reverse):
            kernels.cumulativeSum(
                source(0), target(0), outer: e.outer, middle: e.middle, inner: e.inner, reverse: reverse)
        case .stridedCopy(let dimensions, let strides, let offset):
            kernels.stridedCopy(source(0) + offset * size, target(0), dimensions: dimensions, sourceStrides: strides)
        case .stridedAdd(let count, let parts):
            kernels.zero(target(0), count: count)
            for part in parts {
                kernels.stridedAdd(
                    UnsafeRawPointer(pointers[part.slot]!), target(0) + part.offset * size, dimensions: part.dimensions,
                    destinationStrides: part.strides)
            }
        case .join(let parts):
            for part in parts where part.count > 0 {
                (target(0) + part.offset * size).copyMemory(
                    from: pointers[part.slot]!, byteCount: part.count * size)
            }
        case .take(let e, let count):
            kernels.take(
                source(0), indices: source(1), target(0), outer: e.outer, sourceMiddle: e.middle, count: count,
                inner: e.inner)
        case .takeAdd(let e, let count):
            kernels.zero(target(0), count: e.count)
            kernels.takeAdd(
                source(0), indices: source(1), target(0), outer: e.outer, sourceMiddle: e.middle, count: count,
                inner: e.inner)
        case .oneHot(let count, let classes): kernels.oneHot(source(0), target(0), count: count, classes: classes)
        case .rowLoop(let loop): loop.run(precision, pointers: pointers, scratch: scratch, ahead: ahead)
        }
        ahead.reach()
    }
}
