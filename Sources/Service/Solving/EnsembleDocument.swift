// What results, events and validation reports say of the members of a job.
import MultilevelOptimization
import ProblemSpecification

/// What is settled about a member when its job is admitted.
package struct AdmittedMember: Sendable, Equatable {
    let index: Int
    /// By pointer, as the sweep has them.
    let settings: [JSONMember]
    let seed: UInt64
    let method: String
}

/// Composes what is said of members.
enum EnsembleDocument {
    /// What a result says beside its best member.
    struct Summary {
        let state: EnsembleState
        let members: [AdmittedMember]
        let best: Int

        /// Iterations of all members.
        var iterations: Int { state.iterations }

        /// All evaluations, those of the best member as its result counts them.
        func counts(_ result: OracleCounts) -> OracleCounts {
            var counts = result
            for (index, member) in state.members.enumerated() where index != best {
                if let run = member.run { counts.add(run.counts) }
            }
            return counts
        }

        var list: JSONValue {
            .array(zip(state.members, members).map { EnsembleDocument.entry($0, $1).value })
        }
    }

    /// The data of the event that says that a member is over.
    ///
    /// - Parameter best: the best of those that have been compared.
    static func event(_ state: MemberState, _ member: AdmittedMember, best: Int?) -> JSONValue {
        var data = entry(state, member)
        if let best { data.add("best_member", best) }
        return data.value
    }

    /// A member of a validation report.
    static func announcement(_ member: AdmittedMember) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("member", member.index)
        if !member.settings.isEmpty { object.add("settings", .object(member.settings)) }
        object.add("seed", ResultDocument.seed(member.seed))
        object.add("method", member.method)
        return object
    }

    private static func entry(_ state: MemberState, _ member: AdmittedMember) -> JSONObjectBuilder {
        var object = announcement(member)
        object.add("state", self.state(of: state))
        object.add("termination", state.termination.map { .string($0.rawValue) } ?? .null)
        guard let run = state.run else { return object }
        if let rung = state.lastRung, state.termination == nil { object.add("dropped_after_rung", rung) }
        object.add("iterations", run.iteration)
        object.add("best_iteration", run.bestIteration)
        if let score = state.score {
            object.add("objective", score.objective)
            object.add("solved_objective", score.solvedObjective)
            object.add("hypergradient_norm", score.hypergradientNorm)
            object.add("lower_residual", score.lowerResidual)
        }
        object.add("oracle", ResultDocument.oracle(run.counts))
        if state.termination?.isSuccess == false, let reason = run.remarks.last { object.add("detail", reason) }
        return object
    }

    private static func state(of member: MemberState) -> String {
        if let termination = member.termination { return termination.isSuccess ? "succeeded" : "failed" }
        return member.run == nil ? "not_started" : "dropped"
    }
}
