// The job document with every default filled in, as a value: what a user asked for, nothing yet looked up or computed.

import Tensors

/// A whole job document. Everything but the problem has a default.
package struct ProblemDocument: Sendable, Equatable {
    /// What to solve.
    package var problem: Problem
    /// How to solve it.
    package var method = MethodRequest()
    /// When to stop in any case.
    package var limits = Limits()
    /// When the answer is good enough.
    package var tolerances = Tolerances()
    /// The source of every random start and draw.
    package var seed: UInt64 = 0
    /// What to report while solving.
    package var progress = ProgressRequest()
    /// How often to write the solver's state.
    package var checkpoint = CheckpointRequest()
    /// Names that the user gave the job, in document order, unique.
    package var labels: [Label] = []
    /// Place in the queue, 0 (last) to 9 (first); nil where the document does not say.
    package var priority: Int?
}

/// One label of a job.
package struct Label: Sendable, Equatable {
    package let name: String
    package let value: String
}

/// Budgets; the solver keeps its best iterate when one is used up.
package struct Limits: Sendable, Equatable {
    /// Wall time in seconds; positive.
    package var timeSeconds: Double?
    /// Upper iterations.
    package var iterations = 1000
    /// Evaluations of any oracle.
    package var oracleCalls: Int?
    /// Memory of the worker in bytes.
    package var memoryBytes: Int?
}

/// Accuracies asked for, at least 0; nil where the method's own default holds.
package struct Tolerances: Sendable, Equatable {
    /// Norm of the projected hypergradient at which the job has converged.
    package var hypergradient: Double?
    /// Residual of the lower level.
    package var lower: Double?
    /// Residual of the linear system.
    package var linear: Double?
}

/// What progress points hold and when they are reported.
package struct ProgressRequest: Sendable, Equatable {
    /// How iterates are reported.
    package enum Iterates: String, Sendable, CaseIterable {
        /// Not at all.
        case none
        /// In the progress point itself, up to the service's size limit.
        case inline
        /// By a link.
        case reference
    }

    /// A progress point every so many upper iterations; nil where the method chooses.
    package var every: Int?
    /// The least time between two points that a reader is sent.
    package var minIntervalMilliseconds: Int?
    /// How iterates are reported.
    package var iterates = Iterates.inline
}

/// How often the solver's state is written.
package struct CheckpointRequest: Sendable, Equatable {
    /// Seconds between checkpoints; positive.
    package var everySeconds = 10.0
}
