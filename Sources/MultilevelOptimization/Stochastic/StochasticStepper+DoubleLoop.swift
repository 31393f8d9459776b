// Loops in which f_y is fixed while v is found: BSA (Ghadimi & Wang 2018), TTSA (Hong, Wai, Wang, Yang, SIAM J. Optim.
// 2023), StocBiO (Ji, Yang, Liang, ICML 2021), AmIGO (Arbel & Mairal, ICLR 2022), MRBO and VRBO (Yang, Ji, Liang, NeurIPS
// 2021), SUSTAIN (Khanduri et al., NeurIPS 2021).
import Solvers
import Tensors

extension StochasticStepper {
    func doubleLoop(_ m: Vector, _ now: IterationSteps) {
        guard case .double(let steps, let upperFirst) = configuration.loop else {
            preconditionFailure("a single loop has estimators of its own")
        }
        if !upperFirst { lowerSteps(m, steps, now.lower) }
        let direction = upperWork(0)
        hypergradient(m, at: point(m), v: m + layout.v, now, into: direction)
        upperStep(m, now.upper, direction)
        if upperFirst { lowerSteps(m, steps, now.lower) }
    }

    /// f_x + Jv on fresh batches, v by the configuration's piece.
    ///
    /// - Parameter v: where v is found, and where it starts when that is warm.
    private func hypergradient(
        _ m: Vector, at point: PointInMemory, v: Vector, _ now: IterationSteps, into direction: Vector
    ) {
        let fromUpper = lowerWork(1)
        draw(.upper)
        oracle.run(.upper, at: point)
        oracle.readLower(.upper, 0, into: fromUpper)
        direction.update(repeating: 0, count: layout.upper)
        oracle.addUpper(.upper, to: direction)
        let along = PointInMemory(x: point.x, y: point.y, v: v)
        setFace(m, along)
        geometry?.project(fromUpper)
        geometry?.project(v)
        if carriesSteps {
            solveBySteps(fromUpper, at: along, v: v, now, m)
        } else {
            solve(fromUpper, at: along, v: v, now, m)
        }
        draw(.mixed)
        oracle.run(.mixed, at: along)
        oracle.addUpper(.mixed, to: direction)
        geometry?.addWeightSlopes(v, to: direction)
    }

    /// The face of the last look, or that at a point, with one gradient more; of levels that have one.
    private func setFace(_ m: Vector, _ point: PointInMemory) {
        guard let geometry else { return }
        if let face = layout.face {
            geometry.setUpper(point.x)
            return geometry.setFace(m + face, gradient: m + face + layout.lower)
        }
        let gradient = lowerWork(0)
        draw(.lower)
        oracle.run(.lowerGradient, at: point)
        oracle.readLower(.lowerGradient, 0, into: gradient)
        geometry.setUpper(point.x)
        geometry.setFace(point.y, gradient: gradient)
    }

    /// v ≈ −H⁻¹ b by products of H on fresh batches.
    private func solve(
        _ b: Vector, at point: PointInMemory, v: Vector, _ now: IterationSteps, _ m: Vector
    ) {
        let count = layout.lower
        let kernels = Kernels.float64
        switch configuration.hypergradient {
        case .implicit(.sgd(let steps, let warmStart)):
            let product = lowerWork(0)
            if !(warmStart ?? configuration.hasAutomaticSteps) { v.update(repeating: 0, count: count) }
            for _ in 0..<steps {
                multiply(at: point, into: product)
                kernels.axpy(1, b, product, count: count)
                kernels.axpy(-now.linear, product, v, count: count)
            }
        case .implicit(.neumann(let terms)):
            let (product, sum) = (lowerWork(0), lowerWork(2))
            centre(b, at: point, v: v, m)
            for i in 0..<count {
                v[i] = -b[i]
                sum[i] = -b[i]
            }
            for _ in 0..<terms {
                multiply(at: point, into: product)
                kernels.axpy(-now.linear, product, v, count: count)
                kernels.axpy(1, v, sum, count: count)
            }
            for i in 0..<count { v[i] = now.linear * sum[i] }
            addCentre(to: v, m)
        case .implicit(.randomisedNeumann(let terms)):
            let product = lowerWork(0)
            centre(b, at: point, v: v, m)
            for i in 0..<count { v[i] = -b[i] }
            for _ in 0..<seriesLength(at: now.t, below: terms) {
                multiply(at: point, into: product)
                kernels.axpy(-now.linear, product, v, count: count)
            }
            kernels.scale(now.linear * Double(terms), v, count: count)
            addCentre(to: v, m)
        case .implicit(.moving), .penalty: preconditionFailure("these solve no system within an iteration")
        }
    }

    /// The same by programs that keep v from step to step.
    private func solveBySteps(
        _ b: Vector, at point: PointInMemory, v: Vector, _ now: IterationSteps, _ m: Vector
    ) {
        let (count, eta) = (layout.lower, now.linear)
        let kernels = Kernels.float64
        switch configuration.hypergradient {
        case .implicit(.sgd(let steps, let warmStart)):
            if !(warmStart ?? configuration.hasAutomaticSteps) { v.update(repeating: 0, count: count) }
            take(steps, of: .linearStep, drawing: .hessian, at: point, length: eta, offset: b)
            oracle.readSteps(.linearStep, 0, into: v)
        case .implicit(.neumann(let terms)):
            centre(b, at: point, v: v, m)
            for i in 0..<count { v[i] = -b[i] }
            take(terms, of: .seriesStep, drawing: .hessian, at: point, length: eta, offset: v)
            oracle.readSteps(.seriesStep, 1, into: v)
            kernels.scale(eta, v, count: count)
            addCentre(to: v, m)
        case .implicit(.randomisedNeumann(let terms)):
            centre(b, at: point, v: v, m)
            for i in 0..<count { v[i] = -b[i] }
            let steps = seriesLength(at: now.t, below: terms)
            take(steps, of: .linearStep, drawing: .hessian, at: point, length: eta, offset: nil)
            oracle.readSteps(.linearStep, 0, into: v)
            kernels.scale(eta * Double(terms), v, count: count)
            addCentre(to: v, m)
        case .implicit(.moving), .penalty: preconditionFailure("these solve no system within an iteration")
        }
    }

    /// b ← b + H v̄ for the centre v̄ of series, along the face.
    private func centre(_ b: Vector, at point: PointInMemory, v: Vector, _ m: Vector) {
        guard let centre = layout.centre else { return }
        let product = lowerWork(0)
        v.update(from: m + centre, count: layout.lower)
        geometry?.project(v)
        multiply(at: point, into: product)
        Kernels.float64.axpy(1, product, b, count: layout.lower)
    }

    /// v ← v + v̄.
    private func addCentre(to v: Vector, _ m: Vector) {
        guard let centre = layout.centre else { return }
        let near = lowerWork(0)
        near.update(from: m + centre, count: layout.lower)
        geometry?.project(near)
        Kernels.float64.axpy(1, near, v, count: layout.lower)
    }

    /// p of iteration `t`, uniform on 0 ..< `bound`.
    func seriesLength(at t: Int, below bound: Int) -> Int {
        // Far more words than a draw without bias takes.
        terms.counter = UInt64(t) << 8
        return terms.below(bound)
    }

    /// Hv on a fresh batch, along the face where there is one.
    func multiply(at point: PointInMemory, into product: Vector) {
        draw(.hessian)
        oracle.run(.hessian, at: point)
        oracle.readLower(.hessian, 0, into: product)
        geometry?.restrict(product, along: point.v)
    }

    // MARK: - STORM on both directions

    func momentumIteration(_ m: Vector, _ now: IterationSteps, _ momentum: StepSchedule) {
        let (estimateY, estimateX) = (m + layout.estimateY, m + layout.estimateX)
        let (newY, newX) = (lowerWork(0), upperWork(0))
        let weight = now.age == 0 ? 1 : min(1, momentum.value(at: now.t))
        draw(.lower)
        correct(m, now.age, newY, estimateY, layout.lower, weight) { point, target in
            oracle.run(.lowerGradient, at: point)
            oracle.readLower(.lowerGradient, 0, into: target)
        }
        let drawn = counters
        var after = drawn
        correct(m, now.age, newX, estimateX, layout.upper, weight) { here, target in
            // The same samples at both points.
            counters = drawn
            let v = here.y == UnsafePointer(m + layout.y) ? m + layout.v : m + layout.previousV
            hypergradient(m, at: here, v: v, now, into: target)
            after = counters
        }
        counters = after
        rememberPoint(m)
        lowerMove(m, now.lower, estimateY)
        upperStep(m, now.upper, estimateX)
    }

    /// Brings a STORM estimate up to date by evaluations at the present point and, but for the first, the one before.
    private func correct(
        _ m: Vector, _ age: Int, _ new: Vector, _ estimate: Vector, _ count: Int, _ momentum: Double,
        _ evaluate: (PointInMemory, Vector) -> Void
    ) {
        if age == 0 {
            evaluate(point(m), estimate)
            return
        }
        evaluate(previous(m), new)
        for i in 0..<count { estimate[i] = (1 - momentum) * (estimate[i] - new[i]) }
        evaluate(point(m), new)
        Kernels.float64.axpy(1, new, estimate, count: count)
    }

    // MARK: - SPIDER

    /// x moves once; then y moves T times while both estimates follow by differences on the same batches, of which the
    /// first includes the move of x. Every P iterations both estimates are formed anew on all data.
    func spiderIteration(_ m: Vector, _ now: IterationSteps) {
        let (estimateY, estimateX) = (m + layout.estimateY, m + layout.estimateX)
        if now.age.isMultiple(of: period) { fullEstimates(m, now, estimateY, estimateX) }
        rememberPoint(m)
        upperStep(m, now.upper, estimateX)
        for _ in 0..<configuration.lowerSteps {
            draw(.lower)
            addGradient(1, at: point(m), to: estimateY)
            addGradient(-1, at: previous(m), to: estimateY)
            let drawn = counters
            addHypergradient(m, 1, at: point(m), v: m + layout.v, now, to: estimateX)
            counters = drawn
            addHypergradient(m, -1, at: previous(m), v: m + layout.previousV, now, to: estimateX)
            rememberPoint(m)
            lowerMove(m, now.lower, estimateY)
        }
    }

    private func addGradient(_ sign: Double, at point: PointInMemory, to estimate: Vector) {
        let gradient = lowerWork(0)
        oracle.run(.lowerGradient, at: point)
        oracle.readLower(.lowerGradient, 0, into: gradient)
        Kernels.float64.axpy(sign, gradient, estimate, count: layout.lower)
    }

    private func addHypergradient(
        _ m: Vector, _ sign: Double, at point: PointInMemory, v: Vector, _ now: IterationSteps,
        to estimate: Vector
    ) {
        let direction = upperWork(0)
        hypergradient(m, at: point, v: v, now, into: direction)
        Kernels.float64.axpy(sign, direction, estimate, count: layout.upper)
    }

    /// g_y and f_x + Jv with v by the same series, all on all data.
    private func fullEstimates(_ m: Vector, _ now: IterationSteps, _ estimateY: Vector, _ estimateX: Vector) {
        guard case .implicit(.neumann(let terms)) = configuration.hypergradient else {
            preconditionFailure("spider takes the whole series")
        }
        let (count, v) = (layout.lower, m + layout.v)
        let (product, sum) = (lowerWork(0), lowerWork(2))
        v.update(repeating: 0, count: count)
        // With v = 0, Hv + f_y is f_y.
        fullDirections(at: point(m), y: estimateY, v: lowerWork(1), x: estimateX)
        if let geometry {
            geometry.setUpper(m + layout.x)
            geometry.setFace(m + layout.y, gradient: estimateY)
            geometry.project(lowerWork(1))
        }
        if layout.centre != nil {
            addCentre(to: v, m)
            fullProduct(v, into: product)
            Kernels.float64.axpy(1, product, lowerWork(1), count: count)
        }
        for i in 0..<count {
            v[i] = -lowerWork(1)[i]
            sum[i] = v[i]
        }
        for _ in 0..<terms {
            fullProduct(v, into: product)
            Kernels.float64.axpy(-now.linear, product, v, count: count)
            Kernels.float64.axpy(1, v, sum, count: count)
        }
        for i in 0..<count { v[i] = now.linear * sum[i] }
        addCentre(to: v, m)
        addFullMixed(v, to: estimateX)
        geometry?.addWeightSlopes(v, to: estimateX)
    }

    /// Hv on all data, at the point of the last full evaluation.
    private func fullProduct(_ v: Vector, into product: Vector) {
        var result = [Double](repeating: 0, count: layout.lower)
        full.hessianProduct(Array(UnsafeBufferPointer(start: v, count: layout.lower)), into: &result)
        product.update(from: result, count: layout.lower)
        geometry?.restrict(product, along: v)
    }

    /// target += Jv on all data.
    private func addFullMixed(_ v: Vector, to target: Vector) {
        var result = [Double](repeating: 0, count: layout.upper)
        full.mixedProduct(Array(UnsafeBufferPointer(start: v, count: layout.lower)), into: &result)
        Kernels.float64.axpy(1, result, target, count: layout.upper)
    }
}
