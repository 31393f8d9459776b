// From the constraints of a level's variables to one convex set, with the faults that only sizes and numbers show.
import ExpressionLanguage
import MultilevelOptimization
import Solvers
import Tensors

extension ProblemBuilder {
    /// The set of a level's variables, one after the other; bounds alone make one box.
    mutating func constraint(_ level: LevelSpecification, _ index: Int) -> ConvexSet? {
        var sets: [ConvexSet] = []
        let specifications = specifications(of: level)
        for variable in variables[index] {
            guard let specification = specifications[variable.name] else { continue }
            let pointer = "\(specification.pointer)/constraint"
            var set = set(specification.constraint, variable, at: pointer)
            if let term = level.nonsmooth.first(where: { $0.variable == variable.name }) {
                set = confined(set, by: term, variable, specification)
            }
            guard let set else { return nil }
            sets.append(set)
        }
        return joined(sets, variables[index])
    }

    private func joined(_ sets: [ConvexSet], _ variables: [Variable]) -> ConvexSet {
        if sets.allSatisfy({ $0 == .whole }) { return .whole }
        var (lower, upper): ([Double], [Double]) = ([], [])
        for (set, variable) in zip(sets, variables) {
            switch set {
            case .whole:
                lower += [Double](repeating: -.infinity, count: variable.count)
                upper += [Double](repeating: .infinity, count: variable.count)
            case .box(let box):
                lower += box.lower
                upper += box.upper
            case .simplex, .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
                return .product(zip(sets, variables).map { ConvexSet.Part(count: $1.count, set: $0) })
            }
        }
        // Boxes that were checked one by one.
        return (try? ConvexSet.box(lower: lower, upper: upper)) ?? .whole
    }

    private mutating func set(
        _ specification: ConstraintSpecification, _ variable: Variable, at pointer: String
    ) -> ConvexSet? {
        switch specification {
        case .none: return .whole
        case .box(let low, let high): return box(low, high, variable, at: pointer)
        case .ball(let ball): return self.ball(ball, variable, at: pointer)
        case .affine(let matrix, let rhs): return affine(matrix, rhs, variable, at: pointer)
        case .halfspace(let normal, let offset): return halfspace(normal, offset, variable, at: pointer)
        case .all(let parts):
            var sets: [ConvexSet] = []
            for (index, part) in parts.enumerated() {
                guard let set = set(part, variable, at: "\(pointer)/\(index)") else { return nil }
                if set != .whole { sets.append(set) }
            }
            return meeting(sets, variable, at: pointer)
        }
    }

    private mutating func box(
        _ low: Tensor?, _ high: Tensor?, _ variable: Variable, at pointer: String
    ) -> ConvexSet? {
        var bounds = [-Double.infinity, .infinity].map { [Double](repeating: $0, count: variable.count) }
        for (index, tensor) in [low, high].enumerated() {
            guard let tensor else { continue }
            guard let values = broadcast(tensor, to: variable.shape) else {
                report(
                    pointer, .shapeMismatch,
                    "\(variable.name) has the shape \(variable.shape), its bound has \(tensor.shape)")
                return nil
            }
            bounds[index] = values
        }
        if let set = try? ConvexSet.box(lower: bounds[0], upper: bounds[1]) { return set }
        report(pointer, .outOfRange, "the bounds of \(variable.name) leave no number between them")
        return nil
    }

    private mutating func ball(_ ball: BallSpecification, _ variable: Variable, at pointer: String) -> ConvexSet? {
        let set: ConvexSet
        switch ball.kind {
        case .simplex: set = .simplex(radius: ball.radius)
        case .l1: set = .l1Ball(radius: ball.radius)
        case .l2: set = .l2Ball(radius: ball.radius)
        case .linf: return box(Tensor(-ball.radius), Tensor(ball.radius), variable, at: pointer)
        case .spectral:
            guard variable.shape.count == 2 else {
                report(
                    pointer, .shapeMismatch,
                    "a spectral_ball holds matrices; \(variable.name) has the shape \(variable.shape)")
                return nil
            }
            return .spectralBall(rows: variable.shape[0], columns: variable.shape[1], radius: ball.radius)
        }
        if !ball.byRows { return set }
        guard variable.axis != nil || variable.shape.count > 1 else {
            report(
                pointer, .shapeMismatch,
                "\(variable.name) has the shape \(variable.shape), which has no rows", "leave \"rows\" out")
            return nil
        }
        return .rows(width: variable.rowCount, set)
    }

    private mutating func affine(
        _ matrix: Tensor, _ rhs: Tensor, _ variable: Variable, at pointer: String
    ) -> ConvexSet? {
        let columns = matrix.shape[matrix.shape.count - 1]
        guard columns == variable.count else {
            report(
                "\(pointer)/affine/A", .shapeMismatch,
                "A has \(columns) columns, \(variable.name) has \(variable.count) entries")
            return nil
        }
        let rows = rhs.values.indices.map { Array(matrix.values[($0 * columns)..<(($0 + 1) * columns)]) }
        do {
            return .affine(try AffineSet(matrix: rows, rhs: rhs.values))
        } catch {
            guard case .inconsistentEquations(let row, _) = error else {
                preconditionFailure("rows of equal length: \(error)")
            }
            let reason =
                rows[row].allSatisfy { $0 == 0 }
                ? "its row of A is 0 and its b is not" : "its row of A combines earlier ones, its b does not"
            report(
                "\(pointer)/affine", .outOfRange,
                "no \(variable.name) meets A x = b: equation \(row) contradicts the others, for \(reason)")
            return nil
        }
    }

    private mutating func halfspace(
        _ normal: Tensor, _ offset: Double, _ variable: Variable, at pointer: String
    ) -> ConvexSet? {
        guard normal.count == variable.count else {
            report(
                "\(pointer)/halfspace/a", .shapeMismatch,
                "a has \(normal.count) entries, \(variable.name) has \(variable.count)")
            return nil
        }
        if let set = try? ConvexSet.halfspace(normal.values, atMost: offset) { return set }
        report(
            "\(pointer)/halfspace", .outOfRange,
            "no \(variable.name) meets a·x ≤ b: a is 0 and b is \(Printable.number(offset))")
        return nil
    }

    /// Operations that may be spent on finding out whether sets meet: about a second.
    private static let meetingOperations = 1e9

    /// The intersection of several sets, which must not be empty.
    private mutating func meeting(_ sets: [ConvexSet], _ variable: Variable, at pointer: String)
        -> ConvexSet?
    {
        if sets.count < 2 { return sets.first ?? .whole }
        let name = variable.name
        switch ConvexSet.meeting(of: sets, count: variable.count, operations: Self.meetingOperations) {
        case .point: return .intersection(sets)
        case .apart(let distance, let index):
            report(
                pointer, .outOfRange,
                "no \(name) lies in all of the sets: the nearest point found is \(Float(distance)) away from "
                    + "set \(index) of the list")
        case .undecided(let distance, let index):
            report(
                pointer, .limitExceeded,
                "whether any \(name) lies in all of the sets could not be found out within "
                    + "\(Int(Self.meetingOperations)) operations: the nearest point found is \(Float(distance)) away "
                    + "from set \(index) of the list", "every step of a method would have to do that again")
        case .tooLarge(let operations):
            report(
                pointer, .limitExceeded,
                "one round of projections of \(name) onto the sets takes about \(Float(operations)) operations, and at "
                    + "most \(Int(Self.meetingOperations)) may be spent on finding out whether they meet")
        }
        return nil
    }

    // MARK: - Lower levels

    /// The set of a variable with a nonsmooth term, which has to go with it: nobody takes proximal steps of both elsewhere.
    private mutating func confined(
        _ set: ConvexSet?, by term: NonsmoothTerm, _ variable: Variable, _ specification: VariableSpecification
    ) -> ConvexSet? {
        guard let set else { return nil }
        let pointer = "\(specification.pointer)/constraint"
        let norm: ProximalTerm.Norm
        switch term.kind {
        case .l1, .elasticNet: norm = .absolute
        case .groupL2: norm = .groups(width: variable.groupWidth)
        case .nonnegativeL1: return nonnegative(set, variable, at: pointer)
        }
        let isLinear = norm == .absolute && specification.constraint.isSimplex
        if isLinear || norm.composes(with: set) { return set }
        let (what, others) =
            switch norm {
            case .absolute: ("an l1 norm", "box, nonnegative, linf_ball, l1_ball, l2_ball or simplex")
            case .groups: ("a group norm", "an l2_ball that holds whole groups")
            }
        report(
            pointer, .unsupported,
            "\(variable.name) has \(what) and this set, and the proximal map of both together has no closed form",
            "beside \(what) a variable may have \(others); what is smooth, as a square is, belongs into minimize and goes "
                + "with every set")
        return nil
    }

    /// The part of a set without negative entries, where it is a set of the same kind.
    private mutating func nonnegative(_ set: ConvexSet, _ variable: Variable, at pointer: String) -> ConvexSet? {
        switch set {
        case .whole: return box(Tensor(0), nil, variable, at: pointer)
        case .simplex, .rows(_, .simplex): return set
        case .box(let box):
            if let set = try? ConvexSet.box(lower: box.lower.map { max($0, 0) }, upper: box.upper) { return set }
            report(
                pointer, .outOfRange,
                "nonnegative_l1 wants \(variable.name) to be at least 0, its bounds leave no such number")
        case .l1Ball, .l2Ball, .affine, .halfspace, .spectralBall, .rows, .intersection, .product:
            report(
                pointer, .unsupported,
                "nonnegative_l1 confines \(variable.name) to numbers of at least 0, and this version takes no proximal "
                    + "steps over the part of this set that has no others",
                "use box, nonnegative or simplex beside it, or l1 instead, which goes with the balls")
        }
        return nil
    }

    /// Lower levels are differentiated along faces, which not every set tells.
    mutating func checkLowerSet(_ set: ConvexSet, _ level: LevelSpecification, _ index: Int) {
        let constrained = zip(variables[index], level.variables).filter { $1.constraint != .none }
        if let place = constrained.first.map({ "\($0.1.pointer)/constraint" }) ?? level.nonsmooth.first?.pointer {
            if case .fixedPoint = level.objective {
                report(place, .unsupported, "a fixed_point level has no constraints: its map alone says where it is")
            }
        }
        for (variable, specification) in constrained {
            guard let position = variables[index].firstIndex(of: variable) else { continue }
            let entries = entries(of: position, in: variables[index])
            if !Face.isKnown(for: set.restricted(to: entries)) {
                report(
                    "\(specification.pointer)/constraint", .unsupported,
                    "a lower level cannot be differentiated over a spectral_ball or a list of sets yet",
                    "use one of box, simplex, l1_ball, l2_ball, linf_ball, affine, halfspace")
            }
        }
    }

    private func entries(of position: Int, in variables: [Variable]) -> Range<Int> {
        let first = variables[..<position].reduce(0) { $0 + $1.count }
        return first..<(first + variables[position].count)
    }
}
