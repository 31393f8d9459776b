// Arguments that must be known before anything runs: axes, shapes, flags, indices.
import ExpressionGraph

extension Lowering {
    /// An integer literal, or arithmetic of literals that gives one; faults are reported.
    ///
    /// - Parameter clipping: whether a number beyond any array's size stands for the largest integer told exactly.
    mutating func integer(_ child: Int, _ what: String, clipping: Bool = false) -> Int? {
        guard case .expression(let expression) = values[child] else {
            if values[child] != nil {
                report(child, .wrongArgument, "\(what) is one integer, \(describeOperand(child)) came")
            }
            return nil
        }
        guard let value = graph.constantValue(expression.node), graph.shape(expression.node).rank == 0 else {
            report(child, .wrongArgument, "\(what) must be a number written in the formula")
            return nil
        }
        let limit = 0x1p53
        guard value == value.rounded() else {
            report(child, .wrongArgument, "\(what) must be an integer, came \(value)")
            return nil
        }
        guard clipping || abs(value) <= limit else {
            report(
                child, .wrongArgument,
                "\(what) is beyond every array: \(Printable.quote(tree.source[tree.nodes[child].span]))")
            return nil
        }
        // Between the limits, every integer is a float64 of its own.
        return Int(min(max(value, -limit), limit))
    }

    /// One integer, or a list of them.
    mutating func integers(_ child: Int, _ what: String) -> [Int]? {
        guard case .list(let items) = values[child] else { return integer(child, what).map { [$0] } }
        var result: [Int] = []
        for item in items {
            guard let value = integer(item, what) else { return nil }
            result.append(value)
        }
        return result
    }

    /// A dimension's number; negative ones count from the end.
    mutating func axisNumber(_ child: Int, rank: Int) -> Int? {
        guard let value = integer(child, "axis") else { return nil }
        return normalisedAxis(value, rank: rank, at: child)
    }

    mutating func normalisedAxis(_ value: Int, rank: Int, at child: Int) -> Int? {
        guard value >= -rank && value < rank else {
            let whole = rank == 0 ? "a number" : "an array of \(rank) " + (rank == 1 ? "dimension" : "dimensions")
            let last = rank == 1 ? "its only axis is 0" : "its axes are 0 to \(rank - 1)"
            report(
                child, .indexOutOfRange, "there is no axis \(value) in \(whole)", rank == 0 ? nil : last)
            return nil
        }
        return value < 0 ? value + rank : value
    }

    /// The dimensions a reduction runs over, ascending; all of them when none is named.
    mutating func reducedAxes(_ child: Int?, of x: Expression, at index: Int) -> [Int]? {
        let rank = graph.shape(x.node).rank
        guard let child, values[child] != LoweredValue.nothing else { return Array(0..<rank) }
        guard let given = integers(child, "axis") else { return nil }
        var result: [Int] = []
        for value in given {
            guard let axis = normalisedAxis(value, rank: rank, at: child) else { return nil }
            if result.contains(axis) {
                report(child, .wrongArgument, "axis \(value) is named twice")
                return nil
            }
            result.append(axis)
        }
        return result.sorted()
    }

    /// A flag: true, false, 1 or 0; false when not given.
    mutating func flag(_ child: Int?, named name: String) -> Bool? {
        guard let child else { return false }
        guard let value = integer(child, name) else { return nil }
        guard value == 0 || value == 1 else {
            report(child, .wrongArgument, "\(name) is true or false, came \(value)")
            return nil
        }
        return value == 1
    }
}
