// The floating-point types that compiled programs compute in.
import CKernels

/// The element type of a program's arrays. Raw values are the kernels'.
///
/// Everything outside programs (points, gradients, what solvers remember) is `Double`; numbers are converted where they
/// enter a program and where they leave it.
package enum Precision: Int32, Sendable, CaseIterable {
    case float64, float32

    /// As problem documents spell it.
    package var name: String {
        switch self {
        case .float64: "float64"
        case .float32: "float32"
        }
    }

    /// Bytes of one element.
    package var size: Int {
        switch self {
        case .float64: MemoryLayout<Double>.stride
        case .float32: MemoryLayout<Float>.stride
        }
    }

    /// Elements of a cache line, which is also a vector of the kernels.
    package var lanes: Int { AlignedBuffer.alignment / size }

    /// The distance from 1 to the next number.
    package var epsilon: Double {
        switch self {
        case .float64: Double.ulpOfOne
        case .float32: Double(Float.ulpOfOne)
        }
    }

    /// The number nearest to `value`; infinite where `value` is beyond all of them.
    package func rounded(_ value: Double) -> Double {
        switch self {
        case .float64: value
        case .float32: Double(Float(value))
        }
    }

    // MARK: - The border

    /// Writes `count` numbers as elements at `destination`.
    package func write(_ source: UnsafePointer<Double>, count: Int, to destination: UnsafeMutableRawPointer) {
        switch self {
        case .float64: destination.copyMemory(from: source, byteCount: count * size)
        case .float32: sk_narrow(source, destination.assumingMemoryBound(to: Float.self), Int64(count))
        }
    }

    /// Reads `count` elements at `source` as numbers.
    package func read(_ source: UnsafeRawPointer, count: Int, into destination: UnsafeMutablePointer<Double>) {
        switch self {
        case .float64:
            UnsafeMutableRawPointer(destination).copyMemory(from: source, byteCount: count * size)
        case .float32: sk_widen(source.assumingMemoryBound(to: Float.self), destination, Int64(count))
        }
    }

    /// Writes one number as the element at `destination`.
    @inline(__always)
    package func write(_ value: Double, to destination: UnsafeMutableRawPointer) {
        switch self {
        case .float64: destination.storeBytes(of: value, as: Double.self)
        case .float32: destination.storeBytes(of: Float(value), as: Float.self)
        }
    }

    /// The element at `source`.
    @inline(__always)
    package func read(_ source: UnsafeRawPointer) -> Double {
        switch self {
        case .float64: source.load(as: Double.self)
        case .float32: Double(source.load(as: Float.self))
        }
    }
}
