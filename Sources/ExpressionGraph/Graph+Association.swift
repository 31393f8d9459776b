// Sums and products of several operands, told apart by their terms and factors and not by how they were bracketed.
// Derivatives of high order come upon the same ones in every order; each is built once.

/// Sums and products of three and more operands that a graph has, by what they are made of.
struct AssociationTable: Sendable {
    fileprivate var products: [[NodeID]: NodeID] = [:]
    fileprivate var sums: [[UInt64]: NodeID] = [:]

    /// Whether equal sums and products are looked for. A pass that chooses brackets does not want others' back.
    var isConsulted = true

    /// Operands beyond which a sum or product is taken as it stands.
    fileprivate static let limit = 8
}

extension Graph {
    // MARK: - Products

    /// The factors of a·b, products inside taken apart, sorted; `nil` where there are only two, or too many.
    private func factors(_ a: NodeID, _ b: NodeID) -> [NodeID]? {
        var factors: [NodeID] = []
        var stack = [a, b]
        while let id = stack.popLast() {
            switch operation(id) {
            case .binary(.multiply): stack += self[id].operands
            case .unary(.square): stack += [self[id].operands[0], self[id].operands[0]]
            default: factors.append(id)
            }
            if factors.count + stack.count > AssociationTable.limit { return nil }
        }
        return factors.count > 2 ? factors.sorted() : nil
    }

    /// The product of the same factors that exists already.
    func knownProduct(_ a: NodeID, _ b: NodeID) -> NodeID? {
        guard association.isConsulted else { return nil }
        return factors(a, b).flatMap { association.products[$0] }
    }

    // MARK: - Sums

    /// A term of a sum: a number times a node.
    private struct Term {
        var factor: Double
        let node: NodeID
    }

    private func terms(_ a: NodeID, _ b: NodeID) -> [Term]? {
        var terms: [Term] = []
        var stack = [Term(factor: 1, node: b), Term(factor: 1, node: a)]
        while let term = stack.popLast() {
            let operands = self[term.node].operands
            switch operation(term.node) {
            case .binary(.add): stack += operands.reversed().map { Term(factor: term.factor, node: $0) }
            case .unary(.negate): stack.append(Term(factor: -term.factor, node: operands[0]))
            default:
                if let (factor, rest) = scaling(term.node) {
                    stack.append(Term(factor: term.factor * factor, node: rest))
                } else {
                    terms.append(term)
                }
            }
            if terms.count + stack.count > AssociationTable.limit { return nil }
        }
        return terms
    }

    private func key(_ terms: [Term]) -> [UInt64]? {
        guard terms.count > 2 else { return nil }
        return terms.sorted { $0.node < $1.node }.flatMap { [UInt64($0.node.index), $0.factor.bitPattern] }
    }

    /// The sum with its like terms added, or the sum of the same terms that exists already. Terms of opposite signs
    /// stay unless the graph cancels them.
    mutating func knownSum(_ a: NodeID, _ b: NodeID) -> NodeID? {
        guard association.isConsulted, let terms = terms(a, b) else { return nil }
        var merged: [Term] = []
        for term in terms {
            guard let index = merged.firstIndex(where: { $0.node == term.node }) else {
                merged.append(term)
                continue
            }
            guard cancelsTerms || merged[index].factor.sign == term.factor.sign else { return nil }
            merged[index].factor += term.factor
        }
        if merged.count == terms.count { return key(terms).flatMap { association.sums[$0] } }
        let parts = merged.filter { $0.factor != 0 }.map { scale($0.factor, $0.node) }
        guard let first = parts.first else { return constant(0, shape: shape(a)) }
        return parts.dropFirst().reduce(first) { add($0, $1) }
    }

    // MARK: - Remembering

    /// Notes what a new node is made of.
    mutating func associate(_ id: NodeID) {
        guard association.isConsulted else { return }
        let operands = self[id].operands
        switch operation(id) {
        case .binary(.multiply):
            if let factors = factors(operands[0], operands[1]) { association.products[factors] = id }
        case .unary(.square):
            if let factors = factors(operands[0], operands[0]) { association.products[factors] = id }
        case .binary(.add):
            if let key = terms(operands[0], operands[1]).flatMap({ key($0) }) { association.sums[key] = id }
        default: break
        }
    }
}
