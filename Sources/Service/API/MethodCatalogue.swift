// GET /v1/methods and `stackelberg methods`: the table of presets as a document, with the vocabularies of the axes.
import MultilevelOptimization
import ProblemSpecification

/// Describes methods.
enum MethodCatalogue {
    private static let choices: [(axis: MethodAxis, values: [String])] = [
        (.lowerSolver, LowerSolverName.allCases.map(\.rawValue)),
        (.hypergradient, HypergradientName.allCases.map(\.rawValue)),
        (.linearSolver, LinearSolverName.allCases.map(\.rawValue)),
        (.upperStep, UpperStepName.allCases.map(\.rawValue)),
        (.estimator, EstimatorName.allCases.map(\.rawValue)),
    ]

    /// The whole document.
    static var document: JSONValue {
        var axes = JSONObjectBuilder()
        for (axis, values) in choices { axes.add(axis.rawValue, .array(values.map(JSONValue.string))) }
        var document = JSONObjectBuilder()
        document.add("items", .array(MethodTable.presets.map(describe)))
        document.add("axes", axes)
        return document.value
    }

    private static func describe(_ preset: MethodPreset) -> JSONValue {
        var axes = JSONObjectBuilder()
        for choice in preset.axes { axes.add(choice.axis.rawValue, choice.value) }
        var object = JSONObjectBuilder()
        object.add("name", preset.name)
        object.add("summary", preset.summary)
        object.add("axes", axes)
        object.add("parameters", .array(preset.parameters.map(describe)))
        object.add("needs", .array(preset.needs.map { .string($0.rawValue) }))
        object.add("source", preset.source)
        return object.value
    }

    private static func describe(_ parameter: MethodParameter) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("path", parameter.path)
        switch parameter.value {
        case .number(let value): object.add("default", value)
        case .whole(let value): object.add("default", value)
        case .flag(let value): object.add("default", value)
        case .rule(let words): object.add("default", words)
        }
        object.add("range", parameter.range)
        return object.value
    }
}
