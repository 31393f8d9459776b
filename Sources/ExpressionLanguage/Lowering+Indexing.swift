// Subscripts: elements, slices with steps, integer vectors, with NumPy's meaning.
import ExpressionGraph

extension Lowering {
    mutating func lowerIndex(_ base: Int, _ given: [Subscript], at index: Int) -> LoweredValue? {
        guard let x = expression(base, for: index) else { return nil }
        let shape = graph.shape(x.node)
        guard let subscripts = withoutEllipsis(given, shape.rank, at: index) else { return nil }
        let written = subscripts.map(kind)
        let old = subscripts.indices.filter { written[$0] != .newDimension }
        guard old.count <= shape.rank else {
            reportTooManySubscripts(base, shape.rank, old.count, at: index)
            return nil
        }
        let kinds = old.map { written[$0] }
        guard let part = slice(x, shape, old.map { subscripts[$0] }, kinds, at: index) else { return nil }
        guard kinds.contains(.array) else { return .expression(extended(part, written)) }
        guard old.count == written.count else {
            report(index, .unsupported, "None beside an array of indices is not computed", "index first, then reshape")
            return nil
        }
        return gather(part, subscripts, kinds, at: index).map(LoweredValue.expression)
    }

    /// `...` written out: a `:` for every dimension that no other subscript takes.
    private mutating func withoutEllipsis(_ given: [Subscript], _ rank: Int, at index: Int) -> [Subscript]? {
        guard let place = given.firstIndex(where: { $0.kind == .ellipsis }) else { return given }
        guard given.count(where: { $0.kind == .ellipsis }) == 1 else {
            report(index, .wrongArgument, "an index takes '...' once")
            return nil
        }
        let others = given.count { $0.kind != .ellipsis && kind($0) != .newDimension }
        let whole = Subscript(kind: .slice(start: nil, stop: nil, step: nil), span: given[place].span)
        let filling = Array(repeating: whole, count: max(rank - others, 0))
        return Array(given[..<place] + filling + given[(place + 1)...])
    }

    private mutating func reportTooManySubscripts(_ base: Int, _ rank: Int, _ count: Int, at index: Int) {
        let came = "\(count) \(count == 1 ? "subscript" : "subscripts") came"
        let written = tree.source[tree.nodes[base].span]
        let name = written.count <= 24 ? Printable.text(written) : "x"
        switch rank {
        case 0: report(index, .indexOutOfRange, "\(describeOperand(base)), which has no entries, but \(came)")
        case 1:
            report(
                index, .indexOutOfRange,
                "\(describeOperand(base)), a vector, which takes one subscript, but \(came)",
                "write \(name)[0] for an entry, \(name)[:, None] for a column")
        default:
            report(
                index, .indexOutOfRange,
                "\(describeOperand(base)), which takes up to \(rank) subscripts, one for each dimension, but \(came)")
        }
    }

    /// Dimensions of size 1 where `None` stands.
    private mutating func extended(_ x: Expression, _ kinds: [SubscriptKind]) -> Expression {
        var left = graph.shape(x.node).dimensions[...]
        var result: [Dimension] = []
        for kind in kinds {
            switch kind {
            case .number: continue
            case .newDimension: result.append(.size(1))
            case .range, .array: result.append(left.removeFirst())
            }
        }
        return moved(x, graph.reshape(x.node, to: Shape(result + left)))
    }

    /// What a subscript does with its dimension.
    enum SubscriptKind {
        /// Drops it.
        case number
        /// Keeps some of it.
        case range
        /// Replaces it by the dimensions of an array or list of indices.
        case array
        /// Belongs to none and makes one.
        case newDimension
    }

    private func kind(_ entry: Subscript) -> SubscriptKind {
        guard case .element(let child) = entry.kind else { return .range }
        switch values[child] {
        case .list: return .array
        case .expression(let expression): return graph.shape(expression.node).rank > 0 ? .array : .number
        case .nothing: return .newDimension
        case nil: return .number
        }
    }

    private func isWhole(_ entry: Subscript) -> Bool { entry.kind == .slice(start: nil, stop: nil, step: nil) }

    /// Applies the numbers and ranges among the subscripts.
    private mutating func slice(
        _ x: Expression, _ shape: Shape, _ subscripts: [Subscript], _ kinds: [SubscriptKind], at index: Int
    ) -> Expression? {
        var ranges = shape.dimensions.map(SliceRange.all)
        var dropped: [Int] = []
        var isValid = true
        var cutsSamples = false
        for (dimension, entry) in subscripts.enumerated() where kinds[dimension] != .array && !isWhole(entry) {
            let size = extent(shape[dimension])
            switch entry.kind {
            case .element(let child):
                if let value = integer(child, "an index"), let position = position(value, of: size, at: child) {
                    ranges[dimension] = SliceRange(start: position, step: 1, count: .size(1))
                    dropped.append(dimension)
                } else {
                    isValid = false
                }
            case .slice(let start, let stop, let step):
                guard let range = sliceRange(start, stop, step, of: size, at: index) else {
                    isValid = false
                    continue
                }
                ranges[dimension] = range
            // Written out before.
            case .ellipsis: continue
            }
            cutsSamples = cutsSamples || shape[dimension].isAxis
        }
        guard isValid else { return nil }
        var result = x
        let node = graph.slice(x.node, ranges)
        let kept = (0..<shape.rank).filter { !dropped.contains($0) }.map { graph.shape(node)[$0] }
        result.node = graph.reshape(node, to: Shape(kept))
        if cutsSamples && result.samplingFault == nil {
            result.samplingFault = fullBatchOnly(index, "a subscript over samples")
        }
        return result
    }

    func extent(_ dimension: Dimension) -> Int {
        switch dimension {
        case .size(let n): n
        case .axis(let axis): graph.axes[axis.index].rows
        }
    }

    /// A position in 0 ..< count; negative ones count from the end.
    mutating func position(_ value: Int, of count: Int, at child: Int) -> Int? {
        guard value >= -count && value < count else {
            report(child, .indexOutOfRange, "there is no index \(value) in a dimension of size \(count)")
            return nil
        }
        return value < 0 ? value + count : value
    }

    /// `start:stop:step`, bounds clipped as NumPy clips them.
    private mutating func sliceRange(
        _ start: Int?, _ stop: Int?, _ step: Int?, of count: Int, at index: Int
    ) -> SliceRange? {
        var bounds: (start: Int?, stop: Int?, step: Int) = (nil, nil, 1)
        if let start {
            guard let value = integer(start, "a slice's start", clipping: true) else { return nil }
            bounds.start = value
        }
        if let stop {
            guard let value = integer(stop, "a slice's end", clipping: true) else { return nil }
            bounds.stop = value
        }
        if let step {
            guard let value = integer(step, "a slice's step") else { return nil }
            guard value != 0, value > Int(Int32.min) else {
                report(step, .wrongArgument, "a slice's step cannot be \(value)")
                return nil
            }
            bounds.step = value
        }
        return clipped(bounds, count)
    }

    private func clipped(_ bounds: (start: Int?, stop: Int?, step: Int), _ count: Int) -> SliceRange {
        let forward = bounds.step > 0
        let lowest = forward ? 0 : -1
        let highest = forward ? count : count - 1
        func place(_ value: Int?, _ absent: Int) -> Int {
            guard let value else { return absent }
            return min(max(value < 0 ? max(value, -count - 1) + count : value, lowest), highest)
        }
        let start = place(bounds.start, forward ? 0 : count - 1)
        let stop = place(bounds.stop, forward ? count : -1)
        let distance = forward ? stop - start : start - stop
        let size = abs(bounds.step)
        let length = distance <= 0 ? 0 : (distance - 1) / size + 1
        return SliceRange(start: length == 0 ? 0 : start, step: length <= 1 ? 1 : bounds.step, count: .size(length))
    }
}
