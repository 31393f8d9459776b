// The steps that every workload repeats, compiled: a gradient step of the lower level and a step along Hv.
import ExpressionGraph
import Foundation
import MultilevelOptimization
import Solvers
import Tensors

/// y ← y − η ∇_y g and v ← v − η Hv as programs that carry their result to their input, on all rows or on batches.
final class LowerLevel {
    private let step: Program
    private let product: Program
    private let y: NodeID
    private let v: NodeID
    /// The memory of y in `step` and of v in `product`.
    private let stepCell: InputCell
    private let productCell: InputCell
    private let axis: SampleAxis
    private let batch: Int?
    private let draws: [Int]
    /// The input of the point that steps are seen from, where the level is quadratic and that pays.
    private let anchor: NodeID?
    private let start: (x: [Double], y: [Double])
    private var position = 0
    /// A lower solve is so many steps; the next begins at an anchor of its own.
    private static let stepsOfSolve = 100

    /// - Parameters:
    ///   - eta: the step length.
    ///   - batches: the batch numbers to visit in turn, 64 rows each; all rows where nil.
    init(
        _ problem: MultilevelProblem, eta: Double, x: [Double]? = nil, y startY: [Double]? = nil, batches: [Int]? = nil
    ) {
        y = problem.lower.variables[0].node
        axis = problem.axes(ofLevel: 1)[0]
        batch = batches == nil ? nil : 64
        draws = batches ?? []
        start = (x ?? problem.upper.start, startY ?? problem.lower.start)
        var graph = problem.graph
        var objective = problem.lower.objective
        if batches == nil {
            let one = graph.constant(1, shape: graph.shape(axis.expansion))
            objective = graph.substitute([objective], [axis.expansion: one])[0]
        }
        // Weights of samples move with the batch, as data do.
        let x = problem.upper.variables[0]
        var weights: NodeID?
        if x.axis != nil {
            let node = graph.addInput("weights", shape: graph.shape(x.node), role: .data)
            objective = graph.substitute([objective], [x.node: node])[0]
            weights = node
        }
        let gradient = graph.gradient(of: objective, at: [y])[0]
        v = graph.addInput("v", shape: graph.shape(y), role: .value)
        let hessian = graph.linearize([gradient], along: [y: v])[0]
        let anchored =
            batches == nil && BilevelOracle(problem).isAnchored
            ? AnchoredLevel(&graph, value: objective, gradient: [gradient], products: [hessian], y: [y], v: [v]) : nil
        anchor = anchored?.anchor[0]
        let moved = graph.subtract(y, graph.scale(eta, anchored?.gradient[0] ?? gradient))
        let shrunk = graph.subtract(v, graph.scale(eta, hessian))
        let seldom = InputSlot.steady("x", [axis.expansion, x.node])
        let rows = batches == nil ? [:] : [axis.id: 64]
        step = Program(
            graph, outputs: [moved],
            slots: [seldom, .steady("anchor", anchored?.anchor ?? []), .everyRun("y", [y])], batchRows: rows,
            precision: problem.precision)
        product = Program(
            graph, outputs: [shrunk], slots: [seldom, .steady("y", [y]), .everyRun("v", [v])], batchRows: rows,
            precision: problem.precision)
        guard let stepCell = step.cell(y), let productCell = product.cell(v) else {
            preconditionFailure("a lower level that does not depend on its variables")
        }
        (self.stepCell, self.productCell) = (stepCell, productCell)
        for program in [step, product] {
            for array in problem.data { program.bind(array.node, to: array.value.memory(in: problem.precision)) }
            if batches != nil { program.write(Double(axis.rows) / 64, to: axis.expansion) }
            if let weights {
                program.bind(weights, to: AlignedBuffer(start.x, precision: problem.precision))
            } else {
                program.write(start.x, to: x.node)
            }
        }
    }

    private func select(_ program: Program) {
        guard let batch else { return }
        func first(_ position: Int) -> Int { min(draws[position % draws.count] * batch, axis.rows - batch) }
        program.selectRows(of: axis.id, start: first(position), count: batch)
        position += 1
        program.prefetchRows(of: axis.id, start: first(position), count: batch)
    }

    /// Restarts both sequences.
    func reset() {
        position = 0
        step.write(start.y, to: y)
        product.write(start.y, to: y)
        product.write(start.y.indices.map { cos(Double($0)) }, to: v)
    }

    /// Gradient steps; the last iterate.
    func steps(_ count: Int) -> [Double] {
        for index in 0..<count {
            select(step)
            if let anchor, index % Self.stepsOfSolve == 0 {
                step.write(index == 0 ? start.y : step.values(of: stepCell), to: anchor)
            }
            step.run()
            step.exchange(0, with: stepCell)
        }
        return step.values(of: stepCell)
    }

    /// Steps along Hv, ten at one point.
    func products(_ count: Int) -> [Double] {
        for index in 0..<count {
            if index % 10 == 0 { product.write(start.y, to: y) }
            select(product)
            product.run()
            product.exchange(0, with: productCell)
        }
        return product.values(of: productCell)
    }
}
