// The words of a formula: numbers, names and symbols, each with its place in the text.

/// One word of a formula.
package struct Token: Sendable, Equatable {
    /// What the word is.
    package enum Kind: Sendable, Equatable {
        /// A finite, nonnegative literal.
        case number(Double)
        /// A name, exactly as written: nothing is normalised.
        case name(String)
        case symbol(Symbol)
        /// Characters without meaning; the fault is already reported.
        case invalid
        /// The end of the formula: an empty span right after the last word.
        case end
    }

    /// What the word is.
    package let kind: Kind
    /// Where it stands.
    package let span: Span
}

/// Every operator and mark of the language; the raw value is how it is written.
package enum Symbol: String, Sendable, CaseIterable {
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case caret = "^"
    case doubleStar = "**"
    case at = "@"
    case openParenthesis = "("
    case closeParenthesis = ")"
    case openBracket = "["
    case closeBracket = "]"
    case comma = ","
    case colon = ":"
    case dot = "."
    case assign = "="
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessEqual = "<="
    case greater = ">"
    case greaterEqual = ">="

    /// The opening bracket that this one closes, nil for everything else.
    var opener: Symbol? {
        switch self {
        case .closeParenthesis: .openParenthesis
        case .closeBracket: .openBracket
        case .plus, .minus, .star, .slash, .caret, .doubleStar, .at, .openParenthesis, .openBracket, .comma, .colon,
            .dot, .assign, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual:
            nil
        }
    }

    /// The operator that stands between two operands under this symbol, nil for brackets and marks.
    var binaryOperator: BinaryOperator? {
        switch self {
        case .plus: .add
        case .minus: .subtract
        case .star: .multiply
        case .slash: .divide
        case .caret, .doubleStar: .power
        case .at: .matmul
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessEqual: .lessEqual
        case .greater: .greater
        case .greaterEqual: .greaterEqual
        case .openParenthesis, .closeParenthesis, .openBracket, .closeBracket, .comma, .colon, .dot, .assign: nil
        }
    }

    /// The operator that stands before one operand under this symbol, nil for all but the signs.
    var unaryOperator: UnaryOperator? {
        switch self {
        case .plus: .plus
        case .minus: .negate
        case .star, .slash, .caret, .doubleStar, .at, .openParenthesis, .closeParenthesis, .openBracket, .closeBracket,
            .comma, .colon, .dot, .assign, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual:
            nil
        }
    }
}
