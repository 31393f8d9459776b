// The table of methods, in the order of their names.

/// Every named method of this version.
package enum MethodTable {
    package static let presets: [MethodPreset] = MethodName.allCases.map(row)

    private static func row(_ name: MethodName) -> MethodPreset {
        switch name {
        case .auto: automatic
        case .preset(let preset): preset.row
        case .stochastic(let preset): preset.row
        }
    }

    private static let automatic = MethodPreset(
        name: "auto", summary: "Chooses among the others by the sizes of the problem, and says why in the result.",
        source: "chosen per problem", axes: [], parameters: [], needs: MethodNeed.secondOrder)
}

/// Ranges that several parameters share, in the words of the document's decoder.
package enum ParameterRange {
    package static let step =
        "positive number, {\"constant\": c}, {\"power\": {\"initial\", \"exponent\"}}, {\"inverse\": {\"initial\", "
        + "\"offset\"}}, {\"cosine\": {\"initial\", \"period\"}}, {\"polyak\": {\"target\"}} (upper), \"line_search\" or \"auto\""
    /// Of methods on batches.
    package static let sampledStep =
        "positive number, {\"constant\": c}, {\"power\": {\"initial\", \"exponent\"}}, "
        + "{\"inverse\": {\"initial\", \"offset\"}}, {\"cosine\": {\"initial\", \"period\"}} or \"auto\""
    package static let count = "whole number from 1"
    package static let tolerance = "number from 0"
    package static let flag = "true or false"
}
