// Levels below the outermost with a row for each sample: each row is a problem of its own, so nothing may tie them.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import Solvers

extension ProblemBuilder {
    /// Reports objectives, maps and sets that tie rows of the level's variables together.
    mutating func checkRows(_ level: LevelSpecification, _ index: Int, _ lowering: Lowering) {
        guard index > 0, index < variables.count, let axis = sharedAxis(variables[index]) else {
            return
        }
        for (variable, specification) in zip(variables[index], level.variables) {
            guard tiesRows(specification.constraint, variable) else { continue }
            report(
                "\(specification.pointer)/constraint", .levelError,
                "\(variable.name) has a row for each sample of \(axis), each solved on its own, and this set ties them",
                "write \"rows\": true in it for a set of each row")
        }
        for (tree, isMap) in formulas(of: level) {
            guard let fault = tie(in: tree, isMap: isMap, variables[index], lowering) else { continue }
            let names = variables[index].map(\.name).joined(separator: ", ")
            diagnostics.report(
                .error,
                tree.diagnostic(
                    at: fault, code: .levelError,
                    message:
                        "\(names) has a row for each sample of \(axis), each solved on its own, and this ties them: "
                        + (isMap
                            ? "the map of a row may take that row alone" : "wanted a sum or mean over \(axis)"),
                    hint:
                        "declare the variable with a shape instead of \"per\" to solve all rows as one problem")
            )
        }
    }

    /// The axis that all of the variables have rows of.
    private func sharedAxis(_ variables: [Variable]) -> String? {
        guard let first = variables.first?.axis, variables.allSatisfy({ $0.axis == first }) else {
            return nil
        }
        return axes.first { $0.id == first }?.name
    }

    private func tiesRows(_ constraint: ConstraintSpecification, _ variable: Variable) -> Bool {
        switch constraint {
        case .none, .box: return false
        case .ball(let ball): return !ball.byRows && ball.kind != .linf
        case .affine, .halfspace: return true
        case .all(let parts): return parts.contains { tiesRows($0, variable) }
        }
    }

    /// The level's formulas that could be read, whose faults are reported already.
    private func formulas(of level: LevelSpecification) -> [(tree: SyntaxTree, isMap: Bool)] {
        var silent = Diagnostics()
        switch level.objective {
        case .minimize(let text, let pointer), .maximize(let text, let pointer):
            return [Parser.parse(text, pointer: pointer, into: &silent)].compactMap { tree in
                tree.map { ($0, false) }
            }
        case .fixedPoint(let maps):
            return maps.compactMap { map in
                Parser.parse(map.formula, pointer: map.pointer, into: &silent).map { ($0, true) }
            }
        case .unreadable: return []
        }
    }

    /// The node of a formula that ties rows; nil where none does, and where the formula has other faults.
    ///
    /// With the level's own variables as the only ones, an expression that batches estimate is a sum of terms of single
    /// rows; one that they do not estimate holds something of several rows.
    private func tie(in tree: SyntaxTree, isMap: Bool, _ own: [Variable], _ lowering: Lowering)
        -> Int?
    {
        var given = scope
        for (name, expression) in scope.names {
            var known = expression
            known.dependsOnVariables = own.contains { $0.name == name }
            given.names[name] = known
        }
        var separate = Lowering(graph: lowering.graph, scope: given)
        guard let value = separate.lower(tree) else { return nil }
        if let fault = value.samplingFault {
            // A fault inside a definition is shown where the formula names it.
            return fault.pointer == tree.pointer
                ? tree.nodes.firstIndex { tree.isPlace(of: fault, $0) } : tree.root
        }
        return isMap && value.hasExpectation ? tree.root : nil
    }
}

extension SyntaxTree {
    /// Whether a fault marks exactly this node.
    fileprivate func isPlace(of fault: Diagnostic, _ node: SyntaxNode) -> Bool {
        let place = source.location(ofByte: node.focus.start)
        return fault.line == place.line && fault.column == place.column
            && fault.excerpt == Excerpt(node.span, of: source)
    }
}
