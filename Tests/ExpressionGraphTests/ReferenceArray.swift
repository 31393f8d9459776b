// A plain array of doubles with NumPy's semantics: the slow and obvious way, by indices, that programs are held against.
import ExpressionGraph

/// Row-major values of a shape.
struct ReferenceArray: Equatable {
    var sizes: [Int]
    var values: [Double]

    init(_ sizes: [Int], _ values: [Double]) {
        precondition(sizes.reduce(1, *) == values.count, "\(values.count) values for \(sizes)")
        self.sizes = sizes
        self.values = values
    }

    /// Fills an array with a function of the multi-index.
    init(_ sizes: [Int], at element: ([Int]) -> Double) {
        var values: [Double] = []
        values.reserveCapacity(sizes.reduce(1, *))
        Self.forEachIndex(sizes) { values.append(element($0)) }
        self.init(sizes, values)
    }

    /// Walks through all multi-indices in row-major order.
    static func forEachIndex(_ sizes: [Int], _ body: ([Int]) -> Void) {
        var index = sizes.map { _ in 0 }
        for _ in 0..<sizes.reduce(1, *) {
            body(index)
            var dimension = sizes.count - 1
            while dimension >= 0 {
                index[dimension] += 1
                if index[dimension] < sizes[dimension] { break }
                index[dimension] = 0
                dimension -= 1
            }
        }
    }

    subscript(_ index: [Int]) -> Double {
        get { values[offset(index)] }
        set { values[offset(index)] = newValue }
    }

    private func offset(_ index: [Int]) -> Int {
        var result = 0
        for dimension in 0..<index.count { result = result * sizes[dimension] + index[dimension] }
        return result
    }

    func map(_ f: (Double) -> Double) -> ReferenceArray { ReferenceArray(sizes, values.map(f)) }

    func zip(_ other: ReferenceArray, _ f: (Double, Double) -> Double) -> ReferenceArray {
        ReferenceArray(sizes, values.indices.map { f(values[$0], other.values[$0]) })
    }

    func broadcast(to target: [Int]) -> ReferenceArray {
        let missing = target.count - sizes.count
        return ReferenceArray(target) { index in
            self[sizes.indices.map { sizes[$0] == 1 ? 0 : index[$0 + missing] }]
        }
    }

    func sum(to target: [Int]) -> ReferenceArray {
        let missing = sizes.count - target.count
        var result = ReferenceArray(target) { _ in 0 }
        Self.forEachIndex(sizes) { index in
            result[target.indices.map { target[$0] == 1 ? 0 : index[$0 + missing] }] += self[index]
        }
        return result
    }

    /// Applies a function of vectors to every line along `axis`; the result has `length` elements there.
    func alongAxis(_ axis: Int, length: Int, _ f: ([Double]) -> [Double]) -> ReferenceArray {
        var target = sizes
        target[axis] = length
        var outer = sizes
        outer[axis] = 1
        var result = ReferenceArray(target) { _ in 0 }
        Self.forEachIndex(outer) { start in
            func position(_ k: Int) -> [Int] { start.indices.map { $0 == axis ? k : start[$0] } }
            let line = f((0..<sizes[axis]).map { self[position($0)] })
            for k in 0..<length { result[position(k)] = line[k] }
        }
        return result
    }

    func transposed(_ permutation: [Int]) -> ReferenceArray {
        ReferenceArray(permutation.map { sizes[$0] }) { index in
            var source = index
            for (i, p) in permutation.enumerated() { source[p] = index[i] }
            return self[source]
        }
    }

    func matmul(_ b: ReferenceArray, _ transposeA: Bool, _ transposeB: Bool) -> ReferenceArray {
        let left = transposeA ? transposed([1, 0]) : self
        let right = transposeB ? b.transposed([1, 0]) : b
        return ReferenceArray([left.sizes[0], right.sizes[1]]) { index in
            (0..<left.sizes[1]).reduce(0) { $0 + left[[index[0], $1]] * right[[$1, index[1]]] }
        }
    }
}
