// The state machine of a job: what an action makes of it. Pure; a store loads, asks here, and writes what it is told.

/// What can be asked of a job.
package enum JobAction: Hashable, Sendable {
    /// A worker takes it.
    case start(worker: String)
    /// The worker's run ended.
    case finish(Outcome)
    /// The lease ends through no fault of the job: a drain, a lost server. Nothing is charged.
    case release(ReleaseCause)
    /// The worker died.
    case loseWorker(reason: String)
    /// It has waited for its first worker as long as it may.
    case giveUp
    case stop
    case cancel
    case retry(RetryOrigin)
    case update(JobPatch)

    /// The action's name.
    package var name: JobActionName {
        switch self {
        case .start: .start
        case .finish: .finish
        case .release: .release
        case .loseWorker: .loseWorker
        case .giveUp: .giveUp
        case .stop: .stop
        case .cancel: .cancel
        case .retry: .retry
        case .update: .update
        }
    }
}

/// An action without its details, for errors.
package enum JobActionName: String, CaseIterable, Hashable, Sendable {
    case start
    case finish
    case release
    case loseWorker
    case giveUp
    case stop
    case cancel
    case retry
    case update
    case delete
}

/// Why a lease ended without charge.
package enum ReleaseCause: String, CaseIterable, Hashable, Sendable {
    /// The server shuts down and gives its jobs back.
    case drained
    /// The server died with the lease.
    case serverLost = "server_lost"
    /// The lease ran out unrenewed.
    case leaseExpired = "lease_expired"
    /// The job goes on under other limits.
    case limitsChanged = "limits_changed"
}

/// Where a retried job begins: at its newest checkpoint or afresh.
package enum RetryOrigin: String, CaseIterable, Hashable, Sendable {
    case checkpoint
    case start
}

/// What happened to a job, for the event that tells of it.
package enum JobChange: Hashable, Sendable {
    case submitted
    case started
    case released(ReleaseCause)
    case workerLost(reason: String)
    case interrupted(Interruption)
    case retried(RetryOrigin)
    case ended

    /// `end` for the last event of a run through the queue, `state` for all others.
    package var eventType: String {
        switch self {
        case .ended: JobEvent.endType
        case .submitted, .started, .released, .workerLost, .interrupted, .retried: JobEvent.stateType
        }
    }
}

/// What an action came to.
package struct JobTransition: Hashable, Sendable {
    /// The job afterwards; the same as before if nothing changed.
    package let job: Job
    /// What to write in the log; nil if nothing happened that a log tells of.
    package let change: JobChange?
    /// Checkpoints that the job no longer has.
    package let dropped: [CheckpointReference]

    package init(job: Job, change: JobChange?, dropped: [CheckpointReference]) {
        self.job = job
        self.change = change
        self.dropped = dropped
    }
}

extension Job {
    /// What `action` makes of the job at `time`.
    ///
    /// - Throws: ``JobStoreError/invalidState(_:_:_:)`` where the state forbids it,
    ///   ``JobStoreError/outOfRange(_:allowed:found:)`` for a patch.
    package func applying(_ action: JobAction, at time: Timestamp) throws(JobStoreError) -> JobTransition {
        try checkState(allows: action)
        switch action {
        case .start(let worker): return started(by: worker, at: time)
        case .finish(let outcome): return finished(outcome, at: time)
        case .release(let cause): return requeued(.released(cause), charged: false, at: time)
        case .loseWorker(let reason): return withoutWorker(reason, at: time)
        case .giveUp: return ended(.failed, nil, .waitedTooLong, hasResult: false, at: time)
        case .stop: return stopped(at: time)
        case .cancel: return cancelled(at: time)
        case .retry(let origin): return retried(from: origin)
        case .update(let patch): return try updated(by: patch)
        }
    }

    /// - Throws: ``JobStoreError/invalidState(_:_:_:)`` unless the job is final or `force` is set.
    package func checkDeletion(force: Bool) throws(JobStoreError) {
        guard state.isFinal || force else { throw .invalidState(id, state, .delete) }
    }

    /// Whether `lease` may still write.
    package func isHeld(under lease: Lease) -> Bool { state.isLeased && epoch == lease.epoch }

    private func checkState(allows action: JobAction) throws(JobStoreError) {
        let isAllowed =
            switch action {
            case .start: state == .queued
            case .finish, .release, .loseWorker: state.isLeased
            case .giveUp: state == .queued && queueDeadline != nil
            case .stop, .cancel: true
            case .retry: state == .failed
            case .update(let patch): !state.isFinal || (patch.priority == nil && patch.limits == nil)
            }
        guard isAllowed else { throw .invalidState(id, state, action.name) }
    }
}

// The single rules. Each answers with the whole job, one revision later.
extension Job {
    private func changed(
        _ change: JobChange?, dropping dropped: [CheckpointReference] = [], _ edit: (inout Job) -> Void
    ) -> JobTransition {
        var job = self
        edit(&job)
        job.revision += 1
        return JobTransition(job: job, change: change, dropped: dropped)
    }

    private var unchanged: JobTransition { JobTransition(job: self, change: nil, dropped: []) }

    private func started(by worker: String, at time: Timestamp) -> JobTransition {
        changed(.started) { job in
            job.state = interruption == nil ? .running : .stopping
            job.epoch += 1
            job.worker = worker
            job.heartbeatAt = time
            job.startedAt = startedAt ?? time
            job.queueDeadline = nil
        }
    }

    private func ended(
        _ state: JobState, _ termination: Termination?, _ failure: JobFailure?, hasResult: Bool, at time: Timestamp
    ) -> JobTransition {
        changed(.ended) { job in
            job.state = state
            job.termination = termination
            job.failure = failure
            job.hasResult = hasResult
            job.finishedAt = time
            job.interruption = nil
            job.worker = nil
            job.heartbeatAt = nil
            job.queueDeadline = nil
        }
    }

    /// A cancel that was promised holds, however the run ended; what it found stays as a partial result.
    private func finished(_ outcome: Outcome, at time: Timestamp) -> JobTransition {
        let hasResult = outcome.result != nil
        guard interruption != .cancel else { return ended(.cancelled, nil, nil, hasResult: hasResult, at: time) }
        switch outcome {
        case .succeeded(let termination, _): return ended(.succeeded, termination, nil, hasResult: true, at: time)
        case .failed(let termination, let failure, _):
            return ended(.failed, termination, failure, hasResult: hasResult, at: time)
        case .cancelled: return ended(.cancelled, nil, nil, hasResult: hasResult, at: time)
        }
    }

    private func requeued(_ change: JobChange, charged: Bool, at time: Timestamp) -> JobTransition {
        guard interruption != .cancel else { return ended(.cancelled, nil, nil, hasResult: false, at: time) }
        return changed(change) { job in
            job.state = .queued
            job.worker = nil
            job.heartbeatAt = nil
            // The next attempt begins where the newest checkpoint is, or with nothing.
            job.hasIterate = !checkpoints.isEmpty
            if charged { job.failures += 1 }
        }
    }

    /// A death is charged unless the attempt left a checkpoint: then the next one begins further on.
    private func withoutWorker(_ reason: String, at time: Timestamp) -> JobTransition {
        let isCharged = checkpoints.last?.epoch != epoch
        guard isCharged, failures + 1 >= maxAttempts, interruption != .cancel else {
            return requeued(.workerLost(reason: reason), charged: isCharged, at: time)
        }
        let failure = JobFailure(code: Termination.workerLost.rawValue, detail: reason)
        var last = self
        last.failures += 1
        return last.ended(.failed, .workerLost, failure, hasResult: false, at: time)
    }

    /// A stop keeps the best iterate if there is one: in the worker's hands, or in a checkpoint of a requeued job.
    private func stopped(at time: Timestamp) -> JobTransition {
        switch state {
        case .succeeded, .failed, .cancelled: return unchanged
        case .queued where checkpoints.isEmpty: return ended(.cancelled, nil, nil, hasResult: false, at: time)
        case .running where !hasIterate: return ended(.cancelled, nil, nil, hasResult: false, at: time)
        case .queued: return interruption == nil ? changed(.interrupted(.stop)) { $0.interruption = .stop } : unchanged
        case .running:
            return changed(.interrupted(.stop)) { job in
                job.state = .stopping
                job.interruption = .stop
            }
        case .stopping: return unchanged
        }
    }

    private func cancelled(at time: Timestamp) -> JobTransition {
        switch state {
        case .succeeded, .failed, .cancelled: return unchanged
        case .queued: return ended(.cancelled, nil, nil, hasResult: false, at: time)
        case .running where !hasIterate, .stopping where !hasIterate:
            return ended(.cancelled, nil, nil, hasResult: false, at: time)
        case .running, .stopping:
            guard interruption != .cancel else { return unchanged }
            return changed(.interrupted(.cancel)) { job in
                job.state = .stopping
                job.interruption = .cancel
            }
        }
    }

    private func retried(from origin: RetryOrigin) -> JobTransition {
        let dropped = origin == .start ? checkpoints : []
        return changed(.retried(origin), dropping: dropped) { job in
            job.state = .queued
            job.failures = 0
            job.finishedAt = nil
            job.termination = nil
            job.failure = nil
            job.hasResult = false
            guard origin == .start else { return }
            job.checkpoints = []
            job.hasIterate = false
        }
    }

    private func updated(by patch: JobPatch) throws(JobStoreError) -> JobTransition {
        try patch.check()
        return changed(nil) { job in
            job.priority = patch.priority ?? priority
            job.labels = patch.labels ?? labels
            job.limits = patch.limits ?? limits
            if let bound = patch.timeToLive { job.timeToLive = bound.duration }
            if let bound = patch.queueTime, state == .queued, startedAt == nil {
                job.queueDeadline = bound.duration.map(createdAt.advanced)
            }
        }
    }
}
