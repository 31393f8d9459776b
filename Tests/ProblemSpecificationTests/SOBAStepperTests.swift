// SOBA, from the document's formulas to its iterates, against iterates of another implementation on the same batches.

import MultilevelOptimization
import ProblemSpecification
import Solvers
import Tensors
import Testing

@Suite struct SOBAStepperTests {
    private static func largestError(_ found: [Double], _ expected: [Double]) -> Double {
        VectorMath.maxNorm(VectorMath.subtract(found, expected)) / VectorMath.maxNorm(expected)
    }

    @Test func reproducesRecordedIterates() throws {
        let recording = try W1Recording()
        let admitted = try admit(W1Recording.document, datasets: recording.datasets)
        let problem = try #require(admitted.built, "\(admitted.faults)").problem
        let draws = (0..<100).map { Draw(start: 64 * $0, count: 64, weight: 100, slot: $0) }
        let stepper = SOBAStepper(
            problem, draws: SOBADraws(lower: ["train": .sequence(draws)], upper: ["validation": .sequence(draws)]))
        var state = SOBAState(
            x: recording.start.x, y: recording.start.y, v: [Double](repeating: 0, count: W1Recording.features),
            lowerStep: .power(initial: 0.03125, exponent: 0.5), upperStep: .power(initial: 3.125, exponent: 0.5))
        #expect(recording.expected.map(\.iteration) == [1, 2, 10, 100])
        for (iteration, y, x, v) in recording.expected {
            stepper.advance(&state, by: iteration - state.iteration)
            #expect(Self.largestError(state.y, y) <= 1e-9, "y after \(iteration)")
            #expect(Self.largestError(state.x, x) <= 1e-9, "x after \(iteration)")
            #expect(Self.largestError(state.v, v) <= 1e-9, "v after \(iteration)")
        }
    }
}
