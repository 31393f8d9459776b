// How the rows of data, and of variables with an entry per row, are laid out for a method.
import ExpressionGraph
import Solvers
import Tensors

/// A problem with its rows where a method wants them, and the way back to the document's order.
struct RowLayout {
    /// The problem as the method sees it.
    let problem: MultilevelProblem
    /// Per level: for every entry of its vectors, the place of that entry in the document; `nil` where none has moved.
    private let origins: [[Int]?]

    /// The rows of every sample axis in a seeded random order, so that a batch is a contiguous slice, for methods that
    /// draw batches. Given draws name rows as they are, and full-batch methods see every row anyway: both leave them in
    /// place.
    init(_ problem: MultilevelProblem, _ configuration: MethodConfiguration, seed: UInt64, draws: SOBADraws?) {
        guard configuration.isStochastic, draws == nil else {
            self.problem = problem
            origins = problem.levels.map { _ in nil }
            return
        }
        var orders: [AxisID: [Int]] = [:]
        for axis in problem.axes {
            orders[axis.id] = BatchSampler.rowOrder(seed: seed, axis: axis.name, rows: axis.rows)
        }
        let data = problem.data.map { array in
            guard let axis = problem.graph.shape(array.node).axes.first, let order = orders[axis] else { return array }
            return DataArray(name: array.name, node: array.node, value: array.value.reorderingRows(order))
        }
        let origins = problem.levels.map { Self.origins($0, orders) }
        let levels = zip(problem.levels, origins).map { level, origin in
            origin.map { level.permuted($0) } ?? level
        }
        self.problem = MultilevelProblem(
            graph: problem.graph, levels: levels, data: data, axes: problem.axes, precision: problem.precision)
        self.origins = origins
    }

    /// A vector of a level, with its entries where the document has them.
    func restored(_ vector: [Double], level: Int) -> [Double] {
        guard let origin = origins[level], origin.count == vector.count else { return vector }
        var result = vector
        for (entry, place) in origin.enumerated() { result[place] = vector[entry] }
        return result
    }

    private static func origins(_ level: Level, _ orders: [AxisID: [Int]]) -> [Int]? {
        guard level.variables.contains(where: { $0.axis != nil }) else { return nil }
        var result: [Int] = []
        result.reserveCapacity(level.dimension)
        for variable in level.variables {
            let first = result.count
            guard let axis = variable.axis, let order = orders[axis] else {
                result += first..<(first + variable.count)
                continue
            }
            for row in order { result += (first + row * variable.rowCount)..<(first + (row + 1) * variable.rowCount) }
        }
        return result
    }
}

extension Level {
    /// The level with entry `i` of its vectors taken from entry `origins[i]`.
    fileprivate func permuted(_ origins: [Int]) -> Level {
        var level = self
        level.constraint = constraint.permuted(origins)
        level.start = origins.map { start[$0] }
        return level
    }
}
