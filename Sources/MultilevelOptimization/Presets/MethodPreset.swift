// A named method is a row of a table: its choice on every axis, its parameters with defaults and ranges, what it needs
// of a problem, and who published it.

/// The axes that a method is a choice on, under the names that documents use.
package enum MethodAxis: String, Sendable, CaseIterable {
    case lowerSolver = "lower_solver"
    case hypergradient
    case linearSolver = "linear_solver"
    case upperStep = "upper_step"
    case estimator
    case loop
    case schedule
}

/// What a method asks of a problem.
package enum MethodNeed: String, Sendable, CaseIterable {
    case lowerValue = "lower_value"
    case lowerGradient = "lower_gradient"
    case upperGradient = "upper_gradient"
    case hessianProduct = "hessian_product"
    case mixedProduct = "mixed_product"
    /// Sample axes along which batches estimate both objectives without bias.
    case samples
    /// Neither a set nor a norm on the lower level.
    case smoothLowerLevel = "smooth_lower_level"

    /// What implicit and iterative differentiation take.
    package static let secondOrder: [MethodNeed] = [.lowerGradient, .upperGradient, .hessianProduct, .mixedProduct]
}

/// A parameter's value where the document gives none.
package enum ParameterDefault: Sendable, Equatable {
    case number(Double)
    case whole(Int)
    case flag(Bool)
    /// A rule, in words: `auto`, `max(1000, 10 * lower variables)`.
    case rule(String)
}

/// A parameter of a method.
package struct MethodParameter: Sendable, Equatable {
    package let axis: MethodAxis
    /// The field's name in that axis's object.
    package let name: String
    package let value: ParameterDefault
    /// What may be given, in words.
    package let range: String

    package init(_ axis: MethodAxis, _ name: String, _ value: ParameterDefault, _ range: String) {
        self.axis = axis
        self.name = name
        self.value = value
        self.range = range
    }

    /// The field's place in the document's `method`: `lower_solver.steps`.
    package var path: String { "\(axis.rawValue).\(name)" }
}

/// A row of the table.
package struct MethodPreset: Sendable, Equatable {
    /// A choice on one axis.
    package struct Choice: Sendable, Equatable {
        package let axis: MethodAxis
        package let value: String
    }

    /// As documents and results name it.
    package let name: String
    /// One sentence.
    package let summary: String
    /// Authors, venue and year.
    package let source: String
    package let axes: [Choice]
    package let parameters: [MethodParameter]
    package let needs: [MethodNeed]

    package init(
        name: String, summary: String, source: String, axes: [(MethodAxis, String)], parameters: [MethodParameter],
        needs: [MethodNeed]
    ) {
        self.name = name
        self.summary = summary
        self.source = source
        self.axes = axes.map { Choice(axis: $0.0, value: $0.1) }
        self.parameters = parameters
        self.needs = needs
    }
}
