// What the operations that carry functions mean: a level's best response, a linear system, a loop.

/// A point z at which a residual R(captures…, z) vanishes.
package struct Equilibrium: Hashable, Sendable {
    /// What the residual belongs to, for solvers that do better than to look for a root.
    package enum Kind: Hashable, Sendable {
        /// The residual is the gradient in z of this function of the same parameters, which is to be minimised.
        case minimum(objective: GraphFunction)
        /// The residual is z − Φ(captures…, z).
        case fixedPoint
        /// The residual is z − step(captures…, 1, z), where step(captures…, t, z) is the proximal gradient step of length t
        /// on this objective, sets and norms included: where it vanishes a convex objective has its minimum.
        case proximal(objective: GraphFunction, step: GraphFunction)

        /// Whether the residual is a gradient.
        package var isMinimum: Bool {
            switch self {
            case .minimum: true
            case .fixedPoint, .proximal: false
            }
        }
    }

    package let kind: Kind
    /// (captures…, z) → [d], of the shape of z.
    package let residual: GraphFunction
    /// Whose response it is, for whoever counts and reports by level.
    package let level: Int

    /// The minimiser of `objective`, (captures…, z) → scalar, in its last parameter, a vector.
    package init(minimising objective: GraphFunction, level: Int = 0) {
        self.level = level
        var graph = objective.graph
        graph.cancelsTerms = true
        let gradient = graph.gradient(of: objective.output, at: [objective.parameters[objective.parameters.count - 1]])
        kind = .minimum(objective: objective)
        residual = GraphFunction(gradient[0], of: objective.parameters, in: graph)
    }

    /// The fixed point of `map`, (captures…, z) → z.
    package init(fixedPointOf map: GraphFunction, level: Int = 0) {
        self.level = level
        var graph = map.graph
        let difference = graph.subtract(map.parameters[map.parameters.count - 1], map.output)
        kind = .fixedPoint
        residual = GraphFunction(difference, of: map.parameters, in: graph)
    }

    /// The minimiser of `objective`, (captures…, z) → scalar, over a set and with norms: the point that `step`,
    /// (captures…, t, z) → z, leaves where it is.
    package init(minimising objective: GraphFunction, bySteps step: GraphFunction, level: Int = 0) {
        self.level = level
        var graph = step.graph
        let count = step.parameters.count
        let (length, point) = (step.parameters[count - 2], step.parameters[count - 1])
        let one = graph.constant(1, shape: graph.shape(length))
        let moved = graph.substitute([step.output], [length: one])[0]
        let difference = graph.subtract(point, moved)
        kind = .proximal(objective: objective, step: step)
        residual = GraphFunction(difference, of: step.parameters.dropLast(2) + [point], in: graph)
    }

    /// d, the number of unknowns.
    package var dimension: Int { residual.outputShape.fixedCount }
    /// The number of captures.
    package var captureCount: Int { residual.parameters.count - 1 }

    /// The residual's derivative in z, and which of (captures…, z) it depends on.
    package var jacobian: (system: LinearSystem, kept: [Int]) {
        let product = residual.product
        let isSymmetric: Bool
        switch kind {
        case .minimum: isSymmetric = true
        case .fixedPoint, .proximal: isSymmetric = false
        }
        // The direction is the last parameter of the product, and no argument of the system.
        let system = LinearSystem(product: product.function, isSymmetric: isSymmetric, level: level)
        return (system, product.kept.dropLast())
    }
}

/// A square matrix given by its product: (parameters…, v) → A(parameters…) v.
package struct LinearSystem: Hashable, Sendable {
    package let product: GraphFunction
    /// Whether A equals its transpose.
    package let isSymmetric: Bool
    /// Whose response it is the derivative of.
    package let level: Int

    package init(product: GraphFunction, isSymmetric: Bool, level: Int = 0) {
        self.product = product
        self.isSymmetric = isSymmetric
        self.level = level
    }

    /// The number of rows.
    package var dimension: Int { product.outputShape.fixedCount }

    /// c where A is c times the identity, and has an inverse; `nil` for any other matrix.
    package var multiple: Double? {
        let graph = product.graph
        let direction = product.parameters[product.parameters.count - 1]
        if product.output == direction { return 1 }
        if graph[product.output].operands == [direction], graph.operation(product.output) == .unary(.negate) {
            return -1
        }
        guard let (factor, rest) = graph.scaling(product.output), rest == direction, factor.isNormal else { return nil }
        return factor
    }

    /// The product with A or its transpose.
    package func product(transposed: Bool) -> GraphFunction {
        transposed && !isSymmetric ? product.adjoint : product
    }
}

/// `count` steps of (carry, y_k) ← body(captures…, x_k, carry), x_k the rows of a matrix, in order or in reverse. What a
/// step gives beyond the carry, y_k, no other step reads.
package struct Loop: Hashable, Sendable {
    /// (captures…, x [q], carry [m]) → [m + p].
    package let body: GraphFunction
    package let count: Int
    /// Whether the steps go from the last row to the first.
    package let isReversed: Bool
    /// Whose steps they are.
    package let level: Int
    /// 0 for the steps themselves, one more with every derivative.
    package let order: Int

    package init(body: GraphFunction, count: Int, isReversed: Bool = false, level: Int = 0, order: Int = 0) {
        self.body = body
        self.count = count
        self.isReversed = isReversed
        self.level = level
        self.order = order
    }

    /// As many steps of a derivative of this loop's.
    func derivative(_ body: GraphFunction, isReversed: Bool) -> Loop {
        Loop(body: body, count: count, isReversed: isReversed, level: level, order: order + 1)
    }

    /// Other steps of the same kind.
    func part(_ body: GraphFunction, count: Int) -> Loop {
        Loop(body: body, count: count, isReversed: isReversed, level: level, order: order)
    }

    package var captureCount: Int { body.parameters.count - 2 }
    /// m, q and m + p.
    package var carryCount: Int { body.shape(ofParameter: body.parameters.count - 1).fixedCount }
    package var rowCount: Int { body.shape(ofParameter: body.parameters.count - 2).fixedCount }
    var outputCount: Int { body.outputShape.fixedCount }
}

/// What a loop gives: a range of what its steps do, after the last step, after every one, or summed over all.
package enum LoopOutput: Hashable, Sendable {
    /// [range.count], of the carry.
    case final(Range<Int>)
    /// [count, range.count]; row k after the step that read row k.
    case stacked(Range<Int>)
    /// [range.count], added up in the order of the steps.
    case summed(Range<Int>)

    var isFinal: Bool { if case .final = self { true } else { false } }

    package var range: Range<Int> {
        switch self {
        case .final(let range), .stacked(let range), .summed(let range): range
        }
    }

    func shape(count: Int) -> Shape {
        switch self {
        case .final(let range), .summed(let range): Shape(sizes: [range.count])
        case .stacked(let range): Shape(sizes: [count, range.count])
        }
    }
}

/// What a node computes by functions that it carries.
package enum FunctionOperation: Hashable, Sendable {
    /// operands: the arguments of a function that solves or repeats something inside.
    case call(GraphFunction)
    /// operands: the captures and a start; the point where the equilibrium's residual vanishes.
    case solution(Equilibrium)
    /// operands: the parameters and a right-hand side; the solution of a system given by its product.
    case linearSolve(LinearSystem, transposed: Bool)
    /// operands: the captures, the rows and the first carry; what a loop gives.
    case loop(Loop, LoopOutput)

    /// The functions that the operation carries.
    package var functions: [GraphFunction] {
        switch self {
        case .call(let function): [function]
        case .solution(let equilibrium):
            switch equilibrium.kind {
            case .minimum(let objective): [objective, equilibrium.residual]
            case .fixedPoint: [equilibrium.residual]
            case .proximal(let objective, let step): [objective, step, equilibrium.residual]
            }
        case .linearSolve(let system, _): [system.product]
        case .loop(let loop, _): [loop.body]
        }
    }

    /// The number of operands.
    var operandCount: Int {
        switch self {
        case .call(let function): function.parameters.count
        case .solution(let equilibrium): equilibrium.captureCount + 1
        case .linearSolve(let system, _): system.product.parameters.count
        case .loop(let loop, _): loop.captureCount + 2
        }
    }
}

extension Operation {
    /// What the operation computes by functions; `nil` for plain ones.
    package var function: FunctionOperation? {
        if case .function(let function) = self { function } else { nil }
    }

    /// The functions that the operation carries.
    package var functions: [GraphFunction] { function?.functions ?? [] }
}

extension Shape {
    /// The number of elements of a shape of numbers.
    package var fixedCount: Int {
        elementCount { _ in preconditionFailure("a sample axis inside a function") } ?? .max
    }
}
