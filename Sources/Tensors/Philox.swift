// The counter-based generator Philox4x32-10, after Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011).

/// The bijection of 128 bits, under a key of 64, that turns counters into random bits.
package enum Philox {
    /// Four words of 32 bits, word 0 first.
    package typealias Block = (UInt32, UInt32, UInt32, UInt32)

    /// Ten rounds of Philox4x32.
    package static func block(counter: Block, key: (UInt32, UInt32)) -> Block {
        var (x, k) = (counter, key)
        for _ in 0..<10 {
            let a = UInt64(x.0) * 0xD251_1F53
            let b = UInt64(x.2) * 0xCD9E_8D57
            x = (
                UInt32(b >> 32) ^ x.1 ^ k.0, UInt32(truncatingIfNeeded: b),
                UInt32(a >> 32) ^ x.3 ^ k.1, UInt32(truncatingIfNeeded: a)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return x
    }
}
