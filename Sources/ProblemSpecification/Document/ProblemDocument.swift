// The job document with every default filled in, as a value: what a user asked for, nothing yet looked up or computed.

import MultilevelOptimization
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
    /// What only the queue reads.
    package var queueing = Queueing()
    /// Formulas whose shapes a validation report should tell; solving does not read them.
    package var expressions: [String] = []
    /// The runs to make of it; nil for one.
    package var ensemble: EnsembleRequest?

    /// The memberwise initializer.
    package init(
        problem: Problem, method: MethodRequest = MethodRequest(), limits: Limits = Limits(),
        tolerances: Tolerances = Tolerances(), seed: UInt64 = 0, progress: ProgressRequest = ProgressRequest(),
        checkpoint: CheckpointRequest = CheckpointRequest(), labels: [Label] = [], priority: Int? = nil,
        queueing: Queueing = Queueing(), expressions: [String] = [], ensemble: EnsembleRequest? = nil
    ) {
        self.problem = problem
        self.method = method
        self.limits = limits
        self.tolerances = tolerances
        self.seed = seed
        self.progress = progress
        self.checkpoint = checkpoint
        self.labels = labels
        self.priority = priority
        self.queueing = queueing
        self.expressions = expressions
        self.ensemble = ensemble
    }
}

/// How long a job waits, is tried and is kept.
package struct Queueing: Sendable, Equatable {
    /// Seconds until a job that nobody has begun fails; nil waits for ever.
    package var queueSeconds: Double?
    /// Seconds that the job is kept once it has ended; nil keeps it for ever.
    package var keptSeconds: Double?
    /// Lost workers that end the job.
    package var maxAttempts = 3

    /// The memberwise initializer.
    package init(queueSeconds: Double? = nil, keptSeconds: Double? = nil, maxAttempts: Int = 3) {
        self.queueSeconds = queueSeconds
        self.keptSeconds = keptSeconds
        self.maxAttempts = maxAttempts
    }
}

/// One label of a job.
package struct Label: Sendable, Equatable {
    /// The name, unique among the labels.
    package let name: String
    /// The text given.
    package let value: String

    /// The memberwise initializer.
    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Budgets; the solver keeps its best iterate when one is used up.
package struct Limits: Sendable, Equatable {
    /// Wall time in seconds; positive.
    package var timeSeconds: Double?
    /// Upper iterations; 0 evaluates the start alone.
    package var iterations = 1000
    /// Evaluations of any oracle.
    package var oracleCalls: Int?
    /// Evaluations of single oracles, and rows that they read.
    package var oracleKinds: [OracleKind: Int] = [:]
    /// Memory of the worker in bytes.
    package var memoryBytes: Int?

    /// The memberwise initializer.
    package init(
        timeSeconds: Double? = nil, iterations: Int = 1000, oracleCalls: Int? = nil,
        oracleKinds: [OracleKind: Int] = [:], memoryBytes: Int? = nil
    ) {
        self.oracleKinds = oracleKinds
        self.timeSeconds = timeSeconds
        self.iterations = iterations
        self.oracleCalls = oracleCalls
        self.memoryBytes = memoryBytes
    }
}

/// Accuracies asked for, at least 0; nil where the method's own default holds.
package struct Tolerances: Sendable, Equatable {
    /// Norm of the projected hypergradient at which the job has converged.
    package var hypergradient: Double?
    /// Residual of the lower level.
    package var lower: Double?
    /// Residual of the linear system.
    package var linear: Double?

    /// The memberwise initializer.
    package init(hypergradient: Double? = nil, lower: Double? = nil, linear: Double? = nil) {
        self.hypergradient = hypergradient
        self.lower = lower
        self.linear = linear
    }
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

    /// The memberwise initializer.
    package init(every: Int? = nil, minIntervalMilliseconds: Int? = nil, iterates: Iterates = Iterates.inline) {
        self.every = every
        self.minIntervalMilliseconds = minIntervalMilliseconds
        self.iterates = iterates
    }
}

/// How often the solver's state is written.
package struct CheckpointRequest: Sendable, Equatable {
    /// Seconds between checkpoints; positive.
    package var everySeconds = 10.0

    /// The memberwise initializer.
    package init(everySeconds: Double = 10.0) {
        self.everySeconds = everySeconds
    }
}
