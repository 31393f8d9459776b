// Evaluates a graph node by node on plain arrays: no schedule, no memory plan, no kernels.
import ExpressionGraph
import Foundation

/// Values of nodes for given inputs and numbers of rows.
struct ReferenceEvaluator {
    /// May grow while values are kept.
    var graph: Graph
    let rows: [Int]
    private var values: [NodeID: ReferenceArray]

    /// - Parameter rows: of every sample axis; all rows where `nil`.
    init(_ graph: Graph, inputs: [NodeID: ReferenceArray], rows: [Int]? = nil) {
        self.graph = graph
        self.rows = rows ?? graph.axes.map(\.rows)
        values = inputs
    }

    mutating func evaluate(_ outputs: [NodeID]) -> [ReferenceArray] {
        for id in graph.reachable(from: outputs) where values[id] == nil {
            values[id] = value(graph[id], graph[id].operands.map { values[$0]! })  // operands come first
        }
        return outputs.map { values[$0]! }  // just computed
    }

    func sizes(_ shape: Shape) -> [Int] { shape.sizes { rows[$0.index] } }

    private func value(_ node: Node, _ x: [ReferenceArray]) -> ReferenceArray {
        let target = sizes(node.shape)
        switch node.operation {
        case .input(let symbol): preconditionFailure("no value for \(graph.symbols[symbol.index].name)")
        case .constant(let bits): return ReferenceArray(target) { _ in Double(bitPattern: bits) }
        case .unary(let function): return x[0].map { Self.apply(function, $0) }
        case .binary(let function): return x[0].zip(x[1]) { Self.apply(function, $0, $1) }
        case .select:
            return ReferenceArray(target, x[0].values.indices.map { x[x[0].values[$0] != 0 ? 1 : 2].values[$0] })
        case .broadcast: return x[0].broadcast(to: target)
        case .sumTo: return x[0].sum(to: target)
        case .extremum(let kind, let axis):
            return x[0].alongAxis(axis, length: 1) { line in
                if line.contains(where: \.isNaN) { return [.nan] }
                return [(kind == .maximum ? line.max() : line.min()) ?? (kind == .maximum ? -.infinity : .infinity)]
            }
        case .logSumExp(let axis): return x[0].alongAxis(axis, length: 1) { [Self.logSumExp($0)] }
        case .softmax(let axis):
            return x[0].alongAxis(axis, length: target[axis]) { line in
                let total = Self.logSumExp(line)
                return line.map { Foundation.exp($0 - total) }
            }
        case .cumulativeSum(let axis, let reverse):
            return x[0].alongAxis(axis, length: target[axis]) { line in
                var total = 0.0
                let sums = (reverse ? line.reversed() : line).map { value in
                    total += value
                    return total
                }
                return reverse ? sums.reversed() : sums
            }
        case .matmul(let transposeA, let transposeB): return x[0].matmul(x[1], transposeA, transposeB, to: target)
        case .factor(let kind): return ReferenceLinearAlgebra.factors(kind, x[0])
        case .factoredSolve(_, let transposed): return ReferenceLinearAlgebra.solution(x[0], x[1], transposed, target)
        case .logDeterminant: return ReferenceLinearAlgebra.logDeterminant(x[0])
        case .sparseProduct(let transposed): return x[0].matmul(x[1], transposed, false, to: target)
        case .transpose(let permutation): return x[0].transposed(permutation)
        case .reshape: return ReferenceArray(target, x[0].values)
        case .slice(let ranges):
            return ReferenceArray(target) { index in x[0][Self.positions(index, ranges)] }
        case .pad(let ranges):
            var result = ReferenceArray(target) { _ in 0 }
            ReferenceArray.forEachIndex(x[0].sizes) { result[Self.positions($0, ranges)] = x[0][$0] }
            return result
        case .concatenate(let axis): return Self.concatenate(x, axis, target)
        case .take(let axis):
            return ReferenceArray(target) { index in
                x[0][Self.gathered(index, axis, x[1])]
            }
        case .takeAdd(let axis):
            var result = ReferenceArray(target) { _ in 0 }
            ReferenceArray.forEachIndex(x[0].sizes) { index in
                result[Self.gathered(index, axis, x[1])] += x[0][index]
            }
            return result
        case .oneHot:
            return ReferenceArray(target) { Double($0[$0.count - 1]) == x[0][Array($0.dropLast())] ? 1 : 0 }
        case .function(let function): return ReferenceFunctions.value(function, x)
        }
    }

    /// Where a gather finds the element at `index` of its result.
    private static func gathered(_ index: [Int], _ axis: Int, _ indices: ReferenceArray) -> [Int] {
        let end = axis + indices.sizes.count
        return index[..<axis] + [Int(indices[Array(index[axis..<end])])] + index[end...]
    }

    private static func positions(_ index: [Int], _ ranges: [SliceRange]) -> [Int] {
        zip(index, ranges).map { $1.start + $0 * $1.step }
    }

    private static func concatenate(_ parts: [ReferenceArray], _ axis: Int, _ target: [Int]) -> ReferenceArray {
        ReferenceArray(target) { index in
            var position = index
            for part in parts {
                if position[axis] < part.sizes[axis] { return part[position] }
                position[axis] -= part.sizes[axis]
            }
            return .nan
        }
    }

    static func logSumExp(_ line: [Double]) -> Double {
        guard let top = line.max(), top.isFinite else { return line.max() ?? -.infinity }
        return top + Foundation.log(line.reduce(0) { $0 + Foundation.exp($1 - top) })
    }

    static func apply(_ function: UnaryFunction, _ x: Double) -> Double {
        switch function {
        case .negate: -x
        case .absolute: Swift.abs(x)
        case .sign: x.isNaN ? x : x > 0 ? 1 : x < 0 ? -1 : 0
        case .squareRoot: x.squareRoot()
        case .square: x * x
        case .reciprocal: 1 / x
        case .exp: Foundation.exp(x)
        case .expm1: Foundation.expm1(x)
        case .log: Foundation.log(x)
        case .log1p: Foundation.log1p(x)
        case .sin: Foundation.sin(x)
        case .cos: Foundation.cos(x)
        case .tan: Foundation.tan(x)
        case .tanh: Foundation.tanh(x)
        case .sigmoid: 1 / (1 + Foundation.exp(-x))
        case .softplus: Swift.max(x, 0) + Foundation.log1p(Foundation.exp(-Swift.abs(x)))
        case .erf: Foundation.erf(x)
        case .relu: x.isNaN ? x : Swift.max(x, 0)
        case .isPositive: x > 0 ? 1 : 0
        }
    }

    static func apply(_ function: BinaryFunction, _ a: Double, _ b: Double) -> Double {
        switch function {
        case .add: a + b
        case .multiply: a * b
        case .divide: a / b
        case .power: Foundation.pow(a, b)
        case .minimum: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
        case .maximum: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
        case .less: a < b ? 1 : 0
        case .lessEqual: a <= b ? 1 : 0
        case .equal: a == b ? 1 : 0
        }
    }
}
