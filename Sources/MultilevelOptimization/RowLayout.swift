// How the rows of data are laid out for a method.
import ExpressionGraph
import Tensors

/// Lays rows out so that a batch is a contiguous slice.
enum RowLayout {
    /// The problem with the rows of every sample axis in a seeded random order, for methods that draw batches.
    /// Given draws name rows as they are, and full-batch methods see every row anyway: both leave them in place.
    static func apply(
        to problem: MultilevelProblem, _ configuration: MethodConfiguration, seed: UInt64, draws: SOBADraws?
    ) -> MultilevelProblem {
        guard configuration.isStochastic, draws == nil else { return problem }
        var orders: [AxisID: [Int]] = [:]
        for axis in problem.axes {
            orders[axis.id] = BatchSampler.rowOrder(seed: seed, axis: axis.name, rows: axis.rows)
        }
        let data = problem.data.map { array in
            guard let axis = problem.graph.shape(array.node).axes.first, let order = orders[axis] else { return array }
            return DataArray(name: array.name, node: array.node, tensor: array.tensor.reorderingRows(order))
        }
        return MultilevelProblem(graph: problem.graph, levels: problem.levels, data: data, axes: problem.axes)
    }
}
