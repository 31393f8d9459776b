// What is wrong with the solve of one level, in words that name the level and say what to try.
import Solvers

/// A fault of the solve of one level.
package struct LevelFault: Sendable, Equatable {
    /// The level's name.
    package let level: String
    package let sense: Sense
    /// Whether it is the fixed point of a map.
    package let isMap: Bool
    /// Whether a linear system with the level's matrix is at fault, not its response.
    package let isAdjoint: Bool
    package let fault: SolveFault

    package init(_ level: Level, _ fault: SolveFault, isAdjoint: Bool = false) {
        self.level = level.name
        sense = level.sense
        isMap = level.fixedPoint != nil
        self.isAdjoint = isAdjoint
        self.fault = fault
    }

    private var place: String { isAdjoint ? "an adjoint system of level \(level)" : "level \(level)" }
    private var extremum: String { sense == .minimize ? "minimum" : "maximum" }
    private var extremiser: String { sense == .minimize ? "minimiser" : "maximiser" }

    /// One sentence, with what to try.
    package var sentence: String {
        switch fault {
        case .flat:
            return
                "the Hessian of \(place) is singular to rounding there: its \(extremiser) is not unique, flat to second "
                + "order, or on a kink: add a small quadratic term"
        case .indefinite:
            let curvature = sense == .minimize ? "negative" : "positive"
            return
                "\(place) has no \(extremum) where its solver ended, its Hessian has \(curvature) curvature: start it "
                + "elsewhere, bound its variables, or add a quadratic term"
        case .undefined:
            return
                "\(isMap ? "the map of \(place)" : "the objective of \(place), or its gradient,") is not finite where its "
                + "solver begins: start it elsewhere, or bound the variables above it"
        case .unbounded where isMap:
            return
                "the solution of \(place) leaves all bounds, its map may have no fixed point there: let it contract more"
        case .unbounded:
            return "the solution of \(place) leaves all bounds, its objective may have no \(extremum) there: bound its "
                + "variables, or add a quadratic term"
        case .grew where isMap:
            return
                "the steps of \(place) grow without bound, its map does not contract there: let it contract more, or start "
                + "it nearer to its fixed point"
        case .grew:
            return
                "the steps of \(place) grow without bound: give its solver a smaller step, or bound its variables where "
                + "its objective has no \(extremum)"
        case .notConverged(let error):
            let distance =
                error < 100
                ? "its solver ended \(Diagnosis.rounded(error)) of its variables' size away from a solution"
                : "no step from where its solver ended leads to a solution, it may have none"
            return
                "\(place) was not solved, \(distance): start it elsewhere, scale its variables alike, or bound the "
                + "variables above it"
        case .singular where isMap:
            return
                "the matrix of \(place) has no inverse, its fixed point is not unique or does not vary smoothly there: let "
                + "its map contract more"
        case .singular:
            return "the matrix of \(place) has no inverse, the response does not vary smoothly there: add a small "
                + "quadratic term"
        case .residual(let residual):
            return
                "\(place) was solved to a relative residual of \(Diagnosis.rounded(residual)) only: add a small quadratic term, or scale "
                + "its variables alike"
        case .interrupted: return "\(place) was interrupted"
        }
    }
}
