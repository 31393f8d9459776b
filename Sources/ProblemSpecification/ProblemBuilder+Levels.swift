// Levels: definitions, objectives and maps lowered to the graph, and what becomes of each level.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Solvers

extension ProblemBuilder {
    mutating func parseDefinitions() {
        for definition in document.definitions where !scope.faulty.contains(definition.name) {
            guard let tree = Parser.parse(definition.formula, pointer: definition.pointer, into: &diagnostics) else {
                scope.faulty.insert(definition.name)
                continue
            }
            scope.definitions[definition.name] = tree
        }
    }

    mutating func lowerLevels() -> [(level: Level, samplingFault: Diagnostic?)]? {
        var lowering = Lowering(graph: graph, scope: scope)
        lowering.diagnostics = diagnostics
        lowering.lowerDefinitions(document.definitions.map(\.name))
        var objectives: [Expression?] = []
        var maps: [[NodeID]?] = []
        var terms: [LevelTerms] = []
        for (index, level) in document.levels.enumerated() {
            let map = lowerMaps(level, index, &lowering)
            var objective = map?.residual ?? lowerObjective(level, &lowering)
            terms.append(lowerTerms(level, index, &objective, &lowering))
            lowerConstraints(level, &lowering)
            objectives.append(objective)
            maps.append(map?.nodes)
        }
        describeFormulas(&lowering)
        graph = lowering.graph
        diagnostics = lowering.diagnostics
        for (index, level) in document.levels.enumerated() { checkRows(level, index, lowering) }
        // Labels can be looked at as soon as all data are there, whatever else is wrong.
        if arrays.count == document.data.count { checkRequirements(lowering.requirements) }
        var result: [(Level, Diagnostic?)] = []
        for (index, specification) in document.levels.enumerated() where index < variables.count {
            let start = startValues(specification, index, terms[index].starts)
            let constraint = constraint(specification, index)
            checkWeights(terms[index])
            levelStarts.append(start)
            guard let objective = objectives[index], let constraint, !diagnostics.hasErrors else { continue }
            if index > 0 { checkLowerSet(constraint, specification, index) }
            result.append(level(specification, index, objective, maps[index], start, constraint, terms[index]))
        }
        return result.count == document.levels.count ? result : nil
    }

    /// Finds the nodes whose shapes reports tell: definitions, and expressions that the document asks about.
    private mutating func describeFormulas(_ lowering: inout Lowering) {
        for definition in document.definitions {
            if let expression = lowering.definition(definition.name) {
                shapes.append((definition.name, expression.node))
            }
        }
        for (index, formula) in asked.enumerated() {
            let pointer = JSONPointer.child("/expressions", index)
            guard let tree = Parser.parse(formula, pointer: pointer, into: &lowering.diagnostics),
                let expression = lowering.lower(tree)
            else { continue }
            answers.append((formula, expression.node))
        }
    }

    private func level(
        _ specification: LevelSpecification, _ index: Int, _ objective: Expression, _ maps: [NodeID]?,
        _ start: [Double], _ constraint: ConvexSet, _ terms: LevelTerms
    ) -> (Level, Diagnostic?) {
        let sense: Sense
        switch specification.objective {
        case .maximize: sense = .maximize
        case .minimize, .fixedPoint, .unreadable: sense = .minimize
        }
        let fault = objective.samplingFault ?? (index > 0 ? perFault(specification) : nil)
        let level = Level(
            name: specification.name, variables: variables[index], sense: sense, objective: objective.node,
            fixedPoint: maps, constraint: constraint, start: start, norms: terms.norms,
            startFormulas: index == 0 ? [] : terms.starts.filter(\.moves).map(\.formula), samplingFault: fault?.message)
        return (level, fault)
    }

    /// Methods that draw batches do not solve single rows of a deeper level yet.
    private func perFault(_ specification: LevelSpecification) -> Diagnostic? {
        specification.variables.first { $0.per != nil }.map {
            Diagnostic(
                pointer: "\($0.pointer)/per", code: .unsupported,
                message: "\($0.name) has one entry per sample of a level below the outermost, which methods that draw "
                    + "batches do not solve row by row yet",
                hint: "use a full-batch method such as \(document.levels.count > 2 ? "implicit" : "aid-cg")")
        }
    }

    /// The maps of a fixed-point level in the order of its variables, and ½‖z − Φ(z)‖²; `nil` for other levels and
    /// where a fault was reported.
    private func lowerMaps(
        _ level: LevelSpecification, _ index: Int, _ lowering: inout Lowering
    ) -> (nodes: [NodeID], residual: Expression)? {
        guard case .fixedPoint(let maps) = level.objective, index > 0, index < variables.count else { return nil }
        var nodes: [NodeID] = []
        var fault: Diagnostic?
        var total = lowering.graph.constant(0)
        for variable in variables[index] {
            guard let map = maps.first(where: { $0.variable == variable.name }),
                let tree = Parser.parse(map.formula, pointer: map.pointer, into: &lowering.diagnostics),
                let value = lowering.lower(tree)
            else { continue }
            let wanted = lowering.graph.shape(variable.node)
            let shape = lowering.graph.shape(value.node)
            guard Shape.broadcast(shape, wanted) == wanted else {
                let message =
                    "the map of \(variable.name) is \(lowering.describe(shape)), "
                    + "the variable is \(lowering.describe(wanted))"
                lowering.diagnostics.report(
                    .error, tree.diagnostic(at: tree.root, code: .shapeMismatch, message: message))
                continue
            }
            let node = lowering.graph.broadcast(value.node, to: wanted)
            let difference = lowering.graph.subtract(variable.node, node)
            let square = lowering.graph.dot(difference, difference)
            total = lowering.graph.add(total, lowering.graph.scale(0.5, square))
            nodes.append(node)
            fault = fault ?? value.samplingFault
        }
        guard nodes.count == variables[index].count else { return nil }
        return (nodes, Expression(node: total, dependsOnVariables: true, samplingFault: fault))
    }

    /// The minimised objective of a level.
    private func lowerObjective(_ level: LevelSpecification, _ lowering: inout Lowering) -> Expression? {
        let formula: String
        let pointer: String
        let negates: Bool
        switch level.objective {
        case .minimize(let text, let place): (formula, pointer, negates) = (text, place, false)
        case .maximize(let text, let place): (formula, pointer, negates) = (text, place, true)
        case .fixedPoint, .unreadable: return nil
        }
        guard let tree = Parser.parse(formula, pointer: pointer, into: &lowering.diagnostics),
            var expression = lowering.lower(tree)
        else { return nil }
        let shape = lowering.graph.shape(expression.node)
        guard shape.isSingleElement else {
            let message = "an objective is one number; this is \(lowering.describe(shape))"
            lowering.diagnostics.report(
                .error,
                tree.diagnostic(
                    at: tree.root, code: .shapeMismatch, message: message, hint: "write mean(…) or sum(…) around it"))
            return nil
        }
        checkDependence(level, expression, tree, &lowering)
        expression.node = lowering.graph.reshape(expression.node, to: .scalar)
        if negates { expression.node = lowering.graph.negate(expression.node) }
        return expression
    }

    private func checkDependence(
        _ level: LevelSpecification, _ expression: Expression, _ tree: SyntaxTree, _ lowering: inout Lowering
    ) {
        let index = document.levels.firstIndex { $0.pointer == level.pointer } ?? 0
        // Deeper levels respond to the level's own variables.
        let candidates = variables[index...].flatMap { $0 }.map(\.node)
        let inputs = Set(lowering.graph.inputs(of: [expression.node]))
        guard !candidates.isEmpty, inputs.isDisjoint(with: candidates) else { return }
        let message =
            index == 0
            ? "the objective depends on no variable"
            : "the objective does not depend on the level's own variables"
                + (index == variables.count - 1 ? "" : ", nor on those of a deeper level")
        lowering.diagnostics.report(
            .error, tree.diagnostic(at: tree.root, code: .levelError, message: message))
    }
}
