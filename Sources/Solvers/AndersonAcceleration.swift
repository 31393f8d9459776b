// Anderson acceleration of a fixed-point iteration. Anderson 1965; Walker & Ni, SIAM J. Numer. Anal. 2011 (the
// unconstrained form); a step that makes the residual grow much gives way to a plain one without history.
import Tensors

/// Solves z = Φ(z) by combining the last few residuals.
package struct AndersonAcceleration: Sendable, Equatable {
    /// Differences kept; 0 is plain iteration.
    package var memory: Int
    /// The test on ‖Φ(z) − z‖₂. Nil: exactly ``maxIterations`` updates.
    package var tolerance: Double?
    /// The largest number of updates. One evaluation of Φ each; with a tolerance the last iterate is tested too.
    package var maxIterations: Int

    package init(memory: Int, tolerance: Double?, maxIterations: Int) {
        self.memory = memory
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    /// - Parameters:
    ///   - start: the first iterate, [n].
    ///   - displacement: overwrites its second argument with Φ(z) − z.
    /// - Returns: the iterate of the smallest residual that was measured, unless a fixed number of steps was asked for.
    package func solve(
        from start: [Double], shouldStop: InterruptionCheck = { false },
        displacement: (_ z: [Double], _ d: inout [Double]) -> Void
    ) -> Solution {
        var run = AndersonRun(start, memory: memory)
        var first = 0.0
        let evaluations = tolerance == nil ? maxIterations : maxIterations + 1
        let status = IterationLoop.run(limit: evaluations, shouldStop: shouldStop) { iteration in
            displacement(run.point, &run.residual)
            let norm = VectorMath.norm(run.residual)
            if iteration == 0 { first = norm }
            run.norm = norm
            if Divergence.isDivergent(norm, from: first) {
                return .diverged(quantity: .residual, iteration: iteration)
            }
            let isBest = run.keepBest(iteration)
            if let tolerance {
                if norm <= tolerance { return .converged }
                if iteration == maxIterations { return .iterationLimit }
                if !isBest && iteration > run.bestIteration + AndersonRun.patience { return .stagnated }
            }
            run.advance()
            return nil
        }
        let isFixed = tolerance == nil && status == .iterationLimit
        return Solution(
            point: isFixed ? run.point : run.best, status: status,
            statistics: SolveStatistics(
                iterations: run.updates, residualNorm: isFixed ? run.norm : run.bestNorm, scale: first))
    }
}

/// The vectors of one run.
private struct AndersonRun {
    /// Iterations without a smaller residual after which rounding has taken over, or the map does not contract.
    static let patience = 200

    var point: [Double]
    var residual: [Double]
    var norm = 0.0
    private(set) var updates = 0
    private(set) var best: [Double]
    private(set) var bestNorm = Double.infinity
    private(set) var bestIteration = 0
    private let memory: Int
    /// Differences of points and of residuals, in slots that are reused, and an orthonormal basis of the latter.
    private var pointChanges: [[Double]]
    private var residualChanges: [[Double]]
    private var basis: [[Double]]
    private var triangle: [Double]
    private var weights: [Double]
    private var previousPoint: [Double]
    private var previousResidual: [Double]
    private var previousNorm = Double.infinity
    private var count = 0
    private var newest = -1
    private var hasPrevious = false

    init(_ start: [Double], memory: Int) {
        let zero = [Double](repeating: 0, count: start.count)
        self.memory = min(memory, start.count)
        point = start
        residual = zero
        best = start
        previousPoint = zero
        previousResidual = zero
        pointChanges = Array(repeating: zero, count: self.memory)
        residualChanges = pointChanges
        basis = pointChanges
        triangle = [Double](repeating: 0, count: self.memory * self.memory)
        weights = [Double](repeating: 0, count: self.memory)
    }

    mutating func keepBest(_ iteration: Int) -> Bool {
        guard norm < bestNorm else { return false }
        bestNorm = norm
        bestIteration = iteration
        for i in point.indices { best[i] = point[i] }
        return true
    }

    mutating func advance() {
        if memory > 0 {
            if hasPrevious { remember() }
            if norm > 10 * previousNorm { count = 0 }
            for i in point.indices {
                previousPoint[i] = point[i]
                previousResidual[i] = residual[i]
            }
            previousNorm = norm
            hasPrevious = true
        }
        let used = factor()
        project(used)
        for i in point.indices { point[i] += residual[i] }
        for age in 0..<used {
            let slot = slot(age)
            VectorMath.add(-weights[age], pointChanges[slot], to: &point)
            VectorMath.add(-weights[age], residualChanges[slot], to: &point)
        }
        updates += 1
    }

    private func slot(_ age: Int) -> Int { (newest - age + memory) % memory }

    private mutating func remember() {
        newest = (newest + 1) % memory
        for i in point.indices {
            pointChanges[newest][i] = point[i] - previousPoint[i]
            residualChanges[newest][i] = residual[i] - previousResidual[i]
        }
        count = min(count + 1, memory)
    }

    /// Orthonormalises the residual differences, newest first, as far as they are independent; how many are.
    private mutating func factor() -> Int {
        for age in 0..<count {
            let slot = slot(age)
            for i in point.indices { basis[age][i] = residualChanges[slot][i] }
            let size = VectorMath.norm(basis[age])
            for other in 0..<age {
                let part = VectorMath.dot(basis[other], basis[age])
                triangle[other * memory + age] = part
                VectorMath.add(-part, basis[other], to: &basis[age])
            }
            let rest = VectorMath.norm(basis[age])
            guard rest > 1e-10 * size, rest.isFinite else { return age }
            triangle[age * memory + age] = rest
            VectorMath.scale(1 / rest, &basis[age])
        }
        return count
    }

    /// The weights that bring the combined residual nearest to zero.
    private mutating func project(_ used: Int) {
        for age in 0..<used { weights[age] = VectorMath.dot(basis[age], residual) }
        for row in (0..<used).reversed() {
            var sum = weights[row]
            for column in (row + 1)..<max(used, row + 1) { sum -= triangle[row * memory + column] * weights[column] }
            weights[row] = sum / triangle[row * memory + row]
        }
    }
}
