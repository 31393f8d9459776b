// Signs and words of other languages that writers bring along, and what to write here instead.

/// What is said about a sign or word that means something elsewhere but nothing here.
struct ForeignNotation: Equatable {
    /// What is not there.
    let message: String
    /// What to write instead, where something can be.
    let hint: String?

    /// The entry for a sign, nil for signs that nobody brings along.
    static func sign(_ text: String) -> ForeignNotation? {
        switch text {
        case "%": noSign(text, "for remainders", nil)
        case "//": noSign(text, "for whole division", "'/' divides")
        case "&&", "&", "∧": noSign(text, "for 'and'", "multiply comparisons: (a < b) * (b < c)")
        case "||", "∨": noSign(text, "for 'or'", "write maximum(p, q)")
        case "|": noSign(text, "here", "write abs(x) or norm(x) for bars around x, maximum(p, q) for 'or'")
        case "!", "~", "¬": noSign(text, "for 'not'", "write 1 - p")
        case "{", "}": noSign(text, "here", "group with '(' and ')'")
        case ";": noSign(text, "here: a formula is one expression", "name parts of it under 'definitions'")
        case "#": ForeignNotation(message: "a formula has no comments", hint: nil)
        case "?": noSign(text, "for choices", "write where(condition, a, b)")
        case "\\": noSign(text, "here", "a formula may go on in the next line as it is; solve(A, b) solves A x = b")
        case "−", "–", "—": noSign(text, "here", "write '-'")
        case "×", "·", "⋅", "∗", "⊙", "＊": noSign(text, "here", "write '*'")
        case "（", "）", "［", "］", "，", "＋", "－", "＝", "／", "．":
            noSign(text, "here: it is the wide form", "write '\(narrow(text))'")
        case "‖": noSign(text, "here", "write norm(x)")
        case "∂", "∇": noSign(text, "here", "derivatives are taken for you; write the objective alone")
        case "∞": noSign(text, "here", "formulas have finite constants only; bounds may be null")
        case "½": noSign(text, "here", "write 0.5")
        case "∏": noSign(text, "here", "write prod(x)")
        case "→", "↦", "⇒": noSign(text, "here", "a formula is one expression")
        case "$": noSign(text, "here", "write the name alone")
        case "`", "‘", "’", "“", "”": noSign(text, "here", "write names bare")
        case "÷", "∕": noSign(text, "here", "write '/'")
        case "≤": noSign(text, "here", "write '<='")
        case "≥": noSign(text, "here", "write '>='")
        case "≠": noSign(text, "here", "write '!='")
        case "²": noSign(text, "here", "write '^2'")
        case "³": noSign(text, "here", "write '^3'")
        case "√": noSign(text, "here", "write sqrt(x)")
        case "∑": noSign(text, "here", "write sum(x)")
        case "ᵀ", "′": noSign(text, "here", "write x.T")
        default: nil
        }
    }

    /// The entry for a word of Python, nil for others. Such words are good names where they stand alone.
    static func word(_ text: String) -> ForeignNotation? {
        switch text {
        case "and": noWord(text, "multiply comparisons: (a < b) * (b < c)")
        case "or": noWord(text, "write maximum(p, q)")
        case "not": noWord(text, "write 1 - p")
        case "if", "else": noWord(text, "write where(condition, a, b)")
        case "for", "in": noWord(text, "write with whole arrays, or reduce along an axis as in sum(x, axis=0)")
        case "lambda": noWord(text, "name the expression under 'definitions'")
        case "import", "from": noWord(text, "all functions are there already")
        case "is", "return", "def": noWord(text, nil)
        default: nil
        }
    }

    /// What is said of a command of LaTeX, backslash included.
    static func latex(_ command: String) -> ForeignNotation {
        ForeignNotation(
            message: "formulas are not written in LaTeX, so \(Printable.quote(command)) has no meaning",
            hint: latexForm(String(command.dropFirst())).map { "write \($0)" })
    }

    private static func latexForm(_ name: String) -> String? {
        switch name {
        case "sum": return "sum(x)"
        case "prod": return "prod(x)"
        case "frac", "dfrac", "tfrac": return "(a) / (b)"
        case "sqrt": return "sqrt(x)"
        case "cdot", "times", "odot": return "*"
        case "top", "intercal", "transpose": return "x.T"
        case "|", "Vert", "lVert", "rVert", "norm": return "norm(x)"
        case "left", "right", "big", "Big", "bigl", "bigr": return "the bracket alone"
        case "le", "leq": return "<="
        case "ge", "geq": return ">="
        case "mathbf", "mathrm", "bm", "boldsymbol", "text", "operatorname", "hat", "bar", "tilde":
            return "the name alone"
        case ",", ";", ":", "!", "quad", "qquad": return "a blank"
        default:
            if Function(rawValue: name) != nil { return "\(name)(x)" }
            let isWord = name.count > 1 && name.utf8.allSatisfy { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
            return isWord ? "\(name) for a name" : nil
        }
    }

    /// What is said of text in quotes.
    static let quotation = ForeignNotation(message: "a formula has no text in quotes", hint: "write names bare")
    /// What is said of `x'`.
    static let prime = ForeignNotation(message: "the sign ''' does not transpose", hint: "write x.T")
    /// Names under which Python programs import their functions.
    static let modules: Set<String> = ["np", "numpy", "jnp", "jax", "torch", "tf", "math", "scipy", "F"]

    /// Full-width forms stand in the order of ASCII.
    private static func narrow(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.compactMap { Unicode.Scalar($0.value - 0xFEE0) }))
    }

    private static func noSign(_ text: String, _ purpose: String, _ hint: String?) -> ForeignNotation {
        ForeignNotation(message: "there is no sign '\(text)' \(purpose)", hint: hint)
    }

    private static func noWord(_ text: String, _ hint: String?) -> ForeignNotation {
        ForeignNotation(message: "a formula has no '\(text)' as Python has", hint: hint)
    }
}
