// Arguments for tests of elementary functions.
import Tensors

/// Fixed-seed arguments, quickly made.
enum ElementaryArguments {
    /// `count` numbers of a precision, in turn of every exponent and sign, denormal ones too, and from intervals around
    /// what the functions' branches part.
    static func mixed(_ count: Int, _ precision: Precision, seed: UInt64) -> [Double] {
        var state = seed
        func bits() -> UInt64 {
            // Marsaglia's xorshift: a stream of this package takes longer than the functions.
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        func uniform(_ size: Double) -> Double { (Double(bits() >> 11) * 0x1p-52 - 1) * size }
        return (0..<count).map { index in
            let value =
                switch index % 8 {
                case 0, 1:
                    precision == .float64
                        ? Double(bitPattern: bits()) : Double(Float(bitPattern: UInt32(bits() >> 32)))
                case 2: uniform(1)
                case 3: uniform(4)
                case 4: uniform(40)
                case 5: uniform(precision == .float64 ? 760 : 110)
                case 6: 1 + uniform(0.4)
                default: uniform(1) * Double(sign: .plus, exponent: Int(bits() % 40) - 39, significand: 1)
                }
            return precision.rounded(value)
        }
    }
}
