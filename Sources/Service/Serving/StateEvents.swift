// What the log says of a job's states: the data of `state` and `end` events.
import JobQueue
import ProblemSpecification

/// Renders changes of state.
package enum StateEvents {
    /// For stores to compose the events that they write themselves.
    package static let compose: EventComposer = { change, job in JSONWriter.bytes(data(change, job)) }

    private static func data(_ change: JobChange, _ job: Job) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("state", job.state.rawValue)
        switch change {
        case .submitted, .started: break
        case .released(let cause): object.add("cause", word(cause))
        case .workerLost(let reason):
            object.add("cause", "worker_lost")
            object.add("detail", reason)
            object.add("failures", job.failures)
        case .interrupted(let interruption): object.add("requested", interruption.rawValue)
        case .retried(let origin): object.add("retried_from", origin.rawValue)
        case .ended:
            if let termination = job.termination { object.add("termination", termination.rawValue) }
            if let failure = job.failure {
                object.add("code", failure.code)
                object.add("detail", failure.detail)
            }
            if job.hasResult { object.add("result", "/v1/jobs/\(job.id)/result") }
        }
        return object.value
    }

    private static func word(_ cause: ReleaseCause) -> String {
        switch cause {
        case .drained: "drained"
        case .serverLost: "server_lost"
        case .leaseExpired: "lease_expired"
        }
    }
}
