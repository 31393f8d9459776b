// Nodes as formulas that a person reads: names of data and variables, infix operators, as few brackets as needed.
import Tensors

/// A piece of a formula, and how tightly its outermost operator binds.
struct FormulaPiece {
    enum Binding: Int, Comparable {
        case comparison, sum, product, sign, power, atom

        static func < (a: Binding, b: Binding) -> Bool { a.rawValue < b.rawValue }
    }

    let text: String
    let binding: Binding

    static func atom(_ text: String) -> FormulaPiece { FormulaPiece(text: text, binding: .atom) }

    /// The text as an operand of an operator that binds as tightly as `outer`.
    func inside(_ outer: Binding) -> String { binding < outer ? "(\(text))" : text }
}

/// Writes operations on operands that are written already.
struct FormulaWriter {
    let graph: Graph

    /// The operation of a node.
    func write(_ id: NodeID, _ x: [FormulaPiece]) -> FormulaPiece {
        let node = graph[id]
        switch node.operation {
        case .input(let symbol): return .atom(graph.symbols[symbol.index].name)
        case .constant(let bits): return number(Double(bitPattern: bits))
        case .unary(let function): return unary(function, x[0])
        case .binary(let function): return binary(function, x[0], x[1])
        case .select: return call("where", x)
        case .broadcast, .reshape: return x[0]
        case .sumTo: return reduction("sum", x[0], from: graph.shape(node.operands[0]), to: node.shape)
        case .extremum(.maximum, let axis): return call("max", x, "axis=\(axis)")
        case .extremum(.minimum, let axis): return call("min", x, "axis=\(axis)")
        case .logSumExp(let axis): return call("logsumexp", x, "axis=\(axis)")
        case .softmax(let axis): return call("softmax", x, "axis=\(axis)")
        case .cumulativeSum(let axis, let reverse):
            return call("cumsum", x, "axis=\(axis)" + (reverse ? " from the end" : ""))
        case .matmul(let transposeA, let transposeB):
            return infix("@", .product, [transposed(x[0], transposeA), transposed(x[1], transposeB)])
        case .sparseProduct(let isTransposed):
            return infix("@", .product, [transposed(x[0], isTransposed), x[1]])
        case .factor(.lu): return call("lu", x)
        case .factor(.cholesky): return call("cholesky", x)
        case .factoredSolve(_, let isTransposed): return call("solve", [transposed(x[0], isTransposed), x[1]])
        case .logDeterminant: return call("logdet", x)
        case .transpose: return transposed(x[0], true)
        case .slice(let ranges): return subscripted(x[0], ranges)
        case .pad(let ranges): return call("pad", [x[0]], "at \(positions(ranges))")
        case .concatenate: return call("concatenate", x)
        case .take(let axis): return call("take", x, "axis=\(axis)")
        case .takeAdd(let axis): return call("scatter_add", x, "axis=\(axis)")
        case .oneHot: return call("one_hot", x)
        case .function(.call): return call("call", x)
        case .function(.solution(let equilibrium)): return call(name(equilibrium.kind), x)
        case .function(.linearSolve): return call("linear_solve", x)
        case .function(.loop): return call("iterate", x)
        }
    }

    /// A shape with the names of sample axes: `[train, 22]`; empty for a number.
    func shape(_ shape: Shape) -> String {
        if shape.rank == 0 { return "" }
        let parts = shape.dimensions.map {
            switch $0 {
            case .size(let n): "\(n)"
            case .axis(let axis): graph.axes[axis.index].name
            }
        }
        return "[\(parts.joined(separator: ", "))]"
    }

    // MARK: - Notation

    private func name(_ kind: Equilibrium.Kind) -> String {
        switch kind {
        case .minimum: "argmin"
        case .fixedPoint: "fixed_point"
        case .proximal: "argmin"
        }
    }

    private func number(_ value: Double) -> FormulaPiece {
        let text = value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
        return FormulaPiece(text: text, binding: value.sign == .minus ? .sign : .atom)
    }

    private func call(_ name: String, _ x: [FormulaPiece], _ option: String? = nil) -> FormulaPiece {
        .atom("\(name)(\((x.map(\.text) + (option.map { [$0] } ?? [])).joined(separator: ", ")))")
    }

    /// Operands from left to right; the right one needs brackets where it binds no tighter.
    private func infix(_ symbol: String, _ binding: FormulaPiece.Binding, _ x: [FormulaPiece]) -> FormulaPiece {
        let right = x[1].binding <= binding && symbol != "+" ? "(\(x[1].text))" : x[1].inside(binding)
        return FormulaPiece(text: "\(x[0].inside(binding)) \(symbol) \(right)", binding: binding)
    }

    private func transposed(_ x: FormulaPiece, _ isTransposed: Bool) -> FormulaPiece {
        isTransposed ? .atom("\(x.inside(.atom)).T") : x
    }

    private func unary(_ function: UnaryFunction, _ x: FormulaPiece) -> FormulaPiece {
        switch function {
        case .negate: FormulaPiece(text: "-\(x.inside(.sign))", binding: .sign)
        case .square: FormulaPiece(text: "\(x.inside(.atom))^2", binding: .power)
        case .reciprocal: FormulaPiece(text: "1 / \(x.inside(.sign))", binding: .product)
        case .isPositive: FormulaPiece(text: "\(x.inside(.sum)) > 0", binding: .comparison)
        case .absolute: call("abs", [x])
        case .sign: call("sign", [x])
        case .squareRoot: call("sqrt", [x])
        case .exp: call("exp", [x])
        case .expm1: call("expm1", [x])
        case .log: call("log", [x])
        case .log1p: call("log1p", [x])
        case .sin: call("sin", [x])
        case .cos: call("cos", [x])
        case .tan: call("tan", [x])
        case .tanh: call("tanh", [x])
        case .sigmoid: call("sigmoid", [x])
        case .softplus: call("softplus", [x])
        case .erf: call("erf", [x])
        case .relu: call("relu", [x])
        }
    }

    private func binary(_ function: BinaryFunction, _ a: FormulaPiece, _ b: FormulaPiece) -> FormulaPiece {
        switch function {
        case .add:
            // a + (−b) is written as a − b, whichever of the two is negative.
            if b.text.hasPrefix("-") && b.binding == .sign { return difference(a, b) }
            if a.text.hasPrefix("-") && a.binding == .sign { return difference(b, a) }
            return infix("+", .sum, [a, b])
        case .multiply: return infix("*", .product, [a, b])
        case .divide: return infix("/", .product, [a, b])
        case .power: return FormulaPiece(text: "\(a.inside(.atom))^\(b.inside(.atom))", binding: .power)
        case .minimum: return call("minimum", [a, b])
        case .maximum: return call("maximum", [a, b])
        case .less: return infix("<", .comparison, [a, b])
        case .lessEqual: return infix("<=", .comparison, [a, b])
        case .equal: return infix("==", .comparison, [a, b])
        }
    }

    private func difference(_ a: FormulaPiece, _ negative: FormulaPiece) -> FormulaPiece {
        FormulaPiece(text: "\(a.inside(.sum)) - \(negative.text.dropFirst())", binding: .sum)
    }

    private func reduction(_ name: String, _ x: FormulaPiece, from source: Shape, to target: Shape) -> FormulaPiece {
        if target.isSingleElement { return call(name, [x]) }
        let reduced = source.dimensions.indices.filter { source[$0] != target[$0] }
        return call(name, [x], "axis=\(reduced.map { "\($0)" }.joined(separator: ", axis="))")
    }

    private func subscripted(_ x: FormulaPiece, _ ranges: [SliceRange]) -> FormulaPiece {
        .atom("\(x.inside(.atom))\(positions(ranges))")
    }

    private func positions(_ ranges: [SliceRange]) -> String {
        let parts = ranges.map { range in
            guard case .size(let count) = range.count else { return ":" }
            let end = range.start + range.step * count
            return range.step == 1 ? "\(range.start):\(end)" : "\(range.start):\(end):\(range.step)"
        }
        return "[\(parts.joined(separator: ", "))]"
    }
}

extension Graph {
    /// A node as a formula, `depth` operations deep; what lies deeper is `…`.
    package func formula(_ id: NodeID, depth: Int) -> String { piece(id, depth).text }

    private func piece(_ id: NodeID, _ depth: Int) -> FormulaPiece {
        let node = self[id]
        let operands: [FormulaPiece]
        switch node.operation {
        // They are not written, so they take no depth; graphs hold no two of them in a row.
        case .reshape, .broadcast: operands = [piece(node.operands[0], depth)]
        case .input, .constant: operands = []
        case .unary, .binary, .select, .sumTo, .extremum, .logSumExp, .softmax, .cumulativeSum, .matmul,
            .sparseProduct, .factor, .factoredSolve, .logDeterminant, .transpose, .slice, .pad, .concatenate, .take,
            .takeAdd, .oneHot, .function:
            if depth == 0 { return .atom("…") }
            operands = node.operands.map { piece($0, depth - 1) }
        }
        return FormulaWriter(graph: self).write(id, operands)
    }
}
