// What differences of F on two scales say about a point: whether they contradict a hypergradient, and whether F has a kink.

/// The verdict over some directions.
struct SlopeVerdict: Sendable, Equatable {
    /// F(x + step·d) − F(x), F(x − step·d) − F(x).
    struct Rises {
        let forward: Double
        let backward: Double
        let step: Double

        var isFinite: Bool { forward.isFinite && backward.isFinite }
        var slope: Double { (forward - backward) / (2 * step) }
        /// By how much the slope changes at the point: of smooth functions in proportion to the step.
        var bend: Double { (forward + backward) / step }
    }

    /// Whether ∇F by the reference, or the method's own direction, is not what the differences show.
    private(set) var contradictsReference = false
    private(set) var contradictsMethod = false
    /// Directions in which F has a kink, and those of them in which it rises to both sides.
    private(set) var kinks = 0
    private(set) var minima = 0
    private(set) var directions = 0
    /// How far a minimum may be, by slopes and curvatures that rounding leaves: the longest of the Newton steps along these
    /// directions.
    private(set) var distance = 0.0

    /// Slopes further off than this contradict, relative to the scale of slopes: those of smooth functions are within 1e-6.
    static let contradiction = 1e-3
    /// A bend, relative to that scale, beyond which a kink is looked for.
    private static let suspicion = 1e-2
    /// The second scale, relative to the first: truncation falls by the square of it, rounding grows by its inverse, and
    /// only what is there stays.
    private static let refinement = 0.125

    /// Takes one direction.
    ///
    /// - Parameters:
    ///   - slopes: ⟨h, d⟩ of either hypergradient.
    ///   - scale: of slopes.
    ///   - noise: what rises are uncertain by.
    ///   - again: measures on another scale; `nil` when stopped.
    mutating func add(
        _ rises: Rises, _ slopes: (reference: Double, own: Double), scale: Double, noise: Double,
        again: (Double) -> Rises?
    ) {
        directions += 1
        let uncertainty = noise / rises.step
        if rises.bend > 2 * uncertainty, abs(rises.slope) > 8 * uncertainty {
            distance = max(distance, abs(rises.slope) * rises.step / rises.bend)
        }
        func error(_ slope: Double) -> Double { abs(rises.slope - slope) }
        func isSuspect(_ slope: Double) -> Bool { !(error(slope) <= Self.contradiction * scale + uncertainty) }
        let isBent = abs(rises.bend) > Self.suspicion * scale + uncertainty
        guard isSuspect(slopes.reference) || isSuspect(slopes.own) || isBent else { return }
        guard let finer = again(Self.refinement * rises.step) else { return }
        func isConfirmed(_ slope: Double) -> Bool {
            isSuspect(slope) && !(abs(finer.slope - rises.slope) > 0.25 * error(slope))
        }
        contradictsReference = contradictsReference || isConfirmed(slopes.reference)
        contradictsMethod = contradictsMethod || isConfirmed(slopes.own)
        guard isBent, finer.isFinite, finer.bend / rises.bend > 0.5, finer.bend / rises.bend < 2 else { return }
        kinks += 1
        if min(rises.forward, rises.backward, finer.forward, finer.backward) > 0 { minima += 1 }
    }
}
