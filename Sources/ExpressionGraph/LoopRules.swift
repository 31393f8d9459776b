// Forward and reverse rules of loops. Both are loops again, over the stacked carries of the first: the tangent's carry
// is ċ, the adjoint's is c̄. What a step of the adjoint gives beyond it are its parts of the captures' cotangents, which
// are summed, and the cotangent of its row. The cotangent of a sum is the same in every step, and a capture.

extension Graph {
    /// For every step, the carry that it begins with, [count, m].
    private mutating func carriesBefore(_ loop: Loop, _ operands: [NodeID]) -> NodeID {
        let start = operands[operands.count - 1]
        let after = self.loop(
            loop, .stacked(0..<loop.carryCount), captures: Array(operands.dropLast(2)),
            rows: operands[operands.count - 2], start: start)
        let first = reshape(start, to: Shape(sizes: [1, loop.carryCount]))
        if loop.count == 1 { return first }
        let width = SliceRange(0..<loop.carryCount)
        let kept = loop.isReversed ? 1..<loop.count : 0..<(loop.count - 1)
        let others = slice(after, [SliceRange(kept), width])
        return concatenate(loop.isReversed ? [others, first] : [first, others], axis: 0)
    }

    // MARK: - Forward

    /// The tangent of a loop; `nil` where nothing moves.
    mutating func loopTangent(
        _ loop: Loop, _ output: LoopOutput, _ operands: [NodeID], _ tangents: [NodeID?]
    ) -> NodeID? {
        let captureCount = loop.captureCount
        let moving = (0...captureCount).filter { tangents[$0] != nil }
        if moving.isEmpty && tangents[captureCount + 1] == nil { return nil }
        let step = loop.tangentStep(along: moving)
        var rows: [NodeID] = []
        if step.readsCarry { rows.append(carriesBefore(loop, operands)) }
        if step.readsRow { rows.append(operands[captureCount]) }
        if moving.contains(captureCount), let tangent = tangents[captureCount] { rows.append(tangent) }
        let captures = operands.prefix(captureCount) + moving.filter { $0 < captureCount }.compactMap { tangents[$0] }
        let start = tangents[captureCount + 1] ?? constant(0, shape: Shape(sizes: [loop.carryCount]))
        return self.loop(
            loop.derivative(step.derived.function, isReversed: loop.isReversed), output,
            captures: step.derived.kept.filter { $0 < captures.count }.map { captures[$0] },
            rows: joinRows(rows, count: loop.count), start: start)
    }

    /// Matrices with equally many rows side by side.
    private mutating func joinRows(_ parts: [NodeID], count: Int) -> NodeID {
        parts.isEmpty ? constant(0, shape: Shape(sizes: [count, 0])) : concatenate(parts, axis: 1)
    }

    // MARK: - Reverse

    /// What a loop passes on to its wanted operands.
    mutating func loopCotangents(
        _ loop: Loop, _ output: LoopOutput, _ operands: [NodeID], _ u: NodeID, _ wanted: Set<NodeID>
    ) -> [(NodeID, NodeID)] {
        let captureCount = loop.captureCount
        let moving = (0...captureCount).filter { wanted.contains(operands[$0]) }
        let step = loop.adjointStep(at: moving, output)
        var rows: [NodeID] = []
        if step.readsCarry { rows.append(carriesBefore(loop, operands)) }
        if step.readsRow { rows.append(operands[captureCount]) }
        let carry = Shape(sizes: [loop.carryCount])
        var start = constant(0, shape: carry)
        var captures = Array(operands[..<captureCount])
        switch output {
        case .final(let range): start = pad(u, [SliceRange(range)], to: carry)
        case .stacked: rows.append(u)
        case .summed: captures.append(u)
        }
        captures = step.derived.kept.filter { $0 < captures.count }.map { captures[$0] }
        let adjoint = loop.derivative(step.derived.function, isReversed: !loop.isReversed)
        let stack = joinRows(rows, count: loop.count)
        var result: [(NodeID, NodeID)] = []
        if wanted.contains(operands[captureCount + 1]) {
            let cotangent = self.loop(
                adjoint, .final(0..<loop.carryCount), captures: captures, rows: stack, start: start)
            result.append((operands[captureCount + 1], cotangent))
        }
        let others = moving.filter { $0 < captureCount }
        let shapes = others.map { shape(operands[$0]) }
        let end = loop.carryCount + shapes.reduce(0) { $0 + $1.fixedCount }
        if !others.isEmpty {
            let sums = self.loop(
                adjoint, .summed(loop.carryCount..<end), captures: captures, rows: stack, start: start)
            result += zip(others.map { operands[$0] }, cut(sums, into: shapes)).map { ($0, $1) }
        }
        if moving.contains(captureCount) {
            let cotangent = self.loop(
                adjoint, .stacked(end..<(end + loop.rowCount)), captures: captures, rows: stack, start: start)
            result.append((operands[captureCount], cotangent))
        }
        return result
    }
}

/// One step of a derived loop: a function (captures…, row, carry), and which parts the row is made of.
private struct DerivedStep {
    let derived: DerivedFunction
    let readsCarry: Bool
    let readsRow: Bool
}

extension Loop {
    private var carry: Int { captureCount + 1 }

    /// Inputs for all captures of the body, in `graph`.
    private func addCaptures(to graph: inout Graph) -> [NodeID] {
        (0..<captureCount).map { graph.addInput(like: body.parameters[$0], of: body.graph) }
    }

    /// The parts of a row, of these widths.
    private func addRow(_ widths: [Int], to graph: inout Graph) -> (row: NodeID, parts: [NodeID]) {
        let row = graph.addInput("row", shape: Shape(sizes: [widths.reduce(0, +)]), role: .value)
        return (row, graph.cut(row, into: widths.map { Shape(sizes: [$0]) }))
    }

    /// ċ ← ∂body: the row is (carry where it is read, x where it is read, ẋ where it moves).
    fileprivate func tangentStep(along moving: [Int]) -> DerivedStep {
        let tangent = body.tangent(along: moving + [carry])
        let readsCarry = tangent.kept.contains(carry)
        let readsRow = tangent.kept.contains(captureCount)
        let rowMoves = moving.contains(captureCount)
        let derived = body.derive(.tangentStep(moving)) {
            var graph = Graph()
            let captures = addCaptures(to: &graph)
            let tangents = moving.filter { $0 < captureCount }.map { index in
                graph.addInput("tangent \(index)", shape: body.shape(ofParameter: index), role: .value)
            }
            let widths = (readsCarry ? [carryCount] : []) + (readsRow ? [rowCount] : []) + (rowMoves ? [rowCount] : [])
            let (row, parts) = addRow(widths, to: &graph)
            let direction = graph.addInput("tangent of the carry", shape: Shape(sizes: [carryCount]), role: .value)
            var rest = parts[...]
            let unread = graph.constant(0, shape: Shape(sizes: [carryCount]))
            let unreadRow = graph.constant(0, shape: Shape(sizes: [rowCount]))
            let point = readsCarry ? rest.removeFirst() : unread
            let x = readsRow ? rest.removeFirst() : unreadRow
            let result = graph.apply(
                tangent, captures + [x, point] + tangents + (rowMoves ? [rest.removeFirst()] : []) + [direction])
            return DerivedFunction(result, of: captures + tangents + [row, direction], in: graph, keeping: 2)
        }
        return DerivedStep(derived: derived, readsCarry: readsCarry, readsRow: readsRow)
    }

    /// The cotangent of all that a step gives: of the carry, and of the range that is stacked or summed.
    private func joined(
        _ carry: NodeID, _ injected: NodeID?, at range: Range<Int>, in graph: inout Graph
    ) -> NodeID {
        func zeros(_ count: Int) -> NodeID { graph.constant(0, shape: Shape(sizes: [count])) }
        guard let injected else { return graph.flatten([carry, zeros(outputCount - carryCount)]) }
        if range.lowerBound >= carryCount {
            return graph.flatten([
                carry, zeros(range.lowerBound - carryCount), injected, zeros(outputCount - range.upperBound),
            ])
        }
        let padded = graph.pad(injected, [SliceRange(range)], to: body.outputShape)
        return graph.add(graph.flatten([carry, zeros(outputCount - carryCount)]), padded)
    }

    /// (c̄, k̄, x̄) ← the transposed derivative of the body at c̄, k̄ what the step adds to the captures' cotangents. The row
    /// is (carry where it is read, x where it is read, the cotangent of the step's stacked output where there is one); the
    /// cotangent of a sum is a capture behind the loop's own.
    fileprivate func adjointStep(at moving: [Int], _ output: LoopOutput) -> DerivedStep {
        let cotangent = body.cotangent(at: moving + [carry])
        let readsCarry = cotangent.kept.contains(carry)
        let readsRow = cotangent.kept.contains(captureCount)
        let derived = body.derive(.adjointStep(moving, output.isFinal ? nil : output)) {
            var graph = Graph()
            let captures = addCaptures(to: &graph)
            var stackedWidth: [Int] = []
            var sums: [NodeID] = []
            switch output {
            case .final: break
            case .stacked(let range): stackedWidth = [range.count]
            case .summed(let range):
                sums = [graph.addInput("cotangent of the sum", shape: Shape(sizes: [range.count]), role: .value)]
            }
            let widths = (readsCarry ? [carryCount] : []) + (readsRow ? [rowCount] : []) + stackedWidth
            let (row, parts) = addRow(widths, to: &graph)
            let before = graph.addInput("adjoint", shape: Shape(sizes: [carryCount]), role: .value)
            var rest = parts[...]
            let unread = graph.constant(0, shape: Shape(sizes: [carryCount]))
            let unreadRow = graph.constant(0, shape: Shape(sizes: [rowCount]))
            let point = readsCarry ? rest.removeFirst() : unread
            let x = readsRow ? rest.removeFirst() : unreadRow
            let u = joined(before, rest.first ?? sums.first, at: output.range, in: &graph)
            let all = graph.apply(cotangent, captures + [x, point, u])
            let given = graph.cut(all, into: cotangent.given.map { body.shape(ofParameter: $0) })
            let after = Dictionary(uniqueKeysWithValues: zip(cotangent.given, given))
            func collect(_ indices: [Int]) -> [NodeID] {
                indices.map { after[$0] ?? graph.constant(0, shape: body.shape(ofParameter: $0)) }
            }
            // The captures come before the row.
            let result = graph.flatten(collect([carry]) + collect(moving))
            return DerivedFunction(result, of: captures + sums + [row, before], in: graph, keeping: 2)
        }
        return DerivedStep(derived: derived, readsCarry: readsCarry, readsRow: readsRow)
    }
}
