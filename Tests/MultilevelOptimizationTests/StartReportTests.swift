// What validation measures at the start, and that it knows when to leave something out.
import ExpressionGraph
import MultilevelOptimization
import Solvers
import Tensors
import Testing

@Suite struct StartReportTests {
    private func report(_ problem: MultilevelProblem, operations: Int? = nil) -> StartReport {
        var budget = MeasurementBudget()
        if let operations { budget.operations = operations }
        return StartReport(problem, seed: 1, budget: budget, stop: { nil })
    }

    private static let names = [
        "upper_gradient", "upper_gradient_in_lower", "lower_gradient", "hessian_product", "mixed_product",
        "hypergradient",
    ]

    @Test(arguments: RandomProblem.all.prefix(4)) func derivativesOfSmoothProblemsAgree(_ random: RandomProblem) throws
    {
        let report = report(try random.build())
        #expect(report.derivativeChecks.map(\.name) == Self.names)
        #expect(report.derivativeChecks.allSatisfy { $0.verdict == .agrees }, "\(report.derivativeChecks)")
        #expect(report.kinks == .value([]))
        guard case .value(let curvature)? = report.curvature else {
            Issue.record("a lower level has a curvature")
            return
        }
        #expect(curvature.smallest > 0.5 && curvature.isExact)
    }

    @Test func valuesAtTheStartAreThoseOfTheFormulas() {
        let values = report(Fixtures.quadratic(start: 0)).values
        guard case .value(let start)? = values else {
            Issue.record("\(String(describing: values))")
            return
        }
        #expect(abs(start.objective - 18) < 1e-12 && abs(start.hypergradientNorm - 18) < 1e-9)
    }

    /// |x| close to its kink: the difference quotient sees both sides of it.
    @Test func aDerivativeBesideAKinkDiffers() {
        let kinked = bilevel(
            upper: 1, lower: 1, start: [1e-9],
            f: { g, y, x in g.add(g.halfSquare(y), g.sum(g.unary(.absolute, x))) },
            g: { g, y, _ in g.halfSquare(y) })
        let verdicts = Dictionary(
            uniqueKeysWithValues: report(kinked).derivativeChecks.map { ($0.name, $0.verdict) })
        #expect(verdicts["upper_gradient"] == .agrees)
        #expect(verdicts["hypergradient"] == .differs)
    }

    /// What does not fit into the budget is left out, with the reason; what fits is measured.
    @Test func aBudgetIsKept() throws {
        let problem = try RandomProblem(seed: 2, upper: 3, lower: 4).build()
        let nothing = report(problem, operations: 0)
        #expect(nothing.derivativeChecks.map(\.verdict) == Self.names.map { _ in .skipped })
        for check in nothing.derivativeChecks {
            guard case .skipped(let reason) = check.relativeError else { continue }
            #expect(reason.contains("operations") && reason.contains("left for measurements"))
        }
        guard case .skipped? = nothing.curvature, case .skipped? = nothing.values else {
            Issue.record("measured without a budget")
            return
        }
        let some = report(problem, operations: 20_000)
        #expect(some.derivativeChecks.prefix(5).allSatisfy { $0.verdict == .agrees }, "\(some.derivativeChecks)")
        #expect(some.derivativeChecks.last?.verdict == .skipped)
    }

    @Test func aStartThatIsNotFiniteHasNoValues() {
        let problem = bilevel(
            upper: 1, lower: 1, start: [-1], f: { g, y, x in g.add(g.halfSquare(y), g.sum(g.unary(.log, x))) },
            g: { g, y, x in g.halfSquaredDistance(y, x) })
        let report = report(problem)
        #expect(report.values == nil)
        #expect(report.derivativeChecks.first?.verdict == .undefined)
    }
}

@Suite struct KinkSurveyTests {
    private func kinks(
        x: [Double], _ f: (inout Graph, _ y: NodeID, _ x: NodeID) -> NodeID
    ) -> Measurement<[Kink]> {
        let problem = bilevel(
            upper: x.count, lower: 2, start: x, f: f, g: { g, y, _ in g.halfSquaredDistance(y, g.vector([1, 2])) })
        return KinkSurvey.run(problem, at: problem.levels.map(\.start), memoryBytes: 1 << 20, operations: 1 << 20)
    }

    private func kink(_ function: String, _ formula: String, _ entries: Int, _ ties: Int) -> Measurement<[Kink]> {
        .value([Kink(level: 0, function: function, formula: formula, entries: entries, ties: ties)])
    }

    @Test func exactTiesAreCounted() {
        let start = [0, -0.0, 1e-300, 2]
        #expect(kinks(x: start) { g, _, x in g.sum(g.unary(.absolute, x)) } == kink("abs", "abs(x)", 4, 2))
        #expect(kinks(x: start) { g, _, x in g.sum(g.unary(.relu, x)) } == kink("relu", "relu(x)", 4, 2))
        #expect(
            kinks(x: [1, 2]) { g, _, x in
                g.sum(g.binary(.maximum, x, g.vector([1, 3])))
            } == kink("maximum", "maximum(x, concatenate(1, 3))", 2, 1))
        #expect(kinks(x: [1, 2, 3]) { g, _, x in g.sum(g.unary(.absolute, x)) } == .value([]))
    }

    /// Ties of a maximum are told from numbers that happen to be another row's.
    @Test func extremaTieWithinTheirRow() {
        func largest(_ start: [Double]) -> Measurement<[Kink]> {
            kinks(x: start) { g, _, x in
                g.sum(g.extremum(.maximum, g.reshape(x, to: Shape(sizes: [2, 3])), axis: 1))
            }
        }
        #expect(largest([1, 2, 3, 1, 3, 5]) == .value([]))
        #expect(largest([1, 3, 3, 5, 5, 5]) == kink("max", "max(x, axis=1)", 6, 3))
    }

    @Test func dataHasNoKinks() {
        #expect(
            kinks(x: [1, 2]) { g, _, x in
                let constant = g.unary(.absolute, g.vector([0, 1]))
                return g.sum(g.multiply(constant, x))
            } == .value([]))
    }

    @Test func aSurveyThatTakesTooMuchIsLeftOut() {
        let problem = bilevel(
            upper: 3, lower: 1, f: { g, y, x in g.add(g.sum(g.unary(.absolute, x)), g.sum(y)) },
            g: { g, y, _ in g.halfSquare(y) })
        let points = problem.levels.map(\.start)
        for (bytes, operations) in [(0, 1000), (1 << 20, 1)] {
            guard
                case .skipped(let reason) = KinkSurvey.run(
                    problem, at: points, memoryBytes: bytes, operations: operations)
            else {
                Issue.record("surveyed within \(bytes) bytes and \(operations) operations")
                continue
            }
            #expect(reason.contains("more than the"))
        }
    }
}
