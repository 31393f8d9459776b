// Columns times rows, against single products.
import Tensors
import Testing

@Suite struct OuterProductTests {
    /// a bᵀ by the kernel of the variant in use, with numbers behind it that must stay.
    static func product(_ a: [Double], _ b: [Double], _ precision: Precision) -> [Double] {
        let (left, right) = (Support.buffer(a, precision), Support.buffer(b, precision))
        let guarded = AlignedBuffer([Double](repeating: 7, count: a.count * b.count + 20), precision: precision)
        Kernels(precision).outer(left.address, m: a.count, right.address, n: b.count, guarded.address)
        let all = guarded.values
        #expect(all[(a.count * b.count)...].allSatisfy { $0 == 7 })
        return Array(all[..<(a.count * b.count)])
    }

    @Test(arguments: Precision.allCases) func everyEntryIsOneProduct(_ precision: Precision) {
        for (m, n) in [(1, 1), (1, 7), (3, 8), (221, 10), (5, 16), (9, 17), (2, 33), (40, 3)] {
            let a = Support.numbers(m, stream: "a", precision)
            let b = Support.numbers(n, stream: "b", precision)
            let expected = a.flatMap { left in b.map { precision.rounded(left * $0) } }
            #expect(Self.product(a, b, precision) == expected, "\(m) x \(n)")
        }
    }
}
