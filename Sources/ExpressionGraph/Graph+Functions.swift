// Constructors of the nodes that carry functions.

extension Graph {
    /// The value of a function: its body on these arguments where that only takes plain operations, else one node, so
    /// that what is solved inside is not written out again at every use.
    package mutating func apply(_ function: GraphFunction, _ arguments: [NodeID]) -> NodeID {
        precondition(arguments.count == function.parameters.count, "a function takes one argument for each parameter")
        if function.isPlain {
            let image = Dictionary(uniqueKeysWithValues: zip(function.parameters, arguments))
            return copy([function.output], from: function.graph, image: image)[0]
        }
        let bindings = bindings(of: function, to: arguments)
        if bindings.contains(where: { $0 != .own }) { return apply(function.specialized(to: bindings), arguments) }
        return intern(.function(.call(function)), arguments, function.outputShape)
    }

    /// Which arguments bring nothing of their own: numbers, and what stands for two parameters.
    private func bindings(of function: GraphFunction, to arguments: [NodeID]) -> [ParameterBinding] {
        arguments.indices.map { index in
            if let value = constantValue(arguments[index]) { return .constant(value.bitPattern) }
            let first = arguments.firstIndex(of: arguments[index]) ?? index
            return first < index && function.isData(first) == function.isData(index) ? .same(as: first) : .own
        }
    }

    /// The value of a derived function, given the arguments of which it takes some.
    package mutating func apply(_ derived: DerivedFunction, _ arguments: [NodeID]) -> NodeID {
        apply(derived.function, derived.select(arguments))
    }

    /// The best response z, [d], where the equilibrium's residual vanishes. Solvers begin at `start`, [d]; nothing is
    /// differentiated with respect to it.
    package mutating func solution(_ equilibrium: Equilibrium, captures: [NodeID], start: NodeID) -> NodeID {
        precondition(captures.count == equilibrium.captureCount, "an equilibrium takes all of its captures")
        return intern(.function(.solution(equilibrium)), captures + [start], equilibrium.residual.outputShape)
    }

    /// The solution x of A x = rhs, or Aᵀ x = rhs.
    package mutating func linearSolve(
        _ system: LinearSystem, transposed: Bool = false, parameters: [NodeID], rhs: NodeID
    ) -> NodeID {
        if isZero(rhs) { return rhs }
        if case .unary(.negate) = operation(rhs) {
            let inner = linearSolve(system, transposed: transposed, parameters: parameters, rhs: self[rhs].operands[0])
            return negate(inner)
        }
        if let (factor, rest) = scaling(rhs) {
            let inner = linearSolve(system, transposed: transposed, parameters: parameters, rhs: rest)
            return scale(factor, inner)
        }
        if let factor = system.multiple { return scale(1 / factor, rhs) }
        let isTransposed = transposed && !system.isSymmetric
        return intern(
            .function(.linearSolve(system, transposed: isTransposed)), parameters + [rhs], system.product.outputShape)
    }

    /// What a loop gives. Nodes of one loop on the same operands run once, whatever they give.
    ///
    /// - Parameters:
    ///   - rows: x, [count, q].
    ///   - start: the first carry, [m].
    package mutating func loop(
        _ loop: Loop, _ output: LoopOutput, captures: [NodeID], rows: NodeID, start: NodeID
    ) -> NodeID {
        precondition(shape(rows) == Shape(sizes: [loop.count, loop.rowCount]), "a loop takes one row for each step")
        if loop.count == 0 {
            switch output {
            case .final(let range): return slice(start, [SliceRange(range)])
            case .stacked, .summed: return constant(0, shape: output.shape(count: 0))
            }
        }
        return intern(.function(.loop(loop, output)), captures + [rows, start], output.shape(count: loop.count))
    }

    /// The loop's final carry by segments of `length` steps: differentiated in reverse, it keeps one carry for every
    /// segment and, while it goes through a segment, those of its steps; every step is computed twice.
    ///
    /// A `length` near √count takes the least memory: 2√count carries instead of `count`.
    ///
    /// - Precondition: the steps give a carry and nothing else.
    package mutating func segmentedLoop(
        _ whole: Loop, length: Int, captures: [NodeID], rows: NodeID, start: NodeID
    ) -> NodeID {
        let carry = 0..<whole.carryCount
        let segments = length > 0 ? whole.count / length : 0
        guard segments > 1 else { return loop(whole, .final(carry), captures: captures, rows: rows, start: start) }
        let segment = Self.segment(whole.part(whole.body, count: length))
        let full = segments * length
        // A reversed loop begins with the last rows, so its short segment, made last, is the first rows.
        let skipped = whole.isReversed ? whole.count - full : 0
        let width = SliceRange(0..<whole.rowCount)
        let inSegments = slice(rows, [SliceRange(skipped..<(skipped + full)), width])
        let blocks = reshape(inSegments, to: Shape(sizes: [segments, length * whole.rowCount]))
        let outer = whole.part(segment, count: segments)
        let middle = loop(outer, .final(carry), captures: captures, rows: blocks, start: start)
        let rest = whole.part(whole.body, count: whole.count - full)
        let first = whole.isReversed ? 0 : full
        let restRows = slice(rows, [SliceRange(first..<(first + rest.count)), width])
        return loop(rest, .final(carry), captures: captures, rows: restRows, start: middle)
    }

    /// The steps of one segment as one step.
    private static func segment(_ loop: Loop) -> GraphFunction {
        var graph = Graph()
        var inputs = (0..<loop.captureCount).map { graph.addInput(like: loop.body.parameters[$0], of: loop.body.graph) }
        let captures = inputs
        let block = graph.addInput("rows", shape: Shape(sizes: [loop.count * loop.rowCount]), role: .value)
        let carry = graph.addInput("carry", shape: Shape(sizes: [loop.carryCount]), role: .value)
        inputs += [block, carry]
        let rows = graph.reshape(block, to: Shape(sizes: [loop.count, loop.rowCount]))
        let last = graph.loop(loop, .final(0..<loop.carryCount), captures: captures, rows: rows, start: carry)
        return GraphFunction(last, of: inputs, in: graph)
    }

    /// The same node on other operands.
    mutating func rebuildFunctionNode(_ function: FunctionOperation, _ x: [NodeID]) -> NodeID {
        switch function {
        case .call(let function): apply(function, x)
        case .solution(let equilibrium):
            solution(equilibrium, captures: Array(x.dropLast()), start: x[x.count - 1])
        case .linearSolve(let system, let transposed):
            linearSolve(system, transposed: transposed, parameters: Array(x.dropLast()), rhs: x[x.count - 1])
        case .loop(let loop, let output):
            self.loop(loop, output, captures: Array(x.dropLast(2)), rows: x[x.count - 2], start: x[x.count - 1])
        }
    }

    // MARK: - Vectors

    /// The arrays one after the other, as one vector.
    package mutating func flatten(_ parts: [NodeID]) -> NodeID {
        let full = parts.filter { shape($0).fixedCount > 0 }
        if full.isEmpty { return constant(0, shape: Shape(sizes: [0])) }
        let vectors = full.map { part in reshape(part, to: Shape(sizes: [shape(part).fixedCount])) }
        return concatenate(vectors, axis: 0)
    }

    /// Cuts a vector into arrays of these shapes: what ``flatten(_:)`` has joined.
    package mutating func cut(_ vector: NodeID, into shapes: [Shape]) -> [NodeID] {
        var start = 0
        return shapes.map { shape in
            let end = start + shape.fixedCount
            defer { start = end }
            if start == end { return constant(0, shape: shape) }
            let part = slice(vector, [SliceRange(start..<end)])
            return reshape(part, to: shape)
        }
    }
}

extension SliceRange {
    /// Neighbouring positions.
    package init(_ range: Range<Int>) { self.init(start: range.lowerBound, step: 1, count: .size(range.count)) }
}
