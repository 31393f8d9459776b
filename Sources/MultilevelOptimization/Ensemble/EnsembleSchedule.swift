// When the members of a job are compared and how many go on: successive halving, or one stretch for all.

import ExpressionGraph

/// Successive halving: after r, rη, rη², … iterations of each, the best 1/η of the members go on.
///
/// - Source: Li et al. 2018, "Hyperband", Algorithm 1, inner loop.
package struct Halving: Sendable, Equatable {
    /// r, at least 1.
    package let iterations: Int
    /// η, at least 2.
    package let factor: Int

    /// η where nobody says.
    package static let usualFactor = 3

    /// The memberwise initializer.
    package init(iterations: Int, factor: Int = Halving.usualFactor) {
        self.iterations = iterations
        self.factor = factor
    }
}

/// A stretch at whose end members are compared.
package struct Rung: Sendable, Equatable {
    /// Iterations after which a member waits for the others; nil at the last rung, where each runs to its own end.
    package let target: Int?
    /// Members that climb it.
    package let count: Int
}

/// The rungs of a job, known before it begins.
package struct EnsembleSchedule: Sendable, Equatable {
    /// At least one; the last has no target.
    package let rungs: [Rung]

    /// - Parameters:
    ///   - count: of the members, at least 1.
    ///   - halving: nil for one rung.
    ///   - iterations: the largest number that a member may make; comparing later would compare ends.
    package init(count: Int, halving: Halving?, iterations: Int) {
        var rungs: [Rung] = []
        var (left, target) = (count, halving?.iterations ?? .max)
        if let halving {
            while left > 1, target < iterations {
                rungs.append(Rung(target: target, count: left))
                left = max(1, left / halving.factor)
                target = target.times(halving.factor)
            }
        }
        self.rungs = rungs + [Rung(target: nil, count: left)]
    }

    /// Rung `index`. Limits that are lowered while a job runs may leave it fewer than it has climbed: then it is the last.
    package subscript(index: Int) -> Rung { rungs[min(index, rungs.count - 1)] }

    /// How many equal parts the time left is cut into for a member that climbs `rung` with `waiting` others still to begin:
    /// every rung gets as much, and every turn of a rung, in which `atOnce` members climb side by side.
    package func parts(rung: Int, waiting: Int, atOnce: Int) -> Int {
        func turns(_ count: Int) -> Int { (count + atOnce - 1) / atOnce }
        return turns(1 + waiting) + max(0, rungs.count - 1 - rung) * turns(self[rung].count)
    }
}
