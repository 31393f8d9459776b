// What a level takes from the levels above besides its objective: weights of nonsmooth terms, and starts; and the general
// constraints, which are read and refused.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

/// A start that is a formula.
struct LoweredStart {
    let formula: StartFormula
    /// Whether it depends on variables.
    let moves: Bool
}

/// The nonsmooth terms and formula starts of one level.
struct LevelTerms {
    var norms: [WeightedNorm] = []
    var starts: [LoweredStart] = []
    /// Every weight, with its formula's syntax tree for faults.
    var weights: [(node: NodeID, tree: SyntaxTree)] = []
}

extension ProblemBuilder {
    /// Lowers a level's terms and starts; smooth parts of the terms join the objective.
    func lowerTerms(
        _ level: LevelSpecification, _ index: Int, _ objective: inout Expression?, _ lowering: inout Lowering
    ) -> LevelTerms {
        var terms = LevelTerms()
        guard index < variables.count else { return terms }
        for term in level.nonsmooth {
            guard let position = variables[index].firstIndex(where: { $0.name == term.variable }) else { continue }
            lower(term, position, index, &objective, &terms, &lowering)
        }
        let specifications = specifications(of: level)
        for (position, variable) in variables[index].enumerated() {
            guard let specification = specifications[variable.name],
                case .formula(let text) = specification.start
            else { continue }
            let pointer = "\(specification.pointer)/start"
            guard let start = shallower(PlacedFormula(text: text, pointer: pointer), "a start", index, &lowering),
                let node = fitted(start, to: lowering.graph.shape(variable.node), variable.name, "start", &lowering)
            else { continue }
            terms.starts.append(
                LoweredStart(
                    formula: StartFormula(variable: position, node: node),
                    moves: start.expression.dependsOnVariables))
        }
        return terms
    }

    /// A formula that may name data and the variables of shallower levels.
    private func shallower(
        _ formula: PlacedFormula, _ what: String, _ index: Int, _ lowering: inout Lowering
    ) -> (expression: Expression, tree: SyntaxTree)? {
        guard let tree = Parser.parse(formula.text, pointer: formula.pointer, into: &lowering.diagnostics),
            let expression = lowering.lower(tree)
        else { return nil }
        let inputs = Set(lowering.graph.inputs(of: [expression.node]))
        let level = variables[index...].joined().first { inputs.contains($0.node) }
        guard let offender = level else { return (expression, tree) }
        let place = tree.nodes.firstIndex { $0.kind == .name(offender.name) } ?? tree.root
        let allowed = index == 0 ? "data alone" : "data and variables of the levels above"
        lowering.diagnostics.report(
            .error,
            tree.diagnostic(
                at: place, code: .levelError,
                message: "\(what) is a formula of \(allowed); this one depends on \(offender.name)"))
        return nil
    }

    /// The formula's value repeated to a shape.
    private func fitted(
        _ formula: (expression: Expression, tree: SyntaxTree), to shape: Shape, _ name: String, _ what: String,
        _ lowering: inout Lowering
    ) -> NodeID? {
        let own = lowering.graph.shape(formula.expression.node)
        if Shape.broadcast(own, shape) == shape { return lowering.graph.broadcast(formula.expression.node, to: shape) }
        let message = "\(name) is \(lowering.describe(shape)), its \(what) is \(lowering.describe(own))"
        lowering.diagnostics.report(
            .error, formula.tree.diagnostic(at: formula.tree.root, code: .shapeMismatch, message: message))
        return nil
    }

    // MARK: - Nonsmooth terms

    private func lower(
        _ term: NonsmoothTerm, _ position: Int, _ index: Int, _ objective: inout Expression?,
        _ terms: inout LevelTerms, _ lowering: inout Lowering
    ) {
        let variable = variables[index][position]
        let shape = lowering.graph.shape(variable.node)
        func weight(_ formula: PlacedFormula, _ shape: Shape) -> NodeID? {
            guard let lowered = shallower(formula, "a weight", index, &lowering),
                let node = fitted(lowered, to: shape, variable.name, "weight", &lowering)
            else { return nil }
            terms.weights.append((node, lowered.tree))
            return node
        }
        switch term.kind {
        case .l1(let formula):
            guard let node = weight(formula, shape) else { return }
            addAbsolute(node, position, index, &objective, &terms, &lowering)
        case .elasticNet(let first, let second):
            let (l1, l2) = (weight(first, shape), weight(second, shape))
            guard let l1, let l2 else { return }
            addAbsolute(l1, position, index, &objective, &terms, &lowering)
            let square = lowering.graph.unary(.square, variable.node)
            let half = lowering.graph.scale(0.5, lowering.graph.multiply(l2, square))
            add(half, to: &objective, &lowering)
        case .groupL2(let formula):
            let groups: Shape = shape.rank > 1 ? Shape([shape[0]]) : [.size(1)]
            guard let node = weight(formula, groups) else { return }
            let norm = ProximalTerm.Norm.groups(width: variable.groupWidth)
            terms.norms.append(WeightedNorm(variable: position, norm: norm, weight: node))
        case .nonnegativeL1(let formula):
            guard let node = weight(formula, shape) else { return }
            add(lowering.graph.multiply(node, variable.node), to: &objective, &lowering)
        }
    }

    /// Σ w |x|, which on a simplex is Σ w x, so that nothing stands beside the set.
    private func addAbsolute(
        _ weight: NodeID, _ position: Int, _ index: Int, _ objective: inout Expression?, _ terms: inout LevelTerms,
        _ lowering: inout Lowering
    ) {
        let variable = variables[index][position]
        let specification = specifications(of: document.levels[index])[variable.name]
        if specification?.constraint.isSimplex == true {
            add(lowering.graph.multiply(weight, variable.node), to: &objective, &lowering)
        } else {
            terms.norms.append(WeightedNorm(variable: position, norm: .absolute, weight: weight))
        }
    }

    /// objective += Σ addend.
    private func add(_ addend: NodeID, to objective: inout Expression?, _ lowering: inout Lowering) {
        guard var sum = objective else { return }
        sum.node = lowering.graph.add(sum.node, lowering.graph.sum(addend))
        objective = sum
    }

    /// Weights must not be negative, at the start at least.
    mutating func checkWeights(_ terms: LevelTerms) {
        for (node, tree) in terms.weights {
            let values = evaluate(node)
            guard let index = values.firstIndex(where: { !($0 >= 0) }) else { continue }
            let entry = values.count > 1 ? " at entry \(index)" : ""
            diagnostics.report(
                .error,
                tree.diagnostic(
                    at: tree.root, code: .outOfRange,
                    message:
                        "a weight is at least 0; at the start this one is \(Printable.number(values[index]))\(entry)",
                    hint: "write exp(…) to keep a weight positive"))
        }
    }

    /// A formula's value at the starts of the levels above; empty where memory does not allow that.
    mutating func evaluate(_ node: NodeID) -> [Double] {
        let plan = ProgramPlan(graph, outputs: [node])
        guard plan.memoryBytes <= memoryBytes - committedNumbers * MemoryLayout<Double>.stride else { return [] }
        let program = Program(plan)
        for array in arrays { program.bind(array.node, to: array.value.memory(in: .float64)) }
        for axis in axes { program.write(1, to: axis.expansion) }
        for (level, start) in zip(variables, levelStarts) {
            var first = 0
            for variable in level where first + variable.count <= start.count {
                program.write(Array(start[first..<(first + variable.count)]), to: variable.node)
                first += variable.count
            }
        }
        program.run()
        return Array(program.result(0))
    }

    // MARK: - General constraints

    /// Reads and checks the comparisons, and refuses them.
    func lowerConstraints(_ level: LevelSpecification, _ lowering: inout Lowering) {
        for constraint in level.constraints {
            guard let tree = Parser.parse(constraint.text, pointer: constraint.pointer, into: &lowering.diagnostics)
            else { continue }
            if let (message, hint) = Self.fault(of: tree) {
                lowering.diagnostics.report(
                    .error,
                    tree.diagnostic(at: tree.root, code: .wrongArgument, message: message, hint: hint))
            } else {
                _ = lowering.lower(tree)
            }
        }
        guard !level.constraints.isEmpty else { return }
        lowering.diagnostics.report(
            .error,
            Diagnostic(
                pointer: "\(level.pointer)/subject_to", code: .unsupported,
                message: "this version does not solve levels with general constraints yet",
                hint: "constrain the variables, or add a penalty to the objective"))
    }

    private static func fault(of tree: SyntaxTree) -> (message: String, hint: String?)? {
        let single = ("a constraint compares two sides, as in A @ y - x <= 0", "write <= 0 or == 0 behind it")
        guard case .binary(let operation, _, _) = tree.nodes[tree.root].kind else { return single }
        switch operation {
        case .lessEqual, .greaterEqual, .equal: return nil
        case .less: return ("constraints are closed: wanted <=, >= or ==, came <", "write <=")
        case .greater: return ("constraints are closed: wanted <=, >= or ==, came >", "write >=")
        case .notEqual: return ("wanted <=, >= or ==, came !=", nil)
        case .add, .subtract, .multiply, .divide, .power, .matmul: return single
        }
    }
}
