// SOBA with upper variables that have one entry per sample, against the same iteration written out by hand.

import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

import func Glibc.exp

@Suite struct SOBARowsTests {
    static let rows = 23
    static let columns = 3

    /// Data cleaning with a weight per sample and a common penalty; the upper level draws the training samples too.
    private static let document = """
        {"problem": {
          "data": {
            "Z": {"random": {"normal": [23, 3], "seed": 1}}, "t": {"random": {"normal": [23], "seed": 2}},
            "V": {"random": {"normal": [17, 3], "seed": 3}}, "s": {"random": {"normal": [17], "seed": 4}}},
          "samples": {"train": {"arrays": ["Z", "t"], "batch": 5}, "validation": {"arrays": ["V", "s"], "batch": 4}},
          "levels": [
            {"variables": {"a": {"per": "train", "start": 0.5, "constraint": {"box": [0.4, 0.6]}},
                           "c": {"start": 0.1}},
             "minimize": "0.5 * mean((V @ y - s)^2) + 0.3 * mean(a^2) + 0.1 * c^2"},
            {"variables": {"y": {"shape": [3]}},
             "minimize": "0.5 * mean(sigmoid(a) * (Z @ y - t)^2) + 0.5 * exp(c) * sum(y^2)"}]},
         "method": {"name": "soba", "lower_solver": {"step": 0.1}, "upper_step": {"step": 0.7}}, "seed": 5,
         "limits": {"iterations": 40}, "progress": {"every": 1}}
        """

    /// The iterates, one number after another.
    private struct Iterates: Equatable {
        var y: [Double]
        var v: [Double]
        var a: [Double]
        var c: Double
    }

    /// One iteration by loops over rows, from the formulas' derivatives.
    private static func advance(
        _ now: Iterates, _ data: [String: [Double]], lower: Draw, upperTrain: Draw, validation: Draw, rho: Double,
        gamma: Double
    ) throws -> Iterates {
        let (z, t) = (try #require(data["Z"]), try #require(data["t"]))
        let (w, s) = (try #require(data["V"]), try #require(data["s"]))
        func row(_ matrix: [Double], _ i: Int, _ x: [Double]) -> Double {
            (0..<columns).reduce(0) { $0 + matrix[i * columns + $1] * x[$1] }
        }
        var (gy, hv, fy) = (now.y.map { exp(now.c) * $0 }, now.v.map { exp(now.c) * $0 }, [0.0, 0, 0])
        var (da, dc) = ([Double](repeating: 0, count: rows), 0.2 * now.c)
        for k in 0..<columns { dc += exp(now.c) * now.y[k] * now.v[k] }
        for i in lower.start..<(lower.start + lower.count) {
            let (r, u) = (row(z, i, now.y) - t[i], row(z, i, now.v))
            let weight = 1 / (1 + exp(-now.a[i]))
            for k in 0..<columns {
                gy[k] += lower.weight / 23 * weight * r * z[i * columns + k]
                hv[k] += lower.weight / 23 * weight * u * z[i * columns + k]
            }
            da[i] += lower.weight / 23 * weight * (1 - weight) * r * u
        }
        for i in upperTrain.start..<(upperTrain.start + upperTrain.count) {
            da[i] += upperTrain.weight / 23 * 0.6 * now.a[i]
        }
        for i in validation.start..<(validation.start + validation.count) {
            let r = row(w, i, now.y) - s[i]
            for k in 0..<columns { fy[k] += validation.weight / 17 * r * w[i * columns + k] }
        }
        return Iterates(
            y: (0..<columns).map { now.y[$0] - rho * gy[$0] },
            v: (0..<columns).map { now.v[$0] - rho * (hv[$0] + fy[$0]) },
            a: (0..<rows).map { min(max(now.a[$0] - gamma * da[$0], 0.4), 0.6) }, c: now.c - gamma * dc)
    }

    @Test func drawnRowsMoveAsByHand() throws {
        let built = try #require(try admit(Self.document).built)
        let data = Dictionary(uniqueKeysWithValues: built.problem.data.map { ($0.name, $0.numbers) })
        func draw(_ slot: Int, batch: Int, of rows: Int) -> Draw {
            let count = min(batch, rows - slot * batch)
            return Draw(start: slot * batch, count: count, weight: Double((rows + batch - 1) / batch), slot: slot)
        }
        let lower = [0, 4, 2, 4, 1, 3].map { draw($0, batch: 5, of: 23) }
        let upperTrain = [0, 1, 4, 3].map { draw($0, batch: 5, of: 23) }
        let validation = [4, 0, 2, 1, 3].map { draw($0, batch: 4, of: 17) }
        let stepper = SOBAStepper(
            built.problem,
            draws: SOBADraws(
                lower: ["train": .sequence(lower)],
                upper: ["train": .sequence(upperTrain), "validation": .sequence(validation)]))
        var expected = Iterates(y: [0.3, -0.2, 0.1], v: [0, 0, 0], a: [Double](repeating: 0.5, count: 23), c: 0.1)
        var state = SOBAState(
            x: expected.a + [expected.c], y: expected.y, v: expected.v, lowerStep: .constant(0.1),
            upperStep: .constant(0.7))
        for t in 0..<24 {
            expected = try Self.advance(
                expected, data, lower: lower[t % 6], upperTrain: upperTrain[t % 4], validation: validation[t % 5],
                rho: 0.1, gamma: 0.7)
            stepper.advance(&state, by: 1)
            let found = state.y + state.v + state.x
            let wanted = expected.y + expected.v + expected.a + [expected.c]
            #expect(VectorMath.maxNorm(VectorMath.subtract(found, wanted)) <= 1e-13, "iteration \(t)")
        }
        // The bounds took part, and rows that no draw showed have not moved.
        #expect(expected.a.contains { $0 == 0.4 } && expected.a.contains { $0 > 0.4 && $0 < 0.5 })
    }

    /// The engine of the other methods, on the same draws.
    @Test func theEngineMovesRowsAlike() throws {
        func last(_ assignments: [String]) throws -> [Double] {
            let admitted = try admit(Self.document, assignments)
            let (built, method) = (try #require(admitted.built), try #require(admitted.method, "\(admitted.faults)"))
            let limits = RunLimits(iterations: 40, hypergradientTolerance: 0, progressEvery: 1)
            let (run, _) = try #require(
                SolverRun.begin(built.problem, method, limits: limits, seed: 5, stop: { nil }))
            while run.state.termination == nil { _ = run.advance() }
            return run.state.reportedPoint
        }
        let soba = try last([])
        let engine = try last(["method.name=saba", "method.estimator=sgd"])
        #expect(VectorMath.maxNorm(VectorMath.subtract(soba, engine)) <= 1e-12)
    }

    /// SABA's averages move rows that no draw shows: against its formulas, with draws that overlap.
    @Test func tablesHoldRows() throws {
        let text = """
            {"problem": {
              "data": {"t": {"random": {"normal": [11], "seed": 6}}, "s": {"value": [1, 2]}},
              "samples": {"train": {"arrays": ["t"], "batch": 4}},
              "levels": [
                {"variables": {"a": {"per": "train", "start": 0.2}}, "minimize": "0.5 * mean((y - s)^2)"},
                {"variables": {"y": {"start": 0.1}}, "minimize": "0.5 * mean(sigmoid(a) * (y - t)^2) + 0.05 * y^2"}]},
             "method": {"name": "saba", "lower_solver": {"step": 0.3}, "upper_step": {"step": 2.0},
                        "estimator": {"start": "zero"}}}
            """
        let admitted = try admit(text)
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let t = try #require(problem.data.first { $0.name == "t" }).numbers
        let draws = [1, 0, 2, 2, 1, 0].map { slot in
            Draw(
                start: min(4 * slot, 7), count: 4, weight: 11.0 / 4, slot: slot,
                share: slot == 2 ? 3.0 / 11 : 4.0 / 11)
        }
        let method = try #require(admitted.method)
        let (run, _) = try #require(
            SolverRun.begin(
                problem, method,
                limits: RunLimits(iterations: 30, hypergradientTolerance: 0, progressEvery: 1), seed: 1,
                draws: SOBADraws(lower: ["train": .sequence(draws)], upper: [:]), stop: { nil }))
        var (y, v, a) = (0.1, 0.0, [Double](repeating: 0.2, count: 11))
        var table = [(g: Double, h: Double, j: [Double])](repeating: (0, 0, [0, 0, 0, 0]), count: 3)
        var (meanG, meanH, meanJ) = (0.0, 0.0, [Double](repeating: 0, count: 11))
        for k in 0..<30 {
            let draw = draws[k % 6]
            var new = (g: 0.1 * y, h: 0.1 * v, j: [0.0, 0, 0, 0])
            for i in 0..<4 {
                let row = draw.start + i
                let weight = 1 / (1 + exp(-a[row]))
                new.g += weight * (y - t[row]) / 4
                new.h += weight * v / 4
                new.j[i] = weight * (1 - weight) * (y - t[row]) * v / 4
            }
            let old = table[draw.slot]
            let (directionY, product) = (new.g - old.g + meanG, new.h - old.h + meanH)
            var directionA = meanJ
            for i in 0..<4 {
                directionA[draw.start + i] += new.j[i] - old.j[i]
                meanJ[draw.start + i] += draw.share * (new.j[i] - old.j[i])
            }
            meanG += draw.share * (new.g - old.g)
            meanH += draw.share * (new.h - old.h)
            table[draw.slot] = new
            let directionV = product + (y - 1.5)
            y -= 0.3 * directionY
            v -= 0.3 * directionV
            for i in 0..<11 { a[i] -= 2 * directionA[i] }
            guard case .progress(let point) = run.advance() else { return }
            #expect(VectorMath.maxNorm(VectorMath.subtract(point.x, a)) <= 1e-13, "iteration \(k)")
        }
        #expect(run.state.iteration == 30)
    }

    @Test func manyIterationsAtOnceAreTheSameBits() throws {
        let problem = try #require(try admit(Self.document).built).problem
        let start = SOBAState(
            x: problem.upper.start, y: problem.lower.start, v: [0, 0, 0], lowerStep: .constant(0.1),
            upperStep: .constant(0.7))
        var (single, joint) = (start, start)
        let stepper = SOBAStepper(problem, draws: .seeded(problem, seed: 9))
        for _ in 0..<30 { stepper.advance(&single, by: 1) }
        SOBAStepper(problem, draws: .seeded(problem, seed: 9)).advance(&joint, by: 30)
        #expect(single == joint)
    }

    /// One bad label among equal samples loses its weight, at the place where the document has it.
    @Test(arguments: [0, 7, 19]) func entriesStayWhereTheDocumentHasThem(bad: Int) throws {
        var labels = [Double](repeating: 1, count: 20)
        labels[bad] = -9
        let starts = (0..<20).map { 0.01 * Double($0) }
        let text = """
            {"problem": {
              "data": {"t": {"value": \(labels)}, "s": {"value": [1, 1, 1]}},
              "samples": {"train": {"arrays": ["t"], "batch": 3}},
              "levels": [
                {"variables": {"a": {"per": "train", "start": \(starts)}}, "minimize": "0.5 * mean((y - s)^2)"},
                {"variables": {"y": {}}, "minimize": "0.5 * mean(sigmoid(a) * (y - t)^2) + 0.05 * y^2"}]},
             "method": {"name": "soba", "lower_solver": {"step": 0.3}, "upper_step": {"step": 1.0}}, "seed": 3,
             "limits": {"iterations": 200}, "progress": {"every": 200}}
            """
        let (start, result) = try run(text)
        #expect(start.x == starts)
        let slope = try #require(start.hypergradient)
        #expect(slope.indices.max { slope[$0] < slope[$1] } == bad)
        let change = zip(result.x, starts).map { $0 - $1 }
        #expect(change.indices.min { change[$0] < change[$1] } == bad)
        #expect(change[bad] < -0.5)
        #expect(change.enumerated().allSatisfy { $0.offset == bad || $0.element > 0 })
    }

    @Test func rowsOfDeeperLevelsNeedAllData() throws {
        let text = """
            {"problem": {
              "data": {"a": {"value": [0, 4]}, "b": {"value": [1, 2]}}, "samples": {"tasks": {"arrays": ["a", "b"]}},
              "levels": [
                {"variables": {"x": {}}, "minimize": "0.5 * mean((w - b)^2)"},
                {"variables": {"w": {"per": "tasks"}}, "minimize": "0.5 * sum((w - a)^2 + (w - x)^2)"}]}}
            """
        #expect(try admit(text).faults.isEmpty)
        let refused = try admit(text, ["method=soba"])
        #expect(refused.places == ["unsupported /problem/levels/1/variables/w/per"])
        #expect(refused.faults[0].message.contains("row by row"))
    }
}
