// Instructions with sizes and addresses.
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
    /// A product of floats that is computed in doubles.
    case gemmInDouble(MatrixProduct)
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
    let short: ShortKernel
    private(set) var sources: (Int, Int, Int) = (0, 0, 0)
    private(set) var destinations: (Int, Int) = (0, 0)

    init(kernel: Kernel, sources: [Int], destinations: [Int]) {
        self.kernel = kernel
        short = ShortKernel(kernel)
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
    /// Elements of every output.
    var resultCounts: [Int] = []
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
