// The operators of formulas and how tightly they bind: NumPy's, with `^` as a second spelling of `**`.

/// An operator before one operand.
package enum UnaryOperator: String, Sendable, CaseIterable {
    case negate = "-"
    case plus = "+"
}

/// An operator between two operands; the raw value is its first spelling.
package enum BinaryOperator: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case power = "^"
    case matmul = "@"
    case less = "<"
    case lessEqual = "<="
    case greater = ">"
    case greaterEqual = ">="
    case equal = "=="
    case notEqual = "!="

    var precedence: Precedence {
        switch self {
        case .less, .lessEqual, .greater, .greaterEqual, .equal, .notEqual: .comparison
        case .add, .subtract: .sum
        case .multiply, .divide, .matmul: .product
        case .power: .power
        }
    }
}

/// How tightly binary operators bind, loosest first. Signs stand between products and powers.
enum Precedence: Int, Comparable {
    case comparison
    case sum
    case product
    case power

    static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
}
