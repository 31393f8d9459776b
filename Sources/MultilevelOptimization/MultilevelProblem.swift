// A checked problem: nested levels over one graph, with data and starts as numbers. What methods work on.
import ExpressionGraph
import Solvers
import Tensors

/// A decision variable of a level.
package struct Variable: Sendable, Equatable {
    package let name: String
    /// Its shape in numbers, sample axes counted in full; row-major.
    package let shape: [Int]
    /// Its input in the graph.
    package let node: NodeID
    /// The axis it has one entry per row of, if any.
    package let axis: AxisID?

    package init(name: String, shape: [Int], node: NodeID, axis: AxisID? = nil) {
        self.name = name
        self.shape = shape
        self.node = node
        self.axis = axis
    }

    /// The number of entries.
    package var count: Int { shape.reduce(1, *) }

    /// The number of entries of one row, for a variable with rows.
    package var rowCount: Int { shape.dropFirst().reduce(1, *) }

    /// The number of entries of one group of a group norm: a row of a matrix, all of a vector.
    package var groupWidth: Int { shape.count > 1 ? rowCount : count }
}

/// Whether a level minimises or maximises what the user wrote.
package enum Sense: String, Sendable {
    case minimize
    case maximize

    /// From the minimised value to the user's.
    package var sign: Double { self == .minimize ? 1 : -1 }
}

/// One decision maker: its variables and the objective it minimises, deeper variables standing for best responses.
package struct Level: Sendable {
    package let name: String
    package let variables: [Variable]
    package let sense: Sense
    /// The minimised objective, a scalar node; the negative of the user's when it maximises. Sums over sample axes
    /// carry the axes' expansion factors. Of a fixed point: ½‖z − Φ(z)‖², for reports.
    package let objective: NodeID
    /// Φ, one node of the variable's shape for each, where the level is the fixed point of a map.
    package let fixedPoint: [NodeID]?
    /// The set that the variables, one after the other, are kept in.
    package var constraint: ConvexSet
    /// The starting values, one variable after the other; of those that are formulas, at the start of the levels above.
    package var start: [Double]
    /// Norms added to the objective.
    package let norms: [WeightedNorm]
    /// Starts that move with the levels above.
    package let startFormulas: [StartFormula]
    /// Why batches cannot estimate the objective, as a sentence with its place; `nil` when they can.
    package let samplingFault: String?

    package init(
        name: String, variables: [Variable], sense: Sense, objective: NodeID, fixedPoint: [NodeID]? = nil,
        constraint: ConvexSet, start: [Double], norms: [WeightedNorm] = [], startFormulas: [StartFormula] = [],
        samplingFault: String?
    ) {
        self.fixedPoint = fixedPoint
        self.name = name
        self.variables = variables
        self.sense = sense
        self.objective = objective
        self.constraint = constraint
        self.start = start
        self.norms = norms
        self.startFormulas = startFormulas
        self.samplingFault = samplingFault
    }

    /// Whether neither a set nor a norm stands in the way of gradients.
    package var isSmooth: Bool { constraint == .whole && norms.isEmpty }

    /// The number of entries of all variables.
    package var dimension: Int { variables.reduce(0) { $0 + $1.count } }

    /// Where a variable's entries lie in a vector of the level.
    package func entries(of variable: Int) -> Range<Int> {
        let first = variables[..<variable].reduce(0) { $0 + $1.count }
        return first..<(first + variables[variable].count)
    }

    /// Cuts a vector of the level into its variables' parts.
    package func parts(of vector: [Double]) -> [(variable: Variable, values: ArraySlice<Double>)] {
        var offset = 0
        return variables.map { variable in
            defer { offset += variable.count }
            return (variable, vector[offset..<(offset + variable.count)])
        }
    }
}

/// A data array of the problem.
package struct DataArray: Sendable {
    package let name: String
    package let node: NodeID
    package let value: DataValue

    package init(name: String, node: NodeID, value: DataValue) {
        self.name = name
        self.node = node
        self.value = value
    }
}

/// A sample axis: the shared leading dimension of some data arrays.
package struct SampleAxis: Sendable {
    package let name: String
    package let id: AxisID
    package let rows: Int
    /// Rows of a batch, for methods that draw.
    package let batch: Int
    /// The scalar input that scales sums over the axis.
    package let expansion: NodeID

    package init(name: String, id: AxisID, rows: Int, batch: Int, expansion: NodeID) {
        self.name = name
        self.id = id
        self.rows = rows
        self.batch = batch
        self.expansion = expansion
    }
}

/// Levels 0 (outermost) to n−1 (innermost) over one graph.
package struct MultilevelProblem: Sendable {
    package let graph: Graph
    package let levels: [Level]
    package let data: [DataArray]
    package let axes: [SampleAxis]
    /// What methods compute in. The data hold numbers of this precision; measurements of a problem and certificates are
    /// made in float64 whatever it is.
    package let precision: Precision

    package init(
        graph: Graph, levels: [Level], data: [DataArray], axes: [SampleAxis], precision: Precision = .float64
    ) {
        self.graph = graph
        self.levels = levels
        self.data = data
        self.axes = axes
        self.precision = precision
    }

    /// The arrays of the data for programs of one precision, by ``DataArray/node``; converted arrays are copies.
    func buffers(in precision: Precision) -> [NodeID: DataMemory] {
        Dictionary(uniqueKeysWithValues: data.map { ($0.node, $0.value.memory(in: precision)) })
    }

    /// The outermost level.
    package var upper: Level { levels[0] }
    /// The innermost level; the outermost itself when there is only one.
    package var lower: Level { levels[levels.count - 1] }
    package var isSingleLevel: Bool { levels.count == 1 }
    /// The levels whose variables are best responses.
    package var responding: ArraySlice<Level> { levels.dropFirst() }
    /// The number of entries of all responses.
    package var responseDimension: Int { responding.reduce(0) { $0 + $1.dimension } }
    /// Where the responses' solvers begin, one level after the other.
    package var responseStart: [Double] { responding.flatMap(\.start) }
    /// Whether methods for two levels with objectives do not apply.
    package var isNested: Bool { levels.count > 2 || levels.contains { $0.fixedPoint != nil } }

    /// Cuts the responses, one level after the other, into levels.
    package func cutResponses(_ vector: [Double]) -> [[Double]] {
        var start = 0
        return responding.map { level in
            defer { start += level.dimension }
            return Array(vector[start..<(start + level.dimension)])
        }
    }

    /// The sample axes that a level's objective runs over.
    package func axes(ofLevel index: Int) -> [SampleAxis] {
        let nodes = graph.reachable(from: [levels[index].objective])
        let used = Set(nodes.flatMap { graph.shape($0).axes })
        return axes.filter { used.contains($0.id) }
    }

    /// The rows that one evaluation of a level's objective on all data reads.
    package func sampleCount(ofLevel index: Int) -> Int { axes(ofLevel: index).reduce(0) { $0 + $1.rows } }
}
