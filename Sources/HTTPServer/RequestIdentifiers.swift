// Request ids: thirteen characters that do not repeat within one run and hardly between runs.
import Synchronization

/// Makes request ids from a seed and a counter.
package final class RequestIdentifiers: Sendable {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private let seed: UInt64
    private let counter = Atomic<UInt64>(0)

    /// - Parameter seed: another one for every run.
    package init(seed: UInt64) {
        self.seed = seed
    }

    /// A new id: 64 bits in base 32. The bits are a bijection of the counter, so that no id comes twice.
    ///
    /// - Source: SplitMix64, Steele, Lea & Flood 2014.
    package func next() -> String {
        let count = counter.wrappingAdd(1, ordering: .relaxed).newValue
        var bits = seed &+ count &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return String(unsafeUninitializedCapacity: 13) { buffer in
            for index in 0..<13 { buffer[index] = Self.alphabet[Int(bits >> UInt64(5 * index) & 31)] }
            return 13
        }
    }
}
