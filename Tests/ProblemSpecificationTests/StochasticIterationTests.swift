// Iterations of methods on batches against their formulas, written out in plain loops, on the same draws.
import Foundation
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct StochasticIterationTests {
    private static let document = """
        {"problem": {
          "data": {
            "A": {"random": {"normal": [11, 3], "seed": 1}}, "b": {"random": {"normal": [11], "seed": 2}},
            "V": {"random": {"normal": [7, 3], "seed": 3}}, "c": {"random": {"normal": [7], "seed": 4}}},
          "samples": {"train": {"arrays": ["A", "b"], "batch": 4}, "validation": {"arrays": ["V", "c"], "batch": 3}},
          "levels": [
            {"variables": {"x": {"shape": [3], "start": [0.5, -0.2, 0.1]}},
             "minimize": "mean((V @ y - c)^2) / 2 + 0.05 * sum(x^2)"},
            {"variables": {"y": {"shape": [3], "start": [0.3, 0.4, -0.1]}},
             "minimize": "mean((A @ (y - x) - b)^2) / 2 + 0.05 * sum(y^2)"}]},
         "method": "saba", "seed": 1}
        """

    private typealias Vector = [Double]

    /// The problem in plain loops, and a cursor over given draws for each level.
    private struct Reference {
        let a: [Vector]
        let b: Vector
        let v: [Vector]
        let c: Vector
        let lowerDraws: [Draw]
        let upperDraws: [Draw]
        var lowerCursor = 0
        var upperCursor = 0
        let rho = 0.2
        let eta = 0.15
        let gamma = 0.1
        var x: Vector = [0.5, -0.2, 0.1]
        var y: Vector = [0.3, 0.4, -0.1]
        /// Tends to −H⁻¹ f_y.
        var w: Vector = [0, 0, 0]

        mutating func lower() -> Draw {
            lowerCursor += 1
            return lowerDraws[(lowerCursor - 1) % lowerDraws.count]
        }
        mutating func upper() -> Draw {
            upperCursor += 1
            return upperDraws[(upperCursor - 1) % upperDraws.count]
        }

        /// weight/n Σ over the draw of coefficient(row) · row.
        private func sum(_ rows: [Vector], _ draw: Draw, _ coefficient: (Int) -> Double) -> Vector {
            var result = [0.0, 0, 0]
            for row in draw.start..<(draw.start + draw.count) {
                for j in 0..<3 { result[j] += draw.weight / Double(rows.count) * coefficient(row) * rows[row][j] }
            }
            return result
        }
        private func dot(_ a: Vector, _ b: Vector) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

        func gradient(_ y: Vector, _ x: Vector, _ d: Draw) -> Vector {
            sum(a, d) { dot(a[$0], y - x) - b[$0] } + 0.1 * y
        }
        func gradientX(_ y: Vector, _ x: Vector, _ d: Draw) -> Vector { -1 * sum(a, d) { dot(a[$0], y - x) - b[$0] } }
        func hessian(_ u: Vector, _ d: Draw) -> Vector { sum(a, d) { dot(a[$0], u) } + 0.1 * u }
        func mixed(_ u: Vector, _ d: Draw) -> Vector { -1 * sum(a, d) { dot(a[$0], u) } }
        func upperY(_ y: Vector, _ d: Draw) -> Vector { sum(v, d) { dot(v[$0], y) - c[$0] } }
        func upperX(_ x: Vector) -> Vector { 0.1 * x }

        /// The three directions of SOBA.
        func directions(_ y: Vector, _ w: Vector, _ x: Vector, _ l: Draw, _ u: Draw) -> [Vector] {
            [gradient(y, x, l), hessian(w, l) + upperY(y, u), mixed(w, l) + upperX(x)]
        }
        mutating func move(_ directions: [Vector]) {
            y = y - rho * directions[0]
            w = w - rho * directions[1]
            x = x - gamma * directions[2]
        }

        /// −η Σ_{j ≤ Q} (I − ηH)^j f_y and f_x + J of it, and that −η Σ.
        mutating func series(_ y: Vector, _ x: Vector, terms: Int) -> Vector {
            let up = upper()
            var term = -1 * upperY(y, up)
            var total = term
            for _ in 0..<terms {
                term = term - eta * hessian(term, lower())
                total = total + term
            }
            return upperX(x) + mixed(eta * total, lower())
        }
    }

    /// Draws that overlap, with weights and shares of their own.
    private static func draws(rows: Int, count: Int) -> [Draw] {
        [2, 0, 1, 1, 0, 2].map { slot in
            let start = min(slot * count, rows - count)
            return Draw(
                start: start, count: count, weight: Double(rows) / Double(count), slot: slot,
                share: slot == 2 ? Double(rows - 2 * count) / Double(rows) : Double(count) / Double(rows))
        }
    }

    private static func reference(_ problem: MultilevelProblem) -> Reference {
        func rows(_ name: String) -> [Vector] {
            let numbers = problem.data.first { $0.name == name }?.numbers ?? []
            return stride(from: 0, to: numbers.count, by: 3).map { Array(numbers[$0..<($0 + 3)]) }
        }
        func vector(_ name: String) -> Vector { problem.data.first { $0.name == name }?.numbers ?? [] }
        return Reference(
            a: rows("A"), b: vector("b"), v: rows("V"), c: vector("c"), lowerDraws: draws(rows: 11, count: 4),
            upperDraws: draws(rows: 7, count: 3))
    }

    /// x and y after 23 iterations of a method, on the given draws.
    private static func compare(
        _ method: String, _ settings: [String] = [], _ iteration: (inout Reference, Int) -> Void
    ) throws {
        let axes =
            "method={\"name\": \"\(method)\", \"lower_solver\": {\"step\": 0.2}, \"upper_step\": {\"step\": 0.1}}"
        let admitted = try admit(document, [axes] + settings)
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let configuration = try #require(admitted.method, "\(admitted.faults)")
        var reference = reference(problem)
        let given = SOBADraws(
            lower: ["train": .sequence(reference.lowerDraws)], upper: ["validation": .sequence(reference.upperDraws)])
        let (run, _) = try #require(
            SolverRun.begin(
                problem, configuration, limits: RunLimits(iterations: 23, hypergradientTolerance: 0, progressEvery: 1),
                seed: 1, draws: given, stop: { nil }))
        for t in 0..<23 {
            iteration(&reference, t)
            guard case .progress(let point) = run.advance() else {
                Issue.record("no progress in iteration \(t)")
                return
            }
            let error = VectorMath.norm(VectorMath.subtract(point.x, reference.x))
            #expect(error <= 1e-12 * (1 + VectorMath.norm(reference.x)), "\(method), iteration \(t)")
        }
    }

    @Test func saba() throws {
        var tables = [[Vector]](repeating: .init(repeating: [0, 0, 0], count: 3), count: 5)
        var averages = [Vector](repeating: [0, 0, 0], count: 5)
        try Self.compare("saba", ["method.estimator={\"start\": \"zero\"}"]) { r, _ in
            let (l, u) = (r.lower(), r.upper())
            let new = [
                r.gradient(r.y, r.x, l), r.hessian(r.w, l), r.mixed(r.w, l), r.upperY(r.y, u), r.upperX(r.x),
            ]
            let corrected = new.indices.map { index in
                let draw = index < 3 ? l : u
                let change = new[index] - tables[index][draw.slot]
                let direction = change + averages[index]
                averages[index] = averages[index] + draw.share * change
                tables[index][draw.slot] = new[index]
                return direction
            }
            r.move([corrected[0], corrected[1] + corrected[3], corrected[2] + corrected[4]])
        }
    }

    @Test func srba() throws {
        var estimate: [Vector] = []
        var before: (Vector, Vector, Vector) = ([], [], [])
        try Self.compare("srba", ["method.estimator={\"period\": 5}"]) { r, t in
            if t % 5 == 0 {
                let all = Draw(start: 0, count: 11, weight: 1, slot: 0)
                estimate = r.directions(r.y, r.w, r.x, all, Draw(start: 0, count: 7, weight: 1, slot: 0))
            } else {
                let (l, u) = (r.lower(), r.upper())
                let now = r.directions(r.y, r.w, r.x, l, u)
                let then = r.directions(before.0, before.1, before.2, l, u)
                for index in 0..<3 { estimate[index] = estimate[index] + now[index] - then[index] }
            }
            before = (r.y, r.w, r.x)
            r.move(estimate)
        }
    }

    @Test func movingAverage() throws {
        var average: Vector = []
        try Self.compare("ma-soba", ["method.estimator={\"momentum\": 0.25}"]) { r, t in
            var directions = r.directions(r.y, r.w, r.x, r.lower(), r.upper())
            average = t == 0 ? directions[2] : 0.75 * average + 0.25 * directions[2]
            directions[2] = average
            r.move(directions)
        }
    }

    @Test func fsla() throws {
        var estimate: Vector = []
        var before: (Vector, Vector, Vector) = ([], [], [])
        try Self.compare("fsla") { r, t in
            let (l, u) = (r.lower(), r.upper())
            var now = r.directions(r.y, r.w, r.x, l, u)
            if t == 0 {
                estimate = now[2]
            } else {
                let eta = 0.5 / Double(t + 1).squareRoot()
                let then = r.directions(before.0, before.1, before.2, l, u)[2]
                estimate = now[2] + (1 - eta) * (estimate - then)
            }
            before = (r.y, r.w, r.x)
            now[2] = estimate
            r.move(now)
        }
    }

    private static let series = ["method.linear_solver={\"step\": 0.15, \"steps\": 4}"]

    @Test func stocbio() throws {
        try Self.compare("stocbio", Self.series + ["method.lower_solver.steps=3"]) { r, _ in
            for _ in 0..<3 { r.y = r.y - r.rho * r.gradient(r.y, r.x, r.lower()) }
            r.x = r.x - r.gamma * r.series(r.y, r.x, terms: 4)
        }
    }

    @Test func amigo() throws {
        try Self.compare("amigo", Self.series + ["method.lower_solver.steps=3"]) { r, _ in
            for _ in 0..<3 { r.y = r.y - r.rho * r.gradient(r.y, r.x, r.lower()) }
            let fromUpper = r.upperY(r.y, r.upper())
            for _ in 0..<4 { r.w = r.w - r.eta * (r.hessian(r.w, r.lower()) + fromUpper) }
            r.x = r.x - r.gamma * (r.upperX(r.x) + r.mixed(r.w, r.lower()))
        }
    }

    /// One term: the random length is always 0.
    @Test func bsaAndTTSA() throws {
        let one = ["method.linear_solver={\"step\": 0.15, \"steps\": 1}", "method.lower_solver.steps=2"]
        func upper(_ r: inout Reference) {
            let fromUpper = r.upperY(r.y, r.upper())
            r.x = r.x - r.gamma * (r.upperX(r.x) - r.eta * r.mixed(fromUpper, r.lower()))
        }
        try Self.compare("bsa", one) { r, _ in
            upper(&r)
            for _ in 0..<2 { r.y = r.y - r.rho * r.gradient(r.y, r.x, r.lower()) }
        }
        try Self.compare("ttsa", one) { r, _ in
            for _ in 0..<2 { r.y = r.y - r.rho * r.gradient(r.y, r.x, r.lower()) }
            upper(&r)
        }
    }

    /// Lengths from a stream of their own: as many products, from f_y, times the number of lengths.
    @Test func bsaTakesSeriesOfRandomLengths() throws {
        var stream = RandomStream(seed: 1, stream: "terms")
        var lengths: Set<Int> = []
        let settings = ["method.linear_solver={\"step\": 0.15, \"steps\": 3}", "method.lower_solver.steps=2"]
        try Self.compare("bsa", settings) { r, t in
            stream.counter = UInt64(t) << 8
            let length = stream.below(3)
            lengths.insert(length)
            var v = -1 * r.upperY(r.y, r.upper())
            for _ in 0..<length { v = v - r.eta * r.hessian(v, r.lower()) }
            r.x = r.x - r.gamma * (r.upperX(r.x) + r.mixed(3 * r.eta * v, r.lower()))
            for _ in 0..<2 { r.y = r.y - r.rho * r.gradient(r.y, r.x, r.lower()) }
        }
        #expect(lengths == [0, 1, 2])
    }

    /// STORM on both directions, the same samples at both points, the point before beginning at the first.
    @Test func mrbo() throws {
        var (m, h): (Vector, Vector) = ([], [])
        var before: (Vector, Vector) = ([], [])
        try Self.compare("mrbo", Self.series) { r, t in
            let eta = t == 0 ? 1 : 0.5 * pow(Double(t + 1), -2.0 / 3)
            let l = r.lower()
            let cursors = (r.lowerCursor, r.upperCursor)
            if t == 0 {
                m = r.gradient(r.y, r.x, l)
            } else {
                m = r.gradient(r.y, r.x, l) + (1 - eta) * (m - r.gradient(before.0, before.1, l))
                let then = r.series(before.0, before.1, terms: 4)
                (r.lowerCursor, r.upperCursor) = cursors
                h = (1 - eta) * (h - then)
            }
            let now = r.series(r.y, r.x, terms: 4)
            h = t == 0 ? now : h + now
            before = (r.y, r.x)
            r.y = r.y - r.rho * m
            r.x = r.x - r.gamma * h
        }
    }

    /// SPIDER: the first difference of an iteration includes the move of x.
    @Test func vrbo() throws {
        var (m, h): (Vector, Vector) = ([], [])
        let settings = Self.series + ["method.lower_solver.steps=2", "method.estimator={\"period\": 3}"]
        try Self.compare("vrbo", settings) { r, t in
            if t % 3 == 0 {
                let (all, test) = (
                    Draw(start: 0, count: 11, weight: 1, slot: 0), Draw(start: 0, count: 7, weight: 1, slot: 0)
                )
                m = r.gradient(r.y, r.x, all)
                var term = -1 * r.upperY(r.y, test)
                var total = term
                for _ in 0..<4 {
                    term = term - r.eta * r.hessian(term, all)
                    total = total + term
                }
                h = r.upperX(r.x) + r.mixed(r.eta * total, all)
            }
            var before = (r.y, r.x)
            r.x = r.x - r.gamma * h
            for _ in 0..<2 {
                let l = r.lower()
                m = m + r.gradient(r.y, r.x, l) - r.gradient(before.0, before.1, l)
                let cursors = (r.lowerCursor, r.upperCursor)
                h = h + r.series(r.y, r.x, terms: 4)
                (r.lowerCursor, r.upperCursor) = cursors
                h = h - r.series(before.0, before.1, terms: 4)
                before = (r.y, r.x)
                r.y = r.y - r.rho * m
            }
        }
    }

    @Test func f2sa() throws {
        var z: Vector = [0.3, 0.4, -0.1]
        var penalty = 2.0
        let settings = [
            "method.hypergradient={\"weight\": 2, \"growth\": 0.5}", "method.lower_solver.steps=2",
            "method.lower_solver.step={\"power\": {\"initial\": 0.2, \"exponent\": 0}}",
        ]
        // Without a step of its own z takes that of y at the start times the weight, as its schedule says.
        try Self.compare("f2sa", settings) { r, t in
            let beta = 0.2 * 2 * pow(Double(t + 1), -4.0 / 7)
            for _ in 0..<2 {
                let atZ = r.gradient(z, r.x, r.lower())
                let atY = r.gradient(r.y, r.x, r.lower())
                let fromUpper = r.upperY(r.y, r.upper())
                r.y = r.y - r.rho * (penalty * atY + fromUpper)
                z = z - beta * atZ
            }
            let l = r.lower()
            let difference = r.gradientX(r.y, r.x, l) - r.gradientX(z, r.x, l)
            _ = r.upper()
            r.x = r.x - r.gamma * (r.upperX(r.x) + penalty * difference)
            penalty += 0.5 * pow(Double(t + 1), -6.0 / 7)
        }
    }
}

private func + (a: [Double], b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }
private func - (a: [Double], b: [Double]) -> [Double] { zip(a, b).map { $0 - $1 } }
private func * (a: Double, b: [Double]) -> [Double] { b.map { a * $0 } }
