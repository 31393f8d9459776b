// Followed steps of a quadratic level: ∇g(y) = ∇g(a) + H (y − a) from the start a, with ∇g(a), H and all else that the
// steps do not change computed before the first. Derivatives of the steps pass through these: what a step adds to the
// cotangent of XᵀX is as small as that.
import ExpressionGraph

/// One step of a loop, in terms of parts that are the same in all of its steps.
struct AnchoredSteps {
    /// The point after a step from `own`; over the inputs, the level's vector and the step's length.
    let step: NodeID
    /// The parts, nodes over data and the variables of the levels above, by the inputs that stand for them in the step.
    let parts: [NodeID: NodeID]

    /// The steps of a level whose gradient is affine; `nil` where it is not, where the start is not the same whatever the
    /// levels above do, or where the steps take more than half of the operations of those that evaluate the gradient as it
    /// was written.
    ///
    /// - Parameters:
    ///   - gradient: ∇g as it was written.
    ///   - written: the step along it.
    ///   - count: how many steps follow one another.
    init?(
        _ whole: WholeProblem, _ level: Int, gradient: NodeID, written: NodeID, length: NodeID, count: Int,
        in graph: inout Graph
    ) {
        let own = whole.variables[level]
        if graph.dependents(of: whole.variables)[whole.starts[level].index] { return nil }
        var trial = graph
        let anchor = trial.project(whole.starts[level], onto: whole.sets[level])
        guard let anchored = Self.anchored(gradient, own, anchor, in: &trial) else { return nil }
        let step = LevelFunction.step(whole, level, along: anchored, length: length, in: &trial)
        let moving = [own, length]
        let regrouped = trial.regroup([step], moving: moving)
        let parts = trial.invariantParts(of: regrouped, moving: moving)
        let inputs = parts.indices.map { index in
            trial.addInput("part \(index) of \(level)", shape: trial.shape(parts[index]), role: .value)
        }
        let body = trial.substitute(regrouped, Dictionary(uniqueKeysWithValues: zip(parts, inputs)))[0]
        func operations(_ outputs: [NodeID]) -> Int {
            ProgramPlan(trial, outputs: outputs, slots: [.everyRun("steps", moving)]).everyRunCost.operations
        }
        let once = ProgramPlan(trial, outputs: parts).cost.operations
        guard once.adding(operations([body]).times(count)).times(2) <= operations([written]).times(count) else {
            return nil
        }
        graph = trial
        self.step = body
        self.parts = Dictionary(uniqueKeysWithValues: zip(inputs, parts))
    }

    /// ∇g(a) + H (y − a); `nil` where ∇g is not affine.
    private static func anchored(_ gradient: NodeID, _ own: NodeID, _ anchor: NodeID, in graph: inout Graph) -> NodeID?
    {
        let direction = graph.addInput("direction", shape: graph.shape(own), role: .value)
        graph.cancelsTerms = true
        let product = graph.linearize([gradient], along: [own: direction])[0]
        graph.cancelsTerms = false
        guard AnchoredLevel.isAffine(graph, [gradient], [product], in: [own]) else { return nil }
        let atAnchor = graph.substitute([gradient], [own: anchor])[0]
        let change = graph.substitute([product], [direction: graph.subtract(own, anchor)])[0]
        return graph.add(atAnchor, change)
    }
}
