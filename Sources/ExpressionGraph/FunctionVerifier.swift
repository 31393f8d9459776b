// Which nodes that carry functions are legal: the functions themselves, and the arguments that they take.

extension GraphFunction {
    /// Whether the function's own body obeys the rules of graphs, functions inside left aside, its inputs are its
    /// parameters, and no shape names a sample axis.
    fileprivate var isLegal: Bool {
        let isClosed = Set(graph.inputs(of: [output])).isSubset(of: parameters)
        return isClosed && graph.axes.isEmpty && GraphVerifier(graph, checksFunctions: false).violations().isEmpty
    }
}

extension GraphVerifier {
    /// The breaches of a node whose operands have shapes `x`.
    func functionFaults(
        _ function: FunctionOperation, _ id: NodeID, _ node: Node, _ x: [Shape]
    ) -> [GraphViolation] {
        if checksFunctions && !function.functions.flatMap(\.closure).allSatisfy(\.isLegal) {
            return [.function(id)]
        }
        let arguments: [Shape]
        let result: Shape
        switch function {
        case .call(let function):
            (arguments, result) = (function.parameterShapes, function.outputShape)
        case .solution(let equilibrium):
            let shapes = equilibrium.residual.parameterShapes
            guard shapes.last == equilibrium.residual.outputShape, shapes.last?.rank == 1 else {
                return [.function(id)]
            }
            (arguments, result) = (shapes, equilibrium.residual.outputShape)
        case .linearSolve(let system, _):
            let shapes = system.product.parameterShapes
            guard shapes.last == system.product.outputShape else { return [.function(id)] }
            (arguments, result) = (shapes, system.product.outputShape)
        case .loop(let loop, let output):
            let shapes = loop.body.parameterShapes
            guard shapes.count >= 2, let carry = shapes.last, carry.rank == 1, loop.body.outputShape.rank == 1,
                loop.carryCount <= loop.outputCount, loop.count > 0
            else { return [.function(id)] }
            let bound: Int
            switch output {
            case .final: bound = loop.carryCount
            case .stacked, .summed: bound = loop.outputCount
            }
            guard output.range.upperBound <= bound else { return [.function(id)] }
            let rows = Shape(sizes: [loop.count, loop.rowCount])
            arguments = shapes.dropLast(2) + [rows, carry]
            result = output.shape(count: loop.count)
        }
        let isSuited = arguments == x
        return (isSuited ? [] : [.operandShapes(id)])
            + (result == node.shape ? [] : [.shape(id, expected: result, actual: node.shape)])
    }
}

extension GraphFunction {
    fileprivate var parameterShapes: [Shape] { parameters.map { graph.shape($0) } }
}
