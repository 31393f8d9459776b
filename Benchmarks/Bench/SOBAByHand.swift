// One iteration of SOBA on logistic regression three ways: compiled from the document, by hand in Swift with BLAS, and by
// hand in C with the project's small kernels. All three visit the same batches of the same data.
import CByHand
import COpenBLAS
import Foundation
import MultilevelOptimization
import Tensors

/// Data like those of W1, made here, and batches to visit.
struct LogisticData {
    static let rows = 50_000
    static let features = Int(BH_FEATURES)
    static let batch = Int(BH_BATCH)

    let train: Tensor
    let trainLabels: Tensor
    let validation: Tensor
    let validationLabels: Tensor
    /// First rows of the batches, in the order in which they are visited.
    let lowerRows: [Int64]
    let upperRows: [Int64]

    init() throws {
        var stream = RandomStream(seed: 7, stream: "logistic data")
        func matrix() throws -> Tensor {
            try Tensor(
                shape: [Self.rows, Self.features],
                values: (0..<(Self.rows * Self.features)).map { _ in stream.normal() })
        }
        func labels() throws -> Tensor {
            try Tensor(shape: [Self.rows], values: (0..<Self.rows).map { _ in stream.uniform() < 0.2 ? 1 : -1 })
        }
        func draws() -> [Int64] {
            let batches = Self.rows / Self.batch
            return (0..<20).flatMap { _ in stream.permutation(batches).map { Int64($0 * Self.batch) } }
        }
        train = try matrix()
        trainLabels = try labels()
        validation = try matrix()
        validationLabels = try labels()
        lowerRows = draws()
        upperRows = draws()
    }
}

/// The arrays of the data as elements of one precision.
struct LogisticArrays {
    let data: LogisticData
    let precision: Precision
    let train: AlignedBuffer
    let trainLabels: AlignedBuffer
    let validation: AlignedBuffer
    let validationLabels: AlignedBuffer

    init(_ data: LogisticData, _ precision: Precision) {
        self.data = data
        self.precision = precision
        train = data.train.storage.converted(to: precision)
        trainLabels = data.trainLabels.storage.converted(to: precision)
        validation = data.validation.storage.converted(to: precision)
        validationLabels = data.validationLabels.storage.converted(to: precision)
    }
}

/// The iterates w, v, x, padded to whole vectors.
struct Iterates {
    let w: AlignedBuffer
    let v: AlignedBuffer
    let x: AlignedBuffer

    init(_ precision: Precision) {
        w = AlignedBuffer((0..<LogisticData.features).map { 0.1 * Double($0 % 5) - 0.2 }, precision: precision)
        v = AlignedBuffer(count: LogisticData.features, precision: precision)
        x = AlignedBuffer((0..<LogisticData.features).map { -1 - 0.05 * Double($0) }, precision: precision)
    }

    var all: [Double] { w.values + v.values + x.values }
}

/// What the loops by hand need of Double and Float.
protocol HandElement: BinaryFloatingPoint {
    static func exponential(_ x: Self) -> Self
    /// y = A x, or Aᵀ x where `transposed`, for A [n, p].
    static func times(
        _ a: UnsafePointer<Self>, _ n: blasint, _ p: blasint, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>,
        transposed: Bool)
}

extension Double: HandElement {
    @inline(__always) static func exponential(_ x: Double) -> Double { exp(x) }

    @inline(__always) static func times(
        _ a: UnsafePointer<Double>, _ n: blasint, _ p: blasint, _ x: UnsafePointer<Double>,
        _ y: UnsafeMutablePointer<Double>, transposed: Bool
    ) { cblas_dgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, n, p, 1, a, p, x, 1, 0, y, 1) }
}

extension Float: HandElement {
    @inline(__always) static func exponential(_ x: Float) -> Float { expf(x) }

    @inline(__always) static func times(
        _ a: UnsafePointer<Float>, _ n: blasint, _ p: blasint, _ x: UnsafePointer<Float>,
        _ y: UnsafeMutablePointer<Float>, transposed: Bool
    ) { cblas_sgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, n, p, 1, a, p, x, 1, 0, y, 1) }
}

/// By hand in Swift: products by OpenBLAS, loops over unsafe pointers.
struct SwiftByHand<Element: HandElement> {
    let arrays: LogisticArrays
    private let scratch: AlignedBuffer

    init(_ arrays: LogisticArrays) {
        self.arrays = arrays
        scratch = AlignedBuffer(count: 512, precision: arrays.precision)
    }

    private func elements(_ buffer: AlignedBuffer) -> UnsafeMutablePointer<Element> {
        buffer.address.assumingMemoryBound(to: Element.self)
    }

    @inline(__always)
    private func times(
        _ a: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, transposed: Bool
    ) {
        Element.times(
            a, blasint(LogisticData.batch), blasint(LogisticData.features), x, y, transposed: transposed)
    }

    func run(_ iterates: Iterates, lowerStep: Double, upperStep: Double, from first: Int, iterations: Int) {
        let (p, n) = (LogisticData.features, LogisticData.batch)
        let data = arrays.data
        let (w, v, x) = (elements(iterates.w), elements(iterates.v), elements(iterates.x))
        let base = elements(scratch)
        let (z, u, c, d) = (base, base + n, base + 2 * n, base + 3 * n)
        let (gradient, product, upper) = (base + 4 * n, base + 5 * n, base + 6 * n)
        let inverse = 1 / Element(n)
        for t in first..<(first + iterations) {
            let s = Int(data.lowerRows[t % data.lowerRows.count])
            let r = Int(data.upperRows[t % data.upperRows.count])
            let (train, validation) = (elements(arrays.train) + s * p, elements(arrays.validation) + r * p)
            let (y, yv) = (elements(arrays.trainLabels) + s, elements(arrays.validationLabels) + r)
            times(train, w, z, transposed: false)
            times(train, v, u, transposed: false)
            for i in 0..<n {
                let q = 1 / (1 + Element.exponential(y[i] * z[i]))
                c[i] = -y[i] * q * inverse
                d[i] = q * (1 - q) * u[i] * inverse
            }
            times(train, c, gradient, transposed: true)
            times(train, d, product, transposed: true)
            times(validation, w, z, transposed: false)
            for i in 0..<n { c[i] = -yv[i] / (1 + Element.exponential(yv[i] * z[i])) * inverse }
            times(validation, c, upper, transposed: true)
            let decay = 1 / (Double(t) + 1).squareRoot()
            let (rho, gamma) = (Element(lowerStep * decay), Element(upperStep * decay))
            for j in 0..<p {
                let penalty = Element.exponential(x[j])
                let cross = penalty * w[j] * v[j]
                let (along, ahead) = (gradient[j] + penalty * w[j], product[j] + penalty * v[j] + upper[j])
                w[j] -= rho * along
                v[j] -= rho * ahead
                x[j] -= gamma * cross
            }
        }
    }
}

/// By hand in C.
struct CByHandRun {
    let arrays: LogisticArrays

    func run(_ iterates: Iterates, lowerStep: Double, upperStep: Double, from first: Int, iterations: Int) {
        arrays.data.lowerRows.withUnsafeBufferPointer { lower in
            arrays.data.upperRows.withUnsafeBufferPointer { upper in
                var pointers = bh_data(
                    X: arrays.train.address, y: arrays.trainLabels.address, V: arrays.validation.address,
                    yv: arrays.validationLabels.address, lower_rows: lower.baseAddress, upper_rows: upper.baseAddress,
                    draws: Int64(lower.count))
                bh_soba(
                    arrays.precision.rawValue, &pointers, iterates.w.address, iterates.v.address, iterates.x.address,
                    lowerStep, upperStep, Int64(first), Int64(iterations))
            }
        }
    }
}
