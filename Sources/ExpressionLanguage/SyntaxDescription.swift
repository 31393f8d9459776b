// A tree as one line of text, an S-expression: for reading in tests and debuggers.

extension SyntaxTree: CustomDebugStringConvertible {
    /// The tree in prefix form, such as `(+ a (* 2.0 b))`; linear in the tree, without recursion.
    package var debugDescription: String {
        var text = ""
        var pending: [Piece] = [.node(root)]
        while let piece = pending.popLast() {
            switch piece {
            case .text(let words): text += words
            case .node(let node): pending += pieces(of: nodes[node].kind).reversed()
            }
        }
        return text
    }

    private enum Piece {
        case text(String)
        case node(Int)
    }

    private func pieces(of kind: SyntaxNode.Kind) -> [Piece] {
        switch kind {
        case .number(let value): [.text("\(value)")]
        case .name(let name): [.text(name)]
        case .unary(let operation, let operand):
            [.text("(\(operation.rawValue)"), .text(" "), .node(operand), .text(")")]
        case .binary(let operation, let left, let right):
            [.text("(\(operation.rawValue) "), .node(left), .text(" "), .node(right), .text(")")]
        case .call(let name, let arguments):
            [.text("(\(name)")] + arguments.flatMap(pieces(of:)) + [.text(")")]
        case .index(let base, let subscripts):
            [.text("(index "), .node(base)] + subscripts.flatMap(pieces(of:)) + [.text(")")]
        case .attribute(let base, let name): [.text("(.\(name) "), .node(base), .text(")")]
        case .list(let items): [.text("[")] + separated(items) + [.text("]")]
        }
    }

    private func pieces(of argument: Argument) -> [Piece] {
        [.text(argument.label.map { " \($0)=" } ?? " "), .node(argument.value)]
    }

    private func pieces(of part: Subscript) -> [Piece] {
        switch part.kind {
        case .element(let value): return [.text(" "), .node(value)]
        case .ellipsis: return [.text(" ...")]
        case .slice(let start, let stop, let step):
            let bounds = [start, stop, step].map { bound in bound.map { [Piece.node($0)] } ?? [] }
            let tail: [Piece] = step == nil ? [] : [.text(":")] + bounds[2]
            return [.text(" ")] + bounds[0] + [.text(":")] + bounds[1] + tail
        }
    }

    private func separated(_ items: [Int]) -> [Piece] {
        items.enumerated().flatMap { place, item in
            place == 0 ? [Piece.node(item)] : [.text(" "), .node(item)]
        }
    }
}
