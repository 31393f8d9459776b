// Simplifications of slices, pads and joins: what was joined and is cut again, or the other way round, is never built,
// so that vectors of several variables hide nothing from the comparison of nodes.

extension Graph {
    /// Blocks of a join beyond which sums are not merged into it: merging copies them all.
    private static let blockLimit = 64

    // MARK: - Slices

    /// A simpler form of a slice, of shape `target`; `nil` where there is none.
    mutating func simplifySlice(_ a: NodeID, _ ranges: [SliceRange], _ target: Shape) -> NodeID? {
        let source = self[a].operands.first ?? a
        switch operation(a) {
        case .unary(.negate):
            let inner = slice(source, ranges)
            return negate(inner)
        case .slice(let outer): return slice(source, zip(outer, ranges).map { $0.composed(with: $1) })
        case .pad(let places): return slicePad(source, places, ranges, target)
        case .concatenate(let axis): return sliceJoin(self[a].operands, axis, ranges)
        default:
            guard let (factor, rest) = scaling(a) else { return nil }
            let inner = slice(rest, ranges)
            return scale(factor, inner)
        }
    }

    /// The part of a pad that lies in the slice.
    private mutating func slicePad(
        _ source: NodeID, _ places: [SliceRange], _ ranges: [SliceRange], _ target: Shape
    ) -> NodeID? {
        var inner: [SliceRange] = []
        var outer: [SliceRange] = []
        for (place, range) in zip(places, ranges) {
            // A whole dimension on either side leaves the other's positions as they are.
            if place == .all(place.count), range == .all(place.count) {
                inner.append(range)
                outer.append(range)
                continue
            }
            guard let held = place.positions, let wanted = range.positions else { return nil }
            let common =
                max(
                    held.lowerBound, wanted.lowerBound)..<max(
                    max(held.lowerBound, wanted.lowerBound), min(held.upperBound, wanted.upperBound))
            if common.isEmpty { return constant(0, shape: target) }
            inner.append(SliceRange((common.lowerBound - place.start)..<(common.upperBound - place.start)))
            outer.append(SliceRange((common.lowerBound - range.start)..<(common.upperBound - range.start)))
        }
        let part = slice(source, inner)
        return pad(part, outer, to: target)
    }

    /// The parts of a join that lie in the slice.
    private mutating func sliceJoin(_ parts: [NodeID], _ axis: Int, _ ranges: [SliceRange]) -> NodeID? {
        guard let wanted = ranges[axis].positions else { return nil }
        var taken: [NodeID] = []
        var start = 0
        for part in parts {
            guard case .size(let count) = shape(part)[axis] else { return nil }
            let low = max(wanted.lowerBound, start)
            let high = min(wanted.upperBound, start + count)
            if low < high {
                var inner = ranges
                inner[axis] = SliceRange((low - start)..<(high - start))
                taken.append(slice(part, inner))
            }
            start += count
        }
        return taken.isEmpty ? nil : concatenate(taken, axis: axis)
    }

    // MARK: - Joins

    /// The parts with neighbours put together where they are neighbours of one array, or one constant.
    mutating func simplifyParts(_ parts: [NodeID], axis: Int) -> [NodeID] {
        var result: [NodeID] = []
        var pending = Array(parts.reversed())
        while let part = pending.popLast() {
            if case .concatenate(axis) = operation(part), result.count + pending.count <= Self.blockLimit {
                pending += self[part].operands.reversed()
            } else if shape(part)[axis] == .size(0) {
                continue
            } else if let last = result.last, let both = merge(last, part, axis) {
                result[result.count - 1] = both
            } else {
                result.append(part)
            }
        }
        return result
    }

    private mutating func merge(_ a: NodeID, _ b: NodeID, _ axis: Int) -> NodeID? {
        guard case .size(let first) = shape(a)[axis], case .size(let second) = shape(b)[axis] else { return nil }
        switch (operation(a), operation(b)) {
        case (.constant(let x), .constant(let y)) where x == y:
            return constant(Double(bitPattern: x), shape: shape(a).replacing(axis, with: .size(first + second)))
        case (.slice(let x), .slice(let y)) where self[a].operands == self[b].operands:
            guard let low = x[axis].positions, let high = y[axis].positions, low.upperBound == high.lowerBound
            else { return nil }
            var whole = x
            whole[axis] = y[axis]
            guard whole == y else { return nil }
            whole[axis] = SliceRange(low.lowerBound..<high.upperBound)
            return slice(self[a].operands[0], whole)
        default: return nil
        }
    }

    /// A join with one part that is not zero is a pad.
    mutating func padForJoin(_ parts: [NodeID], axis: Int, _ target: Shape) -> NodeID? {
        let full = parts.indices.filter { !isZero(parts[$0]) }
        guard full.count == 1, let index = full.first, case .size(let count) = shape(parts[index])[axis] else {
            return nil
        }
        let start = parts[..<index].reduce(0) { sum, part in
            if case .size(let n) = shape(part)[axis] { sum + n } else { sum }
        }
        var ranges = target.dimensions.map(SliceRange.all)
        ranges[axis] = SliceRange(start..<(start + count))
        return pad(parts[index], ranges, to: target)
    }

    // MARK: - Sums

    /// An array made of blocks along one axis; what is not named is zero.
    private struct Blocks {
        let axis: Int
        let count: Int
        var blocks: [(range: Range<Int>, node: NodeID)]
    }

    private func blocks(_ id: NodeID) -> Blocks? {
        switch operation(id) {
        case .pad(let ranges):
            let moved = ranges.indices.filter { ranges[$0] != .all(shape(id)[$0]) }
            guard moved.count == 1, let range = ranges[moved[0]].positions,
                case .size(let count) = shape(id)[moved[0]]
            else { return nil }
            return Blocks(axis: moved[0], count: count, blocks: [(range, self[id].operands[0])])
        case .concatenate(let axis):
            var start = 0
            var result = Blocks(axis: axis, count: 0, blocks: [])
            for part in self[id].operands {
                guard case .size(let count) = shape(part)[axis] else { return nil }
                if !isZero(part) { result.blocks.append((start..<(start + count), part)) }
                start += count
            }
            return Blocks(axis: axis, count: start, blocks: result.blocks)
        default: return nil
        }
    }

    /// The sum of two arrays of blocks, block by block; `nil` where a block of one meets parts of the other's.
    mutating func sumOfBlocks(_ a: NodeID, _ b: NodeID) -> NodeID? {
        guard let first = blocks(a), let second = blocks(b), first.axis == second.axis,
            first.blocks.count + second.blocks.count <= Self.blockLimit
        else { return nil }
        let together = (first.blocks + second.blocks).sorted { $0.range.lowerBound < $1.range.lowerBound }
        var merged: [(range: Range<Int>, node: NodeID)] = []
        for block in together {
            guard let last = merged.last, last.range.overlaps(block.range) else {
                merged.append(block)
                continue
            }
            guard last.range == block.range else { return nil }
            merged[merged.count - 1].node = add(last.node, block.node)
        }
        var parts: [NodeID] = []
        var end = 0
        func zeros(_ count: Int) -> NodeID {
            constant(0, shape: shape(a).replacing(first.axis, with: .size(count)))
        }
        for block in merged {
            if block.range.lowerBound > end { parts.append(zeros(block.range.lowerBound - end)) }
            parts.append(block.node)
            end = block.range.upperBound
        }
        if end < first.count { parts.append(zeros(first.count - end)) }
        return concatenate(parts, axis: first.axis)
    }
}

extension SliceRange {
    /// The positions, where they are neighbours of a dimension of fixed size.
    fileprivate var positions: Range<Int>? {
        if case .size(let count) = count, step == 1 { start..<(start + count) } else { nil }
    }

    /// Positions of these positions.
    fileprivate func composed(with inner: SliceRange) -> SliceRange {
        SliceRange(start: start + inner.start * step, step: step * inner.step, count: inner.count)
    }
}
