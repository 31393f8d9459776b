// Nodes that carry functions, evaluated the slow way: functions by the reference evaluator, solutions by Newton's method
// on difference quotients, systems by elimination.
import ExpressionGraph
import Tensors

enum ReferenceFunctions {
    static func value(_ function: GraphFunction, _ arguments: [ReferenceArray]) -> ReferenceArray {
        let inputs = Dictionary(uniqueKeysWithValues: zip(function.parameters, arguments))
        var evaluator = ReferenceEvaluator(function.graph, inputs: inputs)
        return evaluator.evaluate([function.output])[0]
    }

    static func value(_ operation: FunctionOperation, _ x: [ReferenceArray]) -> ReferenceArray {
        switch operation {
        case .call(let function): value(function, x)
        case .solution(let equilibrium): solve(equilibrium, Array(x.dropLast()), start: x[x.count - 1])
        case .linearSolve(let system, let transposed):
            solve(system, Array(x.dropLast()), rhs: x[x.count - 1], transposed: transposed)
        case .loop(let loop, let output): run(loop, output, x)
        }
    }

    static func solve(_ equilibrium: Equilibrium, _ captures: [ReferenceArray], start: ReferenceArray) -> ReferenceArray
    {
        var z = start
        let step = 1e-6
        for _ in 0..<60 {
            let residual = value(equilibrium.residual, captures + [z]).values
            var columns: [[Double]] = []
            for index in z.values.indices {
                func shifted(_ change: Double) -> [Double] {
                    var moved = z
                    moved.values[index] += change
                    return value(equilibrium.residual, captures + [moved]).values
                }
                columns.append(Swift.zip(shifted(step), shifted(-step)).map { ($0 - $1) / (2 * step) })
            }
            let matrix = residual.indices.map { row in columns.map { $0[row] } }
            let change = eliminate(matrix, residual)
            for index in change.indices { z.values[index] -= change[index] }
            if change.allSatisfy({ abs($0) < 1e-15 }) { break }
        }
        return z
    }

    private static func solve(
        _ system: LinearSystem, _ parameters: [ReferenceArray], rhs: ReferenceArray, transposed: Bool
    ) -> ReferenceArray {
        let columns = rhs.values.indices.map { index in
            let unit = ReferenceArray(rhs.sizes, rhs.values.indices.map { $0 == index ? 1 : 0 })
            return value(system.product, parameters + [unit]).values
        }
        let matrix = rhs.values.indices.map { row in columns.map { $0[row] } }
        return ReferenceArray(rhs.sizes, eliminate(transposed ? columns : matrix, rhs.values))
    }

    /// Gauss's elimination with row exchanges.
    static func eliminate(_ matrix: [[Double]], _ rhs: [Double]) -> [Double] {
        var rows = Swift.zip(matrix, rhs).map { $0 + [$1] }
        let n = rhs.count
        for k in 0..<n {
            let pivot = (k..<n).max { abs(rows[$0][k]) < abs(rows[$1][k]) } ?? k
            rows.swapAt(k, pivot)
            for i in 0..<n where i != k {
                let factor = rows[i][k] / rows[k][k]
                for j in k...n { rows[i][j] -= factor * rows[k][j] }
            }
        }
        return (0..<n).map { rows[$0][n] / rows[$0][$0] }
    }

    private static func run(_ loop: Loop, _ output: LoopOutput, _ x: [ReferenceArray]) -> ReferenceArray {
        let rows = x[x.count - 2]
        var carry = x[x.count - 1]
        var stack = [[Double]](repeating: [], count: loop.count)
        var sum = [Double](repeating: 0, count: output.range.count)
        for step in 0..<loop.count {
            let index = loop.isReversed ? loop.count - 1 - step : step
            let row = ReferenceArray([loop.rowCount]) { rows[[index, $0[0]]] }
            let all = value(loop.body, x.dropLast(2) + [row, carry]).values
            carry = ReferenceArray([loop.carryCount], Array(all[..<loop.carryCount]))
            stack[index] = Array(all[output.range])
            for (place, entry) in stack[index].enumerated() { sum[place] += entry }
        }
        switch output {
        case .final(let range): return ReferenceArray([range.count], Array(carry.values[range]))
        case .stacked(let range): return ReferenceArray([loop.count, range.count], stack.flatMap { $0 })
        case .summed(let range): return ReferenceArray([range.count], sum)
        }
    }
}

/// Solves by the reference's own means, for programs under test.
final class ReferenceSolveHandler: SolveHandler {
    func begin(_ loop: Loop) {}
    func end(_ loop: Loop, arguments: [FunctionArgument], carry: [Double]) {}

    func solve(
        _ equilibrium: Equilibrium, captures: [FunctionArgument], start: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        let arrays = zip(equilibrium.residual.parameters, captures + [start]).map { parameter, argument in
            Self.array(argument, equilibrium.residual.graph.shape(parameter))
        }
        let found = ReferenceFunctions.solve(equilibrium, Array(arrays.dropLast()), start: arrays[arrays.count - 1])
        _ = point.update(fromContentsOf: found.values)
    }

    func solve(
        _ system: LinearSystem, transposed: Bool, parameters: [FunctionArgument], rhs: FunctionArgument,
        into point: UnsafeMutableBufferPointer<Double>, _ runtime: FunctionRuntime
    ) {
        let arrays = zip(system.product.parameters, parameters + [rhs]).map { parameter, argument in
            Self.array(argument, system.product.graph.shape(parameter))
        }
        let found = ReferenceFunctions.value(.linearSolve(system, transposed: transposed), arrays)
        _ = point.update(fromContentsOf: found.values)
    }

    private static func array(_ argument: FunctionArgument, _ shape: Shape) -> ReferenceArray {
        ReferenceArray(shape.sizes { _ in 0 }, Array(argument.values))
    }
}
