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

/// The iterates w, v, x, padded to whole vectors.
struct Iterates {
    var w = AlignedBuffer((0..<LogisticData.features).map { 0.1 * Double($0 % 5) - 0.2 })
    var v = AlignedBuffer(count: LogisticData.features)
    var x = AlignedBuffer((0..<LogisticData.features).map { -1 - 0.05 * Double($0) })

    var all: [Double] { w.values + v.values + x.values }
}

/// By hand in Swift: products by OpenBLAS, loops over unsafe pointers.
struct SwiftByHand {
    let data: LogisticData
    private let scratch = AlignedBuffer(count: 512)

    init(_ data: LogisticData) { self.data = data }

    func run(_ iterates: Iterates, lowerStep: Double, upperStep: Double, from first: Int, iterations: Int) {
        let (p, n) = (LogisticData.features, LogisticData.batch)
        let (w, v, x) = (iterates.w.base, iterates.v.base, iterates.x.base)
        let (z, u, c, d) = (scratch.base, scratch.base + n, scratch.base + 2 * n, scratch.base + 3 * n)
        let (gradient, product, upper) = (scratch.base + 4 * n, scratch.base + 5 * n, scratch.base + 6 * n)
        let inverse = 1 / Double(n)
        for t in first..<(first + iterations) {
            let s = Int(data.lowerRows[t % data.lowerRows.count])
            let r = Int(data.upperRows[t % data.upperRows.count])
            let (train, validation) = (data.train.storage.base + s * p, data.validation.storage.base + r * p)
            let (y, yv) = (data.trainLabels.storage.base + s, data.validationLabels.storage.base + r)
            times(train, w, z, transposed: false)
            times(train, v, u, transposed: false)
            for i in 0..<n {
                let q = 1 / (1 + exp(y[i] * z[i]))
                c[i] = -y[i] * q * inverse
                d[i] = q * (1 - q) * u[i] * inverse
            }
            times(train, c, gradient, transposed: true)
            times(train, d, product, transposed: true)
            times(validation, w, z, transposed: false)
            for i in 0..<n { c[i] = -yv[i] / (1 + exp(yv[i] * z[i])) * inverse }
            times(validation, c, upper, transposed: true)
            let decay = 1 / (Double(t) + 1).squareRoot()
            for j in 0..<p {
                let penalty = exp(x[j])
                let cross = penalty * w[j] * v[j]
                let (along, ahead) = (gradient[j] + penalty * w[j], product[j] + penalty * v[j] + upper[j])
                w[j] -= lowerStep * decay * along
                v[j] -= lowerStep * decay * ahead
                x[j] -= upperStep * decay * cross
            }
        }
    }

    @inline(__always)
    private func times(
        _ a: UnsafePointer<Double>, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>, transposed: Bool
    ) {
        let (n, p) = (blasint(LogisticData.batch), blasint(LogisticData.features))
        cblas_dgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, n, p, 1, a, p, x, 1, 0, y, 1)
    }
}

/// By hand in C.
struct CByHandRun {
    let data: LogisticData

    func run(_ iterates: Iterates, lowerStep: Double, upperStep: Double, from first: Int, iterations: Int) {
        data.lowerRows.withUnsafeBufferPointer { lower in
            data.upperRows.withUnsafeBufferPointer { upper in
                var arrays = bh_data(
                    X: data.train.storage.base, y: data.trainLabels.storage.base, V: data.validation.storage.base,
                    yv: data.validationLabels.storage.base,
                    lower_rows: lower.baseAddress, upper_rows: upper.baseAddress, draws: Int64(lower.count))
                bh_soba(
                    &arrays, iterates.w.base, iterates.v.base, iterates.x.base, lowerStep, upperStep, Int64(first),
                    Int64(iterations))
            }
        }
    }
}
