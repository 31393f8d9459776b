// The functions of formulas: their names, and how they are called.

/// A function that formulas can call; the raw value is its name.
package enum Function: String, CaseIterable, Sendable {
    case exp, log, log1p, expm1, sqrt, square, abs, sign, sin, cos, tan, tanh, sigmoid, softplus, relu, gelu, erf
    case minimum, maximum, clip
    case `where`
    case sum, mean, max, min, prod, cumsum, logsumexp, softmax
    case logSoftmax = "log_softmax"
    case norm, dot, outer, trace, diag, transpose, reshape, concatenate, stack, take
    case oneHot = "one_hot"
    case logisticLoss = "logistic_loss"
    case binaryCrossEntropy = "binary_cross_entropy"
    case crossEntropy = "cross_entropy"
    case squaredHinge = "squared_hinge"
    case huber
    case logdet, inverse, solve
    case choleskySolve = "cholesky_solve"
    // Reserved: part of the language, not computed yet, refused by name.
    case conv2d
    case maxPool2d = "max_pool2d"
    case averagePool2d = "average_pool2d"

    /// What to write instead of a function that is not there, where that can be guessed.
    static func hint(for name: String) -> String? {
        let known = allCases.map(\.rawValue)
        return ForeignFunction.advice(for: name) ?? LookAlikes.hint(for: name, among: known)
            ?? Suggestions.nearest(to: name, among: known).map { "did you mean '\($0)'?" }
    }

    /// How a function is called: its parameters in order, and how many of them must be given.
    struct Signature {
        let parameters: [String]
        let required: Int

        init(_ parameters: String..., required: Int? = nil) {
            self.parameters = parameters
            self.required = required ?? parameters.count
        }
    }

    var signature: Signature {
        switch self {
        case .exp, .log, .log1p, .expm1, .sqrt, .square, .abs, .sign, .sin, .cos, .tan, .tanh, .sigmoid, .softplus,
            .relu, .gelu, .erf, .trace, .diag, .logdet, .inverse:
            Signature("x")
        case .minimum, .maximum, .dot, .outer, .solve, .choleskySolve: Signature("a", "b")
        case .clip: Signature("x", "low", "high")
        case .where: Signature("condition", "a", "b")
        case .sum, .mean, .max, .min, .prod, .logsumexp: Signature("x", "axis", "keepdims", required: 1)
        case .norm: Signature("x", "ord", "axis", "keepdims", required: 1)
        case .cumsum, .softmax, .logSoftmax: Signature("x", "axis", required: 1)
        case .transpose: Signature("x", "axes", required: 1)
        case .reshape: Signature("x", "shape")
        case .concatenate, .stack: Signature("arrays", "axis", required: 1)
        case .take: Signature("x", "indices", "axis", required: 2)
        case .oneHot: Signature("labels", "classes")
        case .logisticLoss, .squaredHinge: Signature("margin", "y")
        case .binaryCrossEntropy: Signature("logits", "y")
        case .crossEntropy: Signature("logits", "labels")
        case .huber: Signature("r", "delta")
        case .conv2d: Signature("x", "kernel")
        case .maxPool2d, .averagePool2d: Signature("x", "size")
        }
    }
}

/// The arguments of a call, in the order of the function's parameters.
struct BoundArguments {
    /// Syntax nodes; `nil` for optional parameters that are not given.
    let nodes: [Int?]

    /// A required argument.
    subscript(_ index: Int) -> Int {
        // Binding has checked that required parameters are given.
        nodes[index]!
    }

    func optional(_ index: Int) -> Int? { index < nodes.count ? nodes[index] : nil }
}

extension Lowering {
    /// Matches arguments with parameters; every mistake is reported.
    mutating func bind(_ arguments: [Argument], to function: Function, at index: Int) -> BoundArguments? {
        let signature = function.signature
        var nodes = [Int?](repeating: nil, count: signature.parameters.count)
        var isValid = true
        for (position, argument) in arguments.enumerated() {
            if let label = argument.label {
                guard let slot = signature.parameters.firstIndex(of: label) else {
                    reportUnknownLabel(label, function, signature, argument)
                    isValid = false
                    continue
                }
                if nodes[slot] != nil {
                    report(argument.value, .wrongArgument, "\(label) is given twice")
                    isValid = false
                }
                nodes[slot] = argument.value
            } else if position < nodes.count {
                nodes[position] = argument.value
            }
        }
        let positional = arguments.count { $0.label == nil }
        let missing = signature.parameters.prefix(signature.required).enumerated().filter { nodes[$0.offset] == nil }
        if positional > nodes.count || (isValid && !missing.isEmpty) {
            report(
                index, .wrongArgumentCount,
                "\(function.rawValue) takes \(describe(signature)), came \(arguments.count) "
                    + (arguments.count == 1 ? "argument" : "arguments"))
            return nil
        }
        return isValid ? BoundArguments(nodes: nodes) : nil
    }

    private mutating func reportUnknownLabel(
        _ label: String, _ function: Function, _ signature: Function.Signature, _ argument: Argument
    ) {
        let isTorch = ["dim", "dims"].contains(label) && signature.parameters.contains("axis")
        let nearest = isTorch ? "axis" : Suggestions.nearest(to: label, among: signature.parameters)
        let hint = nearest.map { "did you mean '\($0)'?" }
        report(
            argument.value, .wrongArgument,
            "\(function.rawValue) has no parameter called \(Printable.quote(label)); it takes \(describe(signature))",
            hint)
    }

    private func describe(_ signature: Function.Signature) -> String {
        let names = signature.parameters.enumerated().map {
            $0.offset < signature.required ? $0.element : "\($0.element)="
        }
        return "(\(names.joined(separator: ", ")))"
    }
}
