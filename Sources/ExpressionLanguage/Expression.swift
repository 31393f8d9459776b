// What a part of a formula means once it is lowered: a node of the graph, and what sampling needs to know about it.
import ExpressionGraph

/// A lowered expression.
package struct Expression: Sendable, Equatable {
    /// The value, in the graph.
    package var node: NodeID
    /// Whether every element is an integer by construction (labels, indices).
    package var isInteger: Bool
    /// Whether any decision variable is involved.
    package var dependsOnVariables: Bool
    /// Whether it contains a sum over a sample axis that a batch would estimate.
    package var hasExpectation: Bool
    /// Why a batch would not give an unbiased estimate of it; `nil` when it would.
    package var samplingFault: Diagnostic?

    package init(
        node: NodeID, isInteger: Bool = false, dependsOnVariables: Bool = false, hasExpectation: Bool = false,
        samplingFault: Diagnostic? = nil
    ) {
        self.node = node
        self.isInteger = isInteger
        self.dependsOnVariables = dependsOnVariables
        self.hasExpectation = hasExpectation
        self.samplingFault = samplingFault
    }
}

/// What names mean while formulas are lowered.
package struct FormulaScope: Sendable {
    /// Data arrays and variables.
    package var names: [String: Expression]
    /// Named sub-formulas, lowered when first used.
    package var definitions: [String: SyntaxTree]
    /// For every sample axis, the scalar input that scales sums over it: 1 on all rows, the number of batches on one.
    package var expansion: [AxisID: NodeID]
    /// Names whose own fault has been reported: formulas that use them have no value, and no fault of their own.
    package var faulty: Set<String> = []
    /// Whether names that are not here may have been lost to faults that are reported: they are then no fault either.
    package var lacksNames = false

    package init(
        names: [String: Expression] = [:], definitions: [String: SyntaxTree] = [:], expansion: [AxisID: NodeID] = [:]
    ) {
        self.names = names
        self.definitions = definitions
        self.expansion = expansion
    }
}

/// A demand on values that only data can meet, checked once the data are there.
package struct DataRequirement: Sendable, Equatable {
    /// The set a value must lie in.
    package enum Kind: Sendable, Equatable {
        /// −1 or 1.
        case signs
        /// 0 or 1.
        case zeroOrOne
        /// An integer in `0 ..< count`.
        case integers(below: Int)
    }

    /// The array, a node that depends on data alone.
    package let node: NodeID
    package let kind: Kind
    /// The fault to report when the demand is not met; the offending value is appended.
    package let fault: Diagnostic
}
