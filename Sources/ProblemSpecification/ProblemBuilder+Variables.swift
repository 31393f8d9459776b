// Variables: declared where there is room for them, and where they start.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Tensors

extension ProblemBuilder {
    mutating func declareVariables() {
        for level in document.levels {
            var declared: [Variable] = []
            for specification in level.variables where !scope.faulty.contains(specification.name) {
                guard let variable = declare(specification) else {
                    scope.faulty.insert(specification.name)
                    continue
                }
                declared.append(variable)
                shapes.append((variable.name, variable.node))
            }
            variables.append(declared)
        }
    }

    /// Declares a variable that there is room for, or reports why there is none; `nil` where there is none.
    private mutating func declare(_ specification: VariableSpecification) -> Variable? {
        let name = specification.name
        var shape = Shape(sizes: specification.shape)
        var sizes = specification.shape
        var axisID: AxisID?
        if let samples = specification.per {
            guard !lostAxes.contains(samples) else { return nil }
            guard let axis = axes.first(where: { $0.name == samples }) else {
                let hint = Suggestions.nearest(to: samples, among: axes.map(\.name))
                report(
                    "\(specification.pointer)/per", .unknownName, "no samples are called \(Printable.quote(samples))",
                    hint.map { "did you mean \"\($0)\"?" })
                return nil
            }
            shape = Shape([.axis(axis.id)] + shape.dimensions)
            sizes = [axis.rows] + sizes
            axisID = axis.id
        }
        guard let count = Shapes.elementCount(sizes), count <= Lowering.elementLimit else {
            report(
                "\(specification.pointer)/shape", .shapeOverflow,
                "\(name) would hold too many numbers; at most \(Lowering.elementLimit) are allowed")
            return nil
        }
        let vectors = MemoryPrice.vectorsPerVariable
        guard commit(count, vectors: vectors, to: name, at: "\(specification.pointer)/shape") else { return nil }
        let node = graph.addInput(name, shape: shape, role: .value)
        scope.names[name] = Expression(node: node, dependsOnVariables: true)
        return Variable(name: name, shape: sizes, node: node, axis: axisID)
    }

    mutating func startValues(
        _ level: LevelSpecification, _ index: Int, _ formulas: [LoweredStart]
    ) -> [Double] {
        var values: [Double] = []
        let specifications = specifications(of: level)
        for (position, variable) in variables[index].enumerated() {
            guard let specification = specifications[variable.name] else { continue }
            if let formula = formulas.first(where: { $0.formula.variable == position }) {
                values += evaluate(formula.formula.node)
            } else {
                values += start(specification, variable, level: level.name)
            }
        }
        return values
    }

    func specifications(of level: LevelSpecification) -> [String: VariableSpecification] {
        Dictionary(level.variables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func start(
        _ specification: VariableSpecification, _ variable: Variable, level: String
    ) -> [Double] {
        var stream = RandomStream(seed: seed, stream: "start/\(level)/\(variable.name)")
        switch specification.start {
        case .number(let value): return [Double](repeating: value, count: variable.count)
        case .array(let tensor):
            if let values = broadcast(tensor, to: variable.shape) { return values }
            report(
                "\(specification.pointer)/start", .shapeMismatch,
                "\(variable.name) has the shape \(variable.shape), its start has \(tensor.shape)")
        // Lowered with the level's other formulas; what is left had a fault there.
        case .formula: break
        case .normal(let scale): return (0..<variable.count).map { _ in scale * stream.normal() }
        case .uniform(let low, let high): return (0..<variable.count).map { _ in low + (high - low) * stream.uniform() }
        }
        return [Double](repeating: 0, count: variable.count)
    }

    func broadcast(_ tensor: Tensor, to shape: [Int]) -> [Double]? {
        if tensor.shape == shape { return tensor.values }
        guard Shapes.broadcast(tensor.shape, shape) == shape else { return nil }
        let missing = shape.count - tensor.shape.count
        let strides = Shapes.strides(tensor.shape)
        let target = AlignedBuffer(count: Shapes.elementCount(shape) ?? 0)
        Kernels.float64.stridedCopy(
            tensor.storage.address, target.address, dimensions: shape,
            sourceStrides: shape.indices.map { i in
                i < missing || tensor.shape[i - missing] == 1 ? 0 : strides[i - missing]
            })
        return target.values
    }
}
