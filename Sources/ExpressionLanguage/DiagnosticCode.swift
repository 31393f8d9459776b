// The closed vocabulary of faults: clients match on these words, so a case may be added but never renamed.

/// What kind of fault a ``Diagnostic`` reports; the raw value is its name in answers and in the terminal.
package enum DiagnosticCode: String, Sendable, CaseIterable {
    // The document's form.
    case malformedJSON = "malformed-json"
    case duplicateKey = "duplicate-key"
    case nestingTooDeep = "nesting-too-deep"
    case limitExceeded = "limit-exceeded"
    case unknownField = "unknown-field"
    case wrongType = "wrong-type"
    case missingField = "missing-field"
    case outOfRange = "out-of-range"
    case notFinite = "not-finite"
    case unsupported = "unsupported"

    // Names.
    case invalidName = "invalid-name"
    case duplicateName = "duplicate-name"
    case unknownName = "unknown-name"
    case unknownFunction = "unknown-function"
    case cyclicDefinition = "cyclic-definition"

    // Formulas.
    case syntaxError = "syntax-error"
    case wrongArgumentCount = "wrong-argument-count"
    case wrongArgument = "wrong-argument"
    case shapeMismatch = "shape-mismatch"
    case shapeOverflow = "shape-overflow"
    case indexOutOfRange = "index-out-of-range"
    case samplingError = "sampling-error"
    case notAffineInExpectations = "not-affine-in-expectations"
    case constantNotFinite = "constant-not-finite"

    // Data and levels.
    case dataError = "data-error"
    case labelOutsideSet = "label-outside-set"
    case levelError = "level-error"

    // The checked problem.
    case notDifferentiable = "not-differentiable"
    case derivativeMismatch = "derivative-mismatch"
    case notStronglyConvex = "not-strongly-convex"
    case badlyScaled = "badly-scaled"
    case nonsmoothPoint = "nonsmooth-point"
}
