// The set and the norms of the lower level along iterations on batches: proximal steps of y, and v kept on the face that y
// lies on. Stochastic proximal gradients: Rosasco, Villa & Vũ 2020; derivatives of nonsmooth levels from samples: Grazzi,
// Pontil & Salzo, ICML 2024 (NSID), whose ∂G of a proximal map is the projection on its face.
import ExpressionGraph
import Solvers
import Tensors

/// What stands on a lower level besides its smooth objective, at a point. Its methods allocate: levels without set and
/// norms do without it.
final class LowerGeometry {
    typealias Vector = UnsafeMutablePointer<Double>

    private let level: Level
    private let upperCount: Int
    private let weights: UpperFormulas?
    private var x: [Double] = []
    private var function: ProximalFunction
    private var face: Face?

    /// `nil` for a level without set and norms.
    init?(_ problem: MultilevelProblem) {
        guard !problem.lower.isSmooth else { return nil }
        level = problem.lower
        upperCount = problem.upper.dimension
        weights = level.norms.isEmpty ? nil : UpperFormulas(problem, level.norms.map(\.weight))
        function = ProximalFunction(set: level.constraint)
    }

    /// Weights of norms as they are at x.
    func setUpper(_ x: UnsafePointer<Double>) {
        guard let weights else { return }
        let moved = Array(UnsafeBufferPointer(start: x, count: upperCount))
        if moved == self.x { return }
        self.x = moved
        function.terms = zip(level.norms, weights.values(at: moved)).map { norm, weights in
            ProximalTerm(entries: level.entries(of: norm.variable), norm: norm.norm, weights: weights)
        }
    }

    /// y ← prox(y), of a step of that length.
    func apply(_ y: Vector, step: Double) {
        var values = array(y)
        function.apply(&values, step: step)
        y.update(from: values, count: level.dimension)
    }

    /// The face of y; vectors v lie on it from now on.
    ///
    /// - Parameter gradient: g_y or an estimate, which tells how hard y leans on a ball.
    func setFace(_ y: UnsafePointer<Double>, gradient: UnsafePointer<Double>) {
        face = Face(of: function, at: array(y), gradient: array(gradient))
    }

    /// v ← P v.
    func project(_ v: Vector) {
        var values = array(v)
        face?.project(&values)
        v.update(from: values, count: level.dimension)
    }

    /// product ← P (product + C v): of H v, the product along the face.
    func restrict(_ product: Vector, along v: UnsafePointer<Double>) {
        var values = array(product)
        face?.addCurvature(array(v), to: &values)
        face?.project(&values)
        product.update(from: values, count: level.dimension)
    }

    /// target += factor · Σ (∂w/∂x)ᵀ ⟨∂h/∂w, v⟩ over the weights w of norms h, [p].
    func addWeightSlopes(_ v: UnsafePointer<Double>, factor: Double = 1, to target: Vector) {
        guard let weights, let face else { return }
        let along = array(v).map { factor * $0 }
        let slopes = function.terms.indices.map { face.weightSlopes(function.terms[$0], $0, along: along) }
        add(weights, slopes, to: target)
    }

    /// target += factor · Σ (∂w/∂x)ᵀ (∂h/∂w(y) − ∂h/∂w(z)): what norms add to g_x(y) − g_x(z), [p].
    func addWeightGap(_ y: UnsafePointer<Double>, _ z: UnsafePointer<Double>, factor: Double, to target: Vector) {
        guard let weights else { return }
        let (first, second) = (array(y), array(z))
        let gaps = function.terms.map { term in
            zip(term.norms(first), term.norms(second)).map { factor * ($0 - $1) }
        }
        add(weights, gaps, to: target)
    }

    private func add(_ weights: UpperFormulas, _ cotangents: [[Double]], to target: Vector) {
        var sum = [Double](repeating: 0, count: upperCount)
        weights.addTransposed(cotangents, at: x, to: &sum)
        for index in 0..<upperCount { target[index] += sum[index] }
    }

    private func array(_ vector: UnsafePointer<Double>) -> [Double] {
        Array(UnsafeBufferPointer(start: vector, count: level.dimension))
    }
}
