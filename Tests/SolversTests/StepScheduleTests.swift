// Step sizes against their formulas.

import Solvers
import Testing

@Suite struct StepScheduleTests {
    @Test func constantStepsStay() {
        #expect(StepSchedule.constant(0.3).value(at: 1_000_000) == 0.3)
    }

    @Test(arguments: [(0, 2.0), (3, 1.0), (99, 0.2)]) func powerStepsFall(_ t: Int, _ step: Double) {
        #expect(abs(StepSchedule.power(initial: 2, exponent: 0.5).value(at: t) - step) < 1e-15)
    }

    @Test func exponentZeroIsConstant() {
        #expect(StepSchedule.power(initial: 2, exponent: 0).value(at: 17) == 2)
    }
}
