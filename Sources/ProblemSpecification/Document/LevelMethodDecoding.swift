// "levels" of the method: for each level below the outermost, its solver and how what it does is differentiated.

import ExpressionLanguage

/// What the document says of one level's method. nil always means "not asked".
package struct LevelMethodRequest: Sendable, Equatable {
    /// JSON pointer to the entry.
    package var pointer: String
    package var solver: LevelSolverName?
    /// The step size or its rule.
    package var step: StepRequest?
    /// Steps of each response, at least 1.
    package var steps: Int?
    package var hypergradient: HypergradientName?

    /// The memberwise initializer.
    package init(
        pointer: String, solver: LevelSolverName? = nil, step: StepRequest? = nil, steps: Int? = nil,
        hypergradient: HypergradientName? = nil
    ) {
        self.pointer = pointer
        self.solver = solver
        self.step = step
        self.steps = steps
        self.hypergradient = hypergradient
    }

    /// Steps of one level at the most.
    package static let stepLimit = 1_000_000

    /// Whether nothing is asked.
    package var isEmpty: Bool { self == LevelMethodRequest(pointer: pointer) }
}

/// Solvers of one level of several.
package enum LevelSolverName: String, Sendable, CaseIterable {
    case newton
    case gradientDescent = "gradient-descent"
    case fixedPoint = "fixed-point"
}

extension DocumentReader {
    /// The entries, one for each level that has one; `nil` where the field is not given.
    mutating func levelMethods(_ field: Field?) -> [LevelMethodRequest]? {
        guard let field else { return nil }
        guard let elements = field.value.elements, elements.count <= Problem.levelLimit else {
            wrongType(field, wanted: "a list with an object for each level below the outermost")
            return nil
        }
        return elements.enumerated().map { index, element in
            levelMethod(Field(value: element, pointer: JSONPointer.child(field.pointer, index)))
        }
    }

    private mutating func levelMethod(_ field: Field) -> LevelMethodRequest {
        var request = LevelMethodRequest(pointer: field.pointer)
        guard let fields = fields(field, wanted: "an object", known: ["solver", "hypergradient"]) else {
            return request
        }
        if let solver = axis(fields["solver"], wanted: "a level's solver", known: ["name", "step", "steps"]) {
            request.solver = choice(solver["name"], as: LevelSolverName.self, unsupported: [])
            request.step = step(solver["step"])
            request.steps = whole(solver["steps"], in: 1...LevelMethodRequest.stepLimit)
        }
        if let hypergradient = axis(fields["hypergradient"], wanted: "a hypergradient", known: ["name"]) {
            request.hypergradient = choice(hypergradient["name"], as: HypergradientName.self, unsupported: [])
        }
        return request
    }
}
