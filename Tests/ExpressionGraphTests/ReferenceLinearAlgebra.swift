// Linear systems and determinants by elimination with row exchanges, written for clearness.
import Foundation
import Tensors

enum ReferenceLinearAlgebra {
    /// Stands for factors: the matrix that they are made of (its symmetric part for Cholesky's) in every plane.
    static func factors(_ kind: Factorization, _ a: ReferenceArray) -> ReferenceArray {
        let mirror = a.matricesTransposed
        let matrix = kind == .lu ? a : a.zip(mirror) { ($0 + $1) / 2 }
        let planes = Array(a.sizes.dropLast(2)) + [kind.planes] + a.sizes.suffix(2)
        return ReferenceArray(planes) { index in
            var place = index
            place.remove(at: index.count - 3)
            return matrix[place]
        }
    }

    static func solution(
        _ factors: ReferenceArray, _ b: ReferenceArray, _ transposed: Bool, _ target: [Int]
    ) -> ReferenceArray {
        let matrices = firstPlanes(factors)
        let n = target[target.count - 2]
        let a = transposed ? matrices.matricesTransposed : matrices
        var result = ReferenceArray(target) { _ in 0 }
        ReferenceArray.forEachIndex(Array(target.dropLast(2)) + [target[target.count - 1]]) { index in
            let stack = Array(index.dropLast())
            let column = index[index.count - 1]
            let (atA, atB) = (a.position(stack + [0, 0]), b.position(stack + [0, 0]))
            let matrix = (0..<n).map { i in (0..<n).map { a[atA + [i, $0]] } }
            let x = eliminate(matrix, (0..<n).map { b[atB + [$0, column]] }).solution
            for i in 0..<n { result[stack + [i, column]] = x[i] }
        }
        return result
    }

    static func logDeterminant(_ factors: ReferenceArray) -> ReferenceArray {
        let a = firstPlanes(factors)
        let n = a.sizes[a.sizes.count - 1]
        return ReferenceArray(Array(a.sizes.dropLast(2))) { stack in
            let matrix = (0..<n).map { i in (0..<n).map { a[stack + [i, $0]] } }
            return eliminate(matrix, [Double](repeating: 0, count: n)).logDeterminant
        }
    }

    private static func firstPlanes(_ factors: ReferenceArray) -> ReferenceArray {
        let plane = factors.sizes.count - 3
        var sizes = factors.sizes
        sizes.remove(at: plane)
        return ReferenceArray(sizes) { index in
            var place = index
            place.insert(0, at: plane)
            return factors[place]
        }
    }

    /// Gauss's elimination with row exchanges.
    private static func eliminate(
        _ matrix: [[Double]], _ rhs: [Double]
    ) -> (solution: [Double], logDeterminant: Double) {
        var (a, x) = (matrix, rhs)
        let n = rhs.count
        var total = 0.0
        for k in 0..<n {
            let pivot = (k..<n).max { abs(a[$0][k]) < abs(a[$1][k]) } ?? k
            a.swapAt(k, pivot)
            x.swapAt(k, pivot)
            total += Foundation.log(abs(a[k][k]))
            for i in k + 1..<max(n, k + 1) {
                let factor = a[i][k] / a[k][k]
                for j in k..<n { a[i][j] -= factor * a[k][j] }
                x[i] -= factor * x[k]
            }
        }
        for i in (0..<n).reversed() {
            for j in i + 1..<max(n, i + 1) { x[i] -= a[i][j] * x[j] }
            x[i] /= a[i][i]
        }
        return (x, total)
    }
}
