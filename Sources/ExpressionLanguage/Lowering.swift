// From syntax to graph: names, shapes and sampling are checked here, every fault with its place in the formula.
import ExpressionGraph

/// Lowers formulas into one graph.
///
/// A loop over the arena of the syntax tree, children before parents: no recursion, whatever the formula.
package struct Lowering {
    /// The largest number of graph nodes of a document.
    package static let nodeLimit = 100_000
    /// The largest number of elements of one array.
    package static let elementLimit = Int(Int32.max)
    /// The most dimensions of one array, which are those that the kernels can walk.
    package static let rankLimit = 16

    package var graph: Graph
    package var diagnostics = Diagnostics()
    package private(set) var requirements: [DataRequirement] = []
    let scope: FormulaScope
    private var definitions: [String: Expression?] = [:]
    /// Whether the limit of nodes was reported; nothing is lowered after that.
    private var isExhausted = false

    /// The formula at hand.
    var tree: SyntaxTree
    /// Its nodes lowered so far; `nil` where a fault has been reported.
    var values: [LoweredValue?] = []

    package init(graph: Graph, scope: FormulaScope) {
        self.graph = graph
        self.scope = scope
        tree = SyntaxTree(nodes: [], source: SourceText(""), pointer: "")
    }

    /// Lowers a formula; `nil` when a fault was reported.
    package mutating func lower(_ formula: SyntaxTree) -> Expression? {
        for name in definitionsNeeded(by: formula) where definitions[name] == nil {
            guard let body = scope.definitions[name] else { continue }
            definitions[name] = .some(lowerTree(body))
        }
        guard let result = lowerTree(formula), isDense(result, formula.root) else { return nil }
        return result
    }

    /// Lowers every definition, also those that no formula names, so that their faults are reported.
    package mutating func lowerDefinitions(_ names: [String]) {
        for name in names where definitions[name] == nil {
            guard let body = scope.definitions[name] else { continue }
            for needed in definitionsNeeded(by: body) where definitions[needed] == nil && needed != name {
                guard let inner = scope.definitions[needed] else { continue }
                definitions[needed] = .some(lowerTree(inner))
            }
            if definitions[name] == nil { definitions[name] = .some(lowerTree(body)) }
        }
    }

    /// What a definition stands for; `nil` where it was not lowered, or has a fault.
    package func definition(_ name: String) -> Expression? { definitions[name] ?? nil }

    private mutating func lowerTree(_ formula: SyntaxTree) -> Expression? {
        guard !isExhausted else { return nil }
        tree = formula
        values = []
        values.reserveCapacity(formula.nodes.count)
        for index in formula.nodes.indices {
            let value = lowerNode(index)
            values.append(check(value, at: index))
            if graph.nodes.count > Self.nodeLimit {
                isExhausted = true
                report(
                    index, .limitExceeded,
                    "the formulas expand to more than \(Self.nodeLimit) operations")
                return nil
            }
        }
        guard let last = values.last else { return nil }
        switch last {
        case .expression, .list, .nothing: return factor(formula.root, for: formula.root)
        case nil: return nil
        }
    }

    private mutating func lowerNode(_ index: Int) -> LoweredValue? {
        let node = tree.nodes[index]
        switch node.kind {
        case .number(let value): return .expression(constant(value))
        case .name(let name): return lowerName(name, at: index)
        case .unary(let op, let operand): return lowerUnary(op, operand, at: index)
        case .binary(let op, let left, let right): return lowerBinary(op, left, right, at: index)
        case .call(let name, let arguments): return lowerCall(name, arguments, at: index)
        case .index(let base, let subscripts): return lowerIndex(base, subscripts, at: index)
        case .attribute(let base, let name): return lowerAttribute(base, name, at: index)
        case .list(let items):
            let lowered = items.map { values[$0] }
            return lowered.contains { $0 == nil } ? nil : .list(items)
        }
    }

    // MARK: - Names

    private mutating func lowerName(_ name: String, at index: Int) -> LoweredValue? {
        if let expression = scope.names[name] { return .expression(expression) }
        if let definition = definitions[name] { return definition.map(LoweredValue.expression) }
        if scope.faulty.contains(name) { return nil }
        switch name {
        case "True", "true": return .expression(constant(1))
        case "False", "false": return .expression(constant(0))
        case "pi": return .expression(constant(Double.pi))
        case "None", "newaxis": return LoweredValue.nothing
        default: break
        }
        if Function(rawValue: name) != nil {
            report(index, .unknownName, "\(name) is a function and needs arguments: \(name)(…)")
        } else if scope.lacksNames {
            return nil
        } else if graph.axes.contains(where: { $0.name == name }) {
            report(
                index, .unknownName, "\(name) names samples, which have no value of their own",
                "name one of their arrays")
        } else {
            report(
                index, .unknownName, "no data, variable or definition is called \(Printable.quote(name))",
                nameHint(name))
        }
        return nil
    }

    private func nameHint(_ name: String) -> String? {
        let known = (Array(scope.names.keys) + Array(scope.definitions.keys) + Array(scope.faulty)).filter {
            // Names that no formula can have, or that no message can hold, are no suggestion.
            $0.utf8.count <= 4 * Printable.quotationLimit && Lexer.isName($0)
        }
        if let hint = LookAlikes.hint(for: name, among: known) { return hint }
        if let nearest = Suggestions.nearest(to: name, among: known) { return "did you mean '\(nearest)'?" }
        switch name {
        case "e": return "write exp(1)"
        case "inf", "Inf", "nan", "NaN": return "formulas have finite constants only"
        case "π", "PI", "Pi": return "write pi"
        default: return known.count > Self.namesListed ? nil : listed(known.map { Printable.text($0) }.sorted())
        }
    }

    /// Names that a hint lists where none is near.
    private static let namesListed = 8

    private func listed(_ names: [String]) -> String? {
        guard let last = names.last else { return nil }
        if names.count == 1 { return "there is only \(last)" }
        return "there are \(names.dropLast().joined(separator: ", ")) and \(last)"
    }

    /// The definitions that a formula names, directly or through others, those without further needs first. Cycles are
    /// reported and left out.
    private mutating func definitionsNeeded(by formula: SyntaxTree) -> [String] {
        var order: [String] = []
        var state: [String: Bool] = [:]  // false: open, true: done
        var stack: [(name: String, tree: SyntaxTree, next: Int)] = [("", formula, 0)]
        while let top = stack.last {
            guard top.next < top.tree.nodes.count else {
                stack.removeLast()
                state[top.name] = true
                if !top.name.isEmpty { order.append(top.name) }
                continue
            }
            stack[stack.count - 1].next += 1
            guard case .name(let name) = top.tree.nodes[top.next].kind, let body = scope.definitions[name],
                definitions[name] == nil, scope.names[name] == nil
            else { continue }
            if state[name] == nil {
                state[name] = false
                stack.append((name, body, 0))
            } else if state[name] == false {
                reportCycle(top.tree, top.next, stack.map(\.name), name)
            }
        }
        return order
    }

    private mutating func reportCycle(_ formula: SyntaxTree, _ node: Int, _ path: [String], _ name: String) {
        let start = path.firstIndex(of: name) ?? 0
        let cycle = (Array(path[start...]) + [name]).prefix(8).joined(separator: " → ")
        for member in path[start...] { definitions[member] = .some(nil) }
        definitions[name] = .some(nil)
        diagnostics.report(
            .error,
            formula.diagnostic(
                at: node, code: .cyclicDefinition, message: "the definition of \(name) needs itself: \(cycle)"))
    }

    // MARK: - Bookkeeping shared by the rules

    mutating func constant(_ value: Double) -> Expression {
        Expression(node: graph.constant(value), isInteger: value == value.rounded() && abs(value) < 0x1p53)
    }

    mutating func report(_ index: Int, _ code: DiagnosticCode, _ message: String, _ hint: String? = nil) {
        let formula = tree
        diagnostics.report(.error, formula.diagnostic(at: index, code: code, message: message, hint: hint))
    }

    func fault(_ index: Int, _ code: DiagnosticCode, _ message: String, _ hint: String? = nil) -> Diagnostic {
        tree.diagnostic(at: index, code: code, message: message, hint: hint)
    }

    /// Whether an expression is no sparse array; reports one that is.
    mutating func isDense(_ expression: Expression, _ index: Int) -> Bool {
        guard graph.isSparse(expression.node) else { return true }
        report(
            index, .unsupported, "\(describeOperand(index)), and sparse: it takes part in matrix products only",
            "put it into a product, such as X @ w or X.T @ r, or read the data set with \"dense\": true")
        return false
    }

    /// Sizes and folded constants are checked at every node, so that no later product of dimensions can overflow.
    mutating func check(_ value: LoweredValue?, at index: Int) -> LoweredValue? {
        guard case .expression(let expression) = value else { return value }
        // What is not stored takes no room.
        if graph.isSparse(expression.node) { return value }
        let shape = graph.shape(expression.node)
        let axes = graph.axes
        let count = shape.elementCount { axes[$0.index].rows }
        guard let count, count <= Self.elementLimit else {
            let came = count.map { "\($0) numbers" } ?? "more numbers than can be counted"
            report(
                index, .shapeOverflow,
                "the result is \(describe(shape)), which holds \(came); at most \(Self.elementLimit) are allowed")
            return nil
        }
        guard shape.rank <= Self.rankLimit else {
            report(
                index, .shapeOverflow,
                "the result has \(shape.rank) dimensions; at most \(Self.rankLimit) are allowed")
            return nil
        }
        if let folded = graph.constantValue(expression.node), !folded.isFinite {
            report(index, .constantNotFinite, "this constant is \(Printable.number(folded)), not a finite number")
            return nil
        }
        return .expression(typed(expression, at: index))
    }

    /// What the shape says about sampling. Data without a sample axis are computed once, over all rows, whatever made
    /// them; an array over pairs of samples cannot be estimated from batches.
    private func typed(_ expression: Expression, at index: Int) -> Expression {
        var result = expression
        let axes = graph.shape(expression.node).axes
        if axes.isEmpty && !expression.dependsOnVariables {
            result.hasExpectation = false
            result.samplingFault = nil
        } else if Set(axes).count < axes.count && result.samplingFault == nil {
            result.samplingFault = fullBatchOnly(index, "an array over pairs of samples")
        }
        return result
    }

    mutating func require(_ expression: Expression, _ kind: DataRequirement.Kind, _ fault: Diagnostic) {
        if !expression.dependsOnVariables {
            requirements.append(DataRequirement(node: expression.node, kind: kind, fault: fault))
        }
    }

    /// A shape as users write it: `[train, 3]`; a number for a scalar.
    package func describe(_ shape: Shape) -> String {
        if shape.rank == 0 { return "a number" }
        let parts = shape.dimensions.map {
            switch $0 {
            case .size(let n): "\(n)"
            case .axis(let axis): graph.axes[axis.index].name
            }
        }
        return "[\(parts.joined(separator: ", "))]"
    }

    private func describe(_ value: LoweredValue) -> String {
        switch value {
        case .expression(let expression): describe(graph.shape(expression.node))
        case .list: "a list"
        case .nothing: "None"
        }
    }

    /// `X is [train, 3]`, with the operand as it is written.
    func describeOperand(_ index: Int) -> String {
        guard case .expression(let expression) = values[index] else { return describe(values[index] ?? .nothing) }
        let text = tree.source[tree.nodes[index].span]
        let name = text.count <= 24 ? Printable.text(text) : "the operand"
        return "\(name) is \(describe(graph.shape(expression.node)))"
    }
}

/// A lowered node: an expression, a bracketed list of nodes that a function will read, or `None`, which makes a new
/// dimension in a subscript and names all of them as an axis.
enum LoweredValue: Equatable {
    case expression(Expression)
    case list([Int])
    case nothing
}
