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

    /// Each matrix of a stack transposed.
    var matricesTransposed: ReferenceArray {
        let rank = sizes.count
        return transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
    }

    /// Products of stacks of one rank, leading dimensions broadcast, summed to the leading dimensions of `target`.
    func matmul(_ b: ReferenceArray, _ transposeA: Bool, _ transposeB: Bool, to target: [Int]) -> ReferenceArray {
        let left = transposeA ? matricesTransposed : self
        let right = transposeB ? b.matricesTransposed : b
        let stack = Swift.zip(left.sizes, right.sizes).map { $0 == 1 ? $1 : $0 }.dropLast(2)
        let (m, k) = (left.sizes[left.sizes.count - 2], left.sizes[left.sizes.count - 1])
        let n = right.sizes[right.sizes.count - 1]
        return ReferenceArray(stack + [m, n]) { index in
            let (x, y) = (left.position(index), right.position(index))
            return (0..<k).reduce(0) {
                $0 + left[x + [index[index.count - 2], $1]] * right[y + [$1, index[index.count - 1]]]
            }
        }.sum(to: target)
    }

    /// The leading indices of the matrix that stands at `index` of a stack that this one broadcasts to.
    func position(_ index: [Int]) -> [Int] {
        (0..<sizes.count - 2).map { sizes[$0] == 1 ? 0 : index[$0] }
    }
}
