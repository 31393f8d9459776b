// Random numbers as a function of (seed, stream name, counter): a restart needs the counter only.
import Glibc

/// A stream of random numbers from ``Philox``.
///
/// The key is the seed. Of the 128 bits that are encrypted, the upper half is the FNV-1a hash of the name, the lower
/// half numbers the block; each block yields two words of 64 bits. Streams of different names never meet.
package struct RandomStream: Sendable, Equatable {
    package let seed: UInt64
    /// The FNV-1a hash, 64 bits, of the name's UTF-8.
    package let streamHash: UInt64
    /// Words of 64 bits drawn so far. Setting it moves the stream there.
    package var counter: UInt64

    /// The stream called `name` under `seed`, from word `counter` on.
    package init(seed: UInt64, stream name: String, counter: UInt64 = 0) {
        self.seed = seed
        self.counter = counter
        streamHash = Self.hash(name)
    }

    /// FNV-1a with 64 bits (Fowler, Noll, Vo): stable across processes, machines and versions.
    package static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// The next word. Consumes one.
    package mutating func nextUInt64() -> UInt64 {
        let index = counter >> 1
        let block = Philox.block(
            counter: (
                UInt32(truncatingIfNeeded: index), UInt32(index >> 32),
                UInt32(truncatingIfNeeded: streamHash), UInt32(streamHash >> 32)
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)))
        defer { counter &+= 1 }
        return counter & 1 == 0
            ? UInt64(block.0) | UInt64(block.1) << 32
            : UInt64(block.2) | UInt64(block.3) << 32
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³. Consumes one word.
    package mutating func uniform() -> Double { Double(nextUInt64() >> 11) * 0x1p-53 }

    /// Standard normal, after Box and Muller. Consumes two words; the pair's other half is not kept, so that the
    /// counter alone is the state.
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }

    /// Uniform in `0 ..< bound`, without bias, after Lemire (2019). Consumes one word, seldom more.
    ///
    /// - Precondition: `bound > 0`.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "no number is below \(bound) and not below 0")
        let range = UInt64(bound)
        let threshold = (0 &- range) % range
        while true {
            let (high, low) = nextUInt64().multipliedFullWidth(by: range)
            if low >= threshold { return Int(high) }
        }
    }

    /// A permutation of `0 ..< count`, each equally likely (Fisher and Yates).
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, below(last + 1)) }
        return order
    }
}
