// y, v and x move together: SOBA and SABA (Dagréou, Ablin, Vaiter, Moreau, NeurIPS 2022), SRBA (Dagréou, Moreau, Vaiter,
// Ablin, AISTATS 2024), MA-SOBA (Chen, Xiao, Balasubramanian, JMLR 2024), FSLA (Li, Gu, Huang, AAAI 2022). As in SOBA, v
// tends to −H⁻¹ f_y; the directions are g_y, Hv + f_y and Jv + f_x, all at the same point.
import Solvers
import Tensors

extension StochasticStepper {
    func singleLoop(_ m: Vector, _ now: IterationSteps) {
        if let geometry {
            geometry.setUpper(m + layout.x)
            if let face = layout.face {
                geometry.setFace(m + face, gradient: m + face + layout.lower)
            } else {
                let none = lowerWork(0)
                none.update(repeating: 0, count: layout.lower)
                geometry.setFace(m + layout.y, gradient: none)
            }
            geometry.project(m + layout.v)
        }
        switch configuration.estimator {
        case .saga(let start): saga(m, now, start)
        case .sarah: sarah(m, now)
        case .sgd, .average, .storm: sampled(m, now)
        }
    }

    /// Draws a batch of each level and evaluates the three directions at a point, on it.
    private func directions(at point: PointInMemory, y: Vector, v: Vector, x: Vector) {
        oracle.run(.directions, at: point)
        oracle.run(.upper, at: point)
        oracle.readLower(.directions, 0, into: y)
        oracle.readLower(.directions, 1, into: v)
        let fromUpper = lowerWork(2)
        oracle.readLower(.upper, 0, into: fromUpper)
        Kernels.float64.axpy(1, fromUpper, v, count: layout.lower)
        x.update(repeating: 0, count: layout.upper)
        oracle.addUpper(.directions, to: x)
        oracle.addUpper(.upper, to: x)
    }

    private func drawBoth() {
        draw(.lower)
        draw(.upper)
    }

    private func move(_ m: Vector, _ now: IterationSteps, y: Vector, v: Vector, x: Vector) {
        guard let geometry else {
            Kernels.float64.axpy(-now.lower, y, m + layout.y, count: layout.lower)
            Kernels.float64.axpy(-now.lower, v, m + layout.v, count: layout.lower)
            return upperStep(m, now.upper, x)
        }
        // Estimates are of what batches say; set and norms are known.
        if layout.face == nil { geometry.setFace(m + layout.y, gradient: y) }
        let along = lowerWork(2)
        along.update(from: v, count: layout.lower)
        geometry.restrict(along, along: m + layout.v)
        let slopes = entryWork
        slopes.update(repeating: 0, count: layout.upper)
        geometry.addWeightSlopes(m + layout.v, factor: now.upper, to: slopes)
        lowerMove(m, now.lower, y)
        Kernels.float64.axpy(-now.lower, along, m + layout.v, count: layout.lower)
        Kernels.float64.axpy(-1, slopes, m + layout.x, count: layout.upper)
        upperStep(m, now.upper, x)
    }

    /// Plain directions of y and v; that of x plain, averaged, or corrected by the same batch at the point before.
    private func sampled(_ m: Vector, _ now: IterationSteps) {
        let (y, v, x) = (lowerWork(0), lowerWork(1), upperWork(0))
        drawBoth()
        directions(at: point(m), y: y, v: v, x: x)
        var direction = x
        switch configuration.estimator {
        case .sgd, .saga, .sarah: break
        case .average(let momentum):
            direction = m + layout.estimateX
            let weight = now.age == 0 ? 1 : min(1, momentum.value(at: now.t))
            VarianceReduction.average(now: x, momentum: weight, estimate: direction, count: layout.upper)
        case .storm(let momentum):
            direction = m + layout.estimateX
            if now.age == 0 {
                direction.update(from: x, count: layout.upper)
            } else {
                let before = upperWork(1)
                let earlier = previous(m)
                oracle.run(.mixed, at: earlier)
                oracle.run(.upper, at: earlier)
                before.update(repeating: 0, count: layout.upper)
                oracle.addUpper(.mixed, to: before)
                oracle.addUpper(.upper, to: before)
                VarianceReduction.storm(
                    now: x, before: before, momentum: min(1, momentum.value(at: now.t)), estimate: direction,
                    count: layout.upper)
            }
            rememberPoint(m)
        }
        move(m, now, y: y, v: v, x: direction)
    }

    // MARK: - SARAH

    private func sarah(_ m: Vector, _ now: IterationSteps) {
        let (y, v, x) = (m + layout.estimateY, m + layout.estimateV, m + layout.estimateX)
        if now.age.isMultiple(of: period) {
            fullDirections(at: point(m), y: y, v: v, x: x)
        } else {
            let (newY, newV, newX) = (lowerWork(0), lowerWork(1), upperWork(0))
            drawBoth()
            directions(at: point(m), y: newY, v: newV, x: newX)
            add(1, y: newY, v: newV, x: newX, to: m)
            directions(at: previous(m), y: newY, v: newV, x: newX)
            add(-1, y: newY, v: newV, x: newX, to: m)
        }
        rememberPoint(m)
        move(m, now, y: y, v: v, x: x)
    }

    /// Adds directions to the estimates.
    private func add(_ factor: Double, y: Vector, v: Vector, x: Vector, to m: Vector) {
        Kernels.float64.axpy(factor, y, m + layout.estimateY, count: layout.lower)
        Kernels.float64.axpy(factor, v, m + layout.estimateV, count: layout.lower)
        Kernels.float64.axpy(factor, x, m + layout.estimateX, count: layout.upper)
    }

    // MARK: - SAGA

    private func saga(_ m: Vector, _ now: IterationSteps, _ start: GradientEstimator.SAGAStart) {
        guard let tables = layout.tables else { preconditionFailure("saga has tables") }
        if now.age == 0 && start == .full { fill(m, tables) }
        drawBoth()
        let here = point(m)
        oracle.run(.directions, at: here)
        oracle.run(.upper, at: here)
        let (y, v, x) = (lowerWork(0), lowerWork(1), upperWork(0))
        y.update(repeating: 0, count: layout.lower)
        v.update(repeating: 0, count: layout.lower)
        x.update(repeating: 0, count: layout.upper)
        reduce(.directions, m, tables, y: y, v: v, x: x)
        reduce(.upper, m, tables, y: y, v: v, x: x)
        move(m, now, y: y, v: v, x: x)
    }

    /// Adds the corrected directions of a piece that has been evaluated, and brings its table up to date.
    private func reduce(_ piece: SampledPiece, _ m: Vector, _ tables: SAGALayout, y: Vector, v: Vector, x: Vector) {
        let isLower = piece.isOfLowerLevel
        let (slot, share) = oracle.slot(isLower: isLower)
        let new = entryWork
        var old = m + (isLower ? tables.lowerEntry(slot) : tables.upperEntry(slot))
        func add(_ number: Int, average: Int, to direction: Vector) {
            oracle.readLower(piece, number, into: new)
            VarianceReduction.addSAGA(
                new, old: old, average: m + average, share: share, to: direction, count: layout.lower)
            old += layout.lower
        }
        if isLower {
            add(0, average: tables.gradient, to: y)
            add(1, average: tables.hessian, to: v)
        } else {
            add(0, average: tables.upperGradientY, to: v)
        }
        let average = m + (isLower ? tables.mixed : tables.upperGradientX)
        for leaf in oracle.leaves.indices where oracle.hasLeaf(piece, leaf) {
            let place = oracle.leaves[leaf]
            guard let range = oracle.readLeaf(piece, leaf, into: new) else { continue }
            if place.rows == nil {
                VarianceReduction.addSAGA(
                    new, old: old, average: average + range.lowerBound, share: share, to: x + range.lowerBound,
                    count: range.count)
            } else {
                // The average of all rows counts, drawn or not.
                let first = place.entries.lowerBound
                Kernels.float64.axpy(1, average + first, x + first, count: place.entries.count)
                for index in 0..<range.count {
                    let change = new[index] - old[index]
                    x[range.lowerBound + index] += change
                    average[range.lowerBound + index] += share * change
                    old[index] = new[index]
                }
            }
            old += place.width
        }
    }

    /// Evaluates every batch at the start.
    private func fill(_ m: Vector, _ tables: SAGALayout) {
        let (y, v, x) = (lowerWork(0), lowerWork(1), upperWork(0))
        for (piece, use) in [(SampledPiece.directions, SampleUse.lower), (.upper, .upper)] {
            let batches = draws.sources(of: use).first?.batches() ?? []
            for draw in batches.isEmpty ? [nil] : batches.map(Optional.some) {
                oracle.show(draw, isLower: use.isOfLowerLevel)
                oracle.run(piece, at: point(m))
                reduce(piece, m, tables, y: y, v: v, x: x)
            }
        }
    }
}
