// The shape of a formula: an arena of nodes in which children stand before their parents, so that a loop over the
// array is a bottom-up walk and no recursion is needed to read or free a tree, however deep.

/// One operation or leaf of a formula. Children are indices into ``SyntaxTree/nodes``, all less than the node's own.
package struct SyntaxNode: Sendable, Equatable {
    /// What the node is.
    package enum Kind: Sendable, Equatable {
        /// A finite, nonnegative literal.
        case number(Double)
        /// A name that is not called.
        case name(String)
        case unary(UnaryOperator, Int)
        case binary(BinaryOperator, Int, Int)
        /// A function by name, with its arguments as written: positional ones first, labels without repetition.
        case call(String, [Argument])
        /// `base[…]` with at least one subscript.
        case index(Int, [Subscript])
        /// `base.name`, such as `x.T`; any name is possible.
        case attribute(Int, String)
        /// `[a, b]` or `(a, b)`; may be empty, and may stand wherever an operand may.
        case list([Int])
    }

    /// What the node is.
    package let kind: Kind
    /// All of the node's text, with the parentheses written around it.
    package internal(set) var span: Span
    /// The operator, the callee's or the attribute's name; the node's own text for leaves, lists and indices.
    package let focus: Span

    /// The children in the order they are written.
    package var children: [Int] {
        switch kind {
        case .number, .name: []
        case .unary(_, let operand): [operand]
        case .binary(_, let left, let right): [left, right]
        case .call(_, let arguments): arguments.map(\.value)
        case .index(let base, let subscripts): [base] + subscripts.flatMap(\.children)
        case .attribute(let base, _): [base]
        case .list(let items): items
        }
    }
}

/// One argument of a call.
package struct Argument: Sendable, Equatable {
    /// The name before `=`, nil for a positional argument.
    package let label: String?
    /// Node of the value.
    package let value: Int
    /// Label and value.
    package let span: Span
}

/// One of the comma-separated subscripts of an index.
package struct Subscript: Sendable, Equatable {
    /// A single index, or a range; absent bounds are nil, so `:` is a slice of three nils.
    package enum Kind: Sendable, Equatable {
        case element(Int)
        case slice(start: Int?, stop: Int?, step: Int?)
        /// `...`: all dimensions that the others leave.
        case ellipsis
    }

    /// What is selected.
    package let kind: Kind
    /// The subscript's text.
    package let span: Span

    /// The nodes named, in the order they are written.
    var children: [Int] {
        switch kind {
        case .element(let value): [value]
        case .slice(let start, let stop, let step): [start, stop, step].compactMap(\.self)
        case .ellipsis: []
        }
    }
}

/// A checked form of one formula's text. Every node but the root is the child of exactly one other.
package struct SyntaxTree: Sendable, Equatable {
    /// The nodes; children before parents, the root last; never empty, and at most as many as the text has bytes.
    package let nodes: [SyntaxNode]
    /// The text that the spans point into.
    package let source: SourceText
    /// JSON pointer of the formula, for faults found later.
    package let pointer: String

    /// The node of the whole formula.
    package var root: Int { nodes.count - 1 }

    /// A fault at a node: the caret line marks the node's text, line and column are those of its ``SyntaxNode/focus``.
    package func diagnostic(
        at node: Int, code: DiagnosticCode, message: String, hint: String? = nil,
        severity: Diagnostic.Severity = .error
    ) -> Diagnostic {
        Diagnostic(
            pointer: pointer, source: source, span: nodes[node].span, focus: nodes[node].focus, code: code,
            message: message, hint: hint, severity: severity)
    }
}
