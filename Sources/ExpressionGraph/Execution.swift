// The loop that executes instructions.
import Tensors

/// The kernels that small programs are made of, in plain numbers: an enum with payloads is copied and taken apart whenever
/// it is switched over, which takes as long as some of them.
struct ShortKernel {
    enum Kind {
        case block, gemvN, gemvT, gemvN2, gemvT2, outer
        /// Any other kernel.
        case other
    }

    let kind: Kind
    private(set) var m = 0
    private(set) var k = 0
    private(set) var operations = UnsafeBufferPointer<BlockOp>(start: nil, count: 0)
    private(set) var operands = UnsafeBufferPointer<BlockOperand>(start: nil, count: 0)

    init(_ kernel: Kernel) {
        switch kernel {
        case .block(let operations, let operands, let count):
            (kind, m, self.operations, self.operands) = (.block, count, operations, operands)
        case .gemvN(let m, let k): (kind, self.m, self.k) = (.gemvN, m, k)
        case .gemvT(let m, let k): (kind, self.m, self.k) = (.gemvT, m, k)
        case .gemvN2(let m, let k): (kind, self.m, self.k) = (.gemvN2, m, k)
        case .gemvT2(let m, let k): (kind, self.m, self.k) = (.gemvT2, m, k)
        case .outer(let m, let n): (kind, self.m, k) = (.outer, m, n)
        case .weightedGram, .thinN, .thinT, .wideN, .layWide, .wideLaid, .gemm, .gemmInDouble, .gemmStack, .factor,
            .solve, .logDeterminant, .sparseTimes, .sparseTransposedTimes, .sparseScatter, .reduce, .logSumExp,
            .softmax,
            .cumulativeSum, .stridedCopy, .stridedAdd, .join, .take, .takeAdd, .oneHot, .rowLoop:
            kind = .other
        }
    }
}

/// Executes instructions in order, on arrays of one precision. `pointers` holds the address of every slot they name.
func execute(
    _ code: UnsafeBufferPointer<Instruction>, _ precision: Precision,
    pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>, scratch: UnsafeMutableRawPointer, ahead: PrefetchQueue
) {
    guard var instruction = code.baseAddress else { return }
    let kernels = Kernels(precision)
    for _ in 0..<code.count {
        let (m, k) = (instruction.pointee.short.m, instruction.pointee.short.k)
        // Emission gave every slot an address, or the program was run before its data was bound.
        func source(_ slot: Int) -> UnsafeRawPointer { UnsafeRawPointer(pointers[slot]!) }
        var a: UnsafeRawPointer { source(instruction.pointee.sources.0) }
        var b: UnsafeRawPointer { source(instruction.pointee.sources.1) }
        var c: UnsafeRawPointer { source(instruction.pointee.sources.2) }
        var y: UnsafeMutableRawPointer { pointers[instruction.pointee.destinations.0]! }
        switch instruction.pointee.short.kind {
        case .block:
            kernels.block(
                instruction.pointee.short.operations, instruction.pointee.short.operands, pointers: pointers,
                scratch: scratch, count: m)
        case .gemvN: kernels.gemvN(a, m: m, k: k, x: b, y: y)
        case .gemvT: kernels.gemvT(a, m: m, k: k, c: b, y: y)
        case .gemvN2:
            kernels.gemvN2(a, m: m, k: k, x0: b, x1: c, y0: y, y1: pointers[instruction.pointee.destinations.1]!)
        case .gemvT2:
            kernels.gemvT2(a, m: m, k: k, c0: b, c1: c, y0: y, y1: pointers[instruction.pointee.destinations.1]!)
        case .outer: kernels.outer(a, m: m, b, n: k, y)
        case .other: execute(instruction.pointee, precision, pointers: pointers, scratch: scratch, ahead: ahead)
        }
        ahead.reach()
        instruction += 1
    }
}

/// Executes an instruction that has no short form.
private func execute(
    _ instruction: Instruction, _ precision: Precision, pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    scratch: UnsafeMutableRawPointer, ahead: PrefetchQueue
) {
    let kernels = Kernels(precision)
    let size = precision.size
    let (sources, destinations) = (instruction.sources, instruction.destinations)
    func source(_ operand: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(pointers[operand == 0 ? sources.0 : operand == 1 ? sources.1 : sources.2]!)
    }
    func target(_ operand: Int) -> UnsafeMutableRawPointer { pointers[operand == 0 ? destinations.0 : destinations.1]! }
    switch instruction.kernel {
    case .block, .gemvN, .gemvT, .gemvN2, .gemvT2, .outer: preconditionFailure("a kernel with a short form")
    case .weightedGram(let m, let k):
        kernels.weightedGram(source(0), m: m, k: k, weights: source(1), x: source(2), y: target(0))
    case .thinN(let m, let k, let n):
        kernels.thinN(source(0), m: m, k: k, source(1), n: n, target(0), ahead: ahead)
    case .thinT(let m, let k, let n):
        kernels.thinT(source(0), m: m, k: k, source(1), n: n, target(0), ahead: ahead)
    case .wideN(let m, let k, let n, let transposed):
        kernels.wideN(source(0), m: m, k: k, source(1), n: n, transposed: transposed, target(0), ahead: ahead)
    case .layWide(let k, let n, let transposed):
        kernels.layWide(source(0), k: k, n: n, transposed: transposed, target(0))
    case .wideLaid(let m, let k, let n):
        kernels.wideLaid(source(0), m: m, k: k, laid: source(1), n: n, target(0), ahead: ahead)
    case .gemm(let product): product.run(precision, source(0), source(1), target(0), accumulates: false)
    case .gemmInDouble(let product): product.runInDouble(source(0), source(1), target(0))
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
}
