// Words for what went wrong: which quantity, when, and what to try.
import Solvers
import Tensors

/// Explains the state of an evaluation.
enum Diagnosis {
    /// Which quantity left the finite numbers first.
    static func divergence(_ evaluation: Evaluation, iteration: Int) -> String {
        let place = "in iteration \(iteration)"
        if !VectorMath.isFinite(evaluation.y) || !evaluation.lowerResidual.isFinite {
            return "the lower level diverged \(place): use a smaller lower step, or bound the upper variables"
        }
        if let residual = evaluation.linearResidual, !residual.isFinite || !VectorMath.isFinite(evaluation.v) {
            return "the linear system diverged \(place): use a smaller step, more regularisation, or cg"
        }
        return "the upper level diverged \(place): use a smaller upper step, or bound the upper variables"
    }

    /// Which of SOBA's iterates left the finite numbers.
    static func divergence(_ iterates: SOBAState) -> String {
        let place = "before iteration \(iterates.iteration)"
        if !VectorMath.isFinite(iterates.y) {
            return "the lower variables diverged \(place): use a smaller lower_solver.step"
        }
        if !VectorMath.isFinite(iterates.v) {
            return "the adjoint diverged \(place): use a smaller lower_solver.step, or more regularisation"
        }
        return "the upper variables diverged \(place): use a smaller upper_step.step"
    }

    /// What makes the hypergradient less exact than asked, in sentences that do not change from iteration to iteration.
    static func remarks(_ evaluation: Evaluation) -> [String] {
        var result: [String] = []
        switch evaluation.linearStatus {
        case .indefinite:
            result.append("the lower Hessian is not positive definite: the hypergradient is not reliable")
        case .diverged: result.append("the linear solver diverged: the hypergradient is not reliable")
        case .converged, .iterationLimit, .stagnated, .interrupted, nil: break
        }
        if case .diverged = evaluation.lowerStatus {
            result.append("the lower solver diverged: the hypergradient is not reliable")
        }
        return result
    }
}
