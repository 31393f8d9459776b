// Formulas: text → syntax → graph → derivatives → plan → numbers, and what must hold at each step.
import ExpressionGraph
import ExpressionLanguage

enum FormulaTarget {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        let text = String(decoding: bytes, as: UTF8.self)
        var diagnostics = Diagnostics()
        let tree = Parser.parse(text, pointer: "/formula", into: &diagnostics)
        try require((tree == nil) == diagnostics.hasErrors, "a tree or a fault, not both")
        try checkFaults(diagnostics)
        guard let tree else { return }
        let scope = FuzzScope()
        var lowering = Lowering(graph: scope.graph, scope: scope.names)
        let expression = lowering.lower(tree)
        try require(expression != nil || lowering.diagnostics.hasErrors, "neither a value nor a fault")
        try checkFaults(lowering.diagnostics)
        guard let expression, !lowering.diagnostics.hasErrors else { return }
        try checkGraph(lowering.graph, "lowering")
        _ = lowering.describe(lowering.graph.shape(expression.node))
        guard try meets(lowering.requirements, lowering.graph, scope) else { return }
        try SamplingProperty(scope: scope, graph: lowering.graph).check(expression)
        var derivatives = DerivativeProperty(scope: scope, graph: lowering.graph)
        try derivatives.check(expression)
    }

    /// Faults can be read: a sentence on one line, a place inside the text, a caret below its line.
    static func checkFaults(_ diagnostics: Diagnostics) throws(Violation) {
        for fault in diagnostics.kept {
            try require(!fault.message.isEmpty && !fault.message.hasSuffix("."), "no sentence: \(fault.message)")
            let lines = [fault.message, fault.hint ?? ""]
            try require(!lines.contains { $0.contains(where: \.isNewline) }, "a fault of two lines")
            try require(lines.allSatisfy { $0.utf8.count <= 4096 }, "a fault that nobody reads to its end")
            guard let position = fault.position else { continue }
            try require(position.line >= 1 && position.column >= 1, "a place before the text")
            try require(position.excerpt.text.count <= Excerpt.limit, "a long quote")
        }
        try require(diagnostics.rendered.utf8.count < 1 << 20, "a flood of faults")
    }

    static func checkGraph(_ graph: Graph, _ pass: String) throws(Violation) {
        let violations = GraphVerifier(graph).violations()
        try require(violations.isEmpty, "\(pass): \(violations.prefix(3))")
    }

    /// Whether the data are what the formula demands of labels and indices.
    private static func meets(
        _ requirements: [DataRequirement], _ graph: Graph, _ scope: FuzzScope
    ) throws(Violation) -> Bool {
        for requirement in requirements {
            let plan = ProgramPlan(graph, outputs: [requirement.node])
            guard scope.canRun(plan) else { return false }
            let values = scope.run(plan)[0]
            guard values.allSatisfy({ admits(requirement.kind, $0) }) else { return false }
        }
        return true
    }

    private static func admits(_ kind: DataRequirement.Kind, _ value: Double) -> Bool {
        switch kind {
        case .signs: value.magnitude == 1
        case .zeroOrOne: value == 0 || value == 1
        case .integers(let count): value >= 0 && value < Double(count) && value == value.rounded()
        }
    }
}
