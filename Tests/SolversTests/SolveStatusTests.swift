// Every way to fail comes with advice.

import Solvers
import Testing

@Suite struct SolveStatusTests {
    @Test(arguments: [
        SolveStatus.iterationLimit, .stagnated, .indefinite(curvature: -1), .interrupted,
        .diverged(quantity: .value, iteration: 3),
    ])
    func everyFailureHasAdvice(_ status: SolveStatus) {
        #expect(status.advice.hasSuffix("."))
    }

    @Test func successNeedsNone() {
        #expect(SolveStatus.converged.advice.isEmpty)
    }

    @Test func divergenceSaysWhatAndWhen() {
        let advice = SolveStatus.diverged(quantity: .gradient, iteration: 42).advice
        #expect(advice.contains("gradient") && advice.contains("42"))
    }
}
