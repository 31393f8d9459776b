// The table of requests and the rules of failure, held against the state machine cell by cell, without a store.
import JobQueue
import Testing

@Suite struct JobTransitionTests {
    /// Everything the rules look at.
    private struct Condition: CustomStringConvertible {
        let state: JobState
        let hasIterate: Bool
        let interruption: Interruption?
        let hasCheckpoint: Bool

        var job: Job {
            makeJob { job in
                job.state = state
                job.epoch = 1
                job.hasIterate = hasIterate
                job.interruption = interruption
                if hasCheckpoint { job.checkpoints = [makeCheckpoint(epoch: 1)] }
                if state.isLeased { job.worker = "w" }
                if state.isFinal { job.finishedAt = noon }
            }
        }

        var description: String { "\(state) \(hasIterate) \(String(describing: interruption)) \(hasCheckpoint)" }

        static let all = JobState.allCases.flatMap { state in
            [false, true].flatMap { hasIterate in
                [nil, Interruption.stop, .cancel].flatMap { interruption in
                    [false, true].map {
                        Condition(
                            state: state, hasIterate: hasIterate, interruption: interruption, hasCheckpoint: $0)
                    }
                }
            }
        }
    }

    private static let actions: [JobAction] = [
        .start(worker: "w"), .finish(.succeeded(Termination(rawValue: "converged"), result: [])),
        .finish(.failed(nil, JobFailure(code: "c", detail: "d"), partial: nil)), .finish(.cancelled(partial: [])),
        .release(.drained), .release(.serverLost), .release(.leaseExpired), .loseWorker(reason: "signal 9"), .giveUp,
        .stop, .cancel, .retry(.checkpoint), .retry(.start), .update(JobPatch(priority: 1)),
        .update(JobPatch(labels: [:])),
    ]

    private static let later = noon.advanced(by: .seconds(1))

    private func result(of action: JobAction, on job: Job) -> JobTransition? {
        try? job.applying(action, at: Self.later)
    }

    // MARK: What holds for every action in every condition

    @Test func everyResultIsWhole() {
        for condition in Condition.all {
            for action in Self.actions {
                let before = condition.job
                guard let transition = result(of: action, on: before) else { continue }
                let after = transition.job
                let isChanged = after != before
                #expect(after.revision == before.revision + (isChanged ? 1 : 0), "\(condition) \(action)")
                #expect((transition.change == .ended) == (isChanged && after.state.isFinal && !before.state.isFinal))
                #expect(after.state.isFinal == (after.finishedAt != nil), "\(condition) \(action)")
                #expect(after.state.isLeased == (after.worker != nil), "\(condition) \(action)")
                #expect(after.epoch >= before.epoch && after.failures >= 0)
                #expect(after.lastSeq == before.lastSeq, "numbers are the store's")
            }
        }
    }

    @Test func theStateDecidesWhatIsAllowed() {
        for condition in Condition.all {
            let job = condition.job
            for action in Self.actions {
                let isAllowed =
                    switch action {
                    case .start: job.state == .queued
                    case .finish, .release, .loseWorker: job.state == .running || job.state == .stopping
                    case .giveUp: job.state == .queued && job.queueDeadline != nil
                    case .stop, .cancel: true
                    case .retry: job.state == .failed
                    case .update(let patch): !job.state.isFinal || patch.priority == nil
                    }
                if isAllowed {
                    #expect(result(of: action, on: job) != nil, "\(condition) \(action)")
                } else {
                    #expect(throws: JobStoreError.invalidState(job.id, job.state, action.name)) {
                        try job.applying(action, at: Self.later)
                    }
                }
            }
        }
    }

    // MARK: The table of requests

    @Test(arguments: [JobAction.stop, .cancel]) func finalJobsStayUnchanged(_ action: JobAction) {
        for condition in Condition.all where condition.state.isFinal {
            let job = condition.job
            #expect(result(of: action, on: job) == JobTransition(job: job, change: nil, dropped: []))
        }
    }

    @Test func aQueuedJobIsCancelledUnlessAStopCouldKeepACheckpoint() {
        for condition in Condition.all where condition.state == .queued {
            let stopped = result(of: .stop, on: condition.job)?.job
            #expect(stopped?.state == (condition.hasCheckpoint ? .queued : .cancelled), "\(condition)")
            if condition.hasCheckpoint { #expect(stopped?.interruption == condition.interruption ?? .stop) }
            #expect(result(of: .cancel, on: condition.job)?.job.state == .cancelled)
        }
    }

    @Test func aRunningJobIsCancelledWhileNothingIsComputed() {
        for condition in Condition.all where condition.state == .running && !condition.hasIterate {
            #expect(result(of: .stop, on: condition.job)?.job.state == .cancelled)
            #expect(result(of: .cancel, on: condition.job)?.job.state == .cancelled)
        }
    }

    @Test func aRunningJobWithAnIterateIsFlagged() {
        let job = makeJob {
            $0.state = .running
            $0.worker = "w"
            $0.hasIterate = true
        }
        for (action, flag) in [(JobAction.stop, Interruption.stop), (.cancel, .cancel)] {
            let transition = result(of: action, on: job)
            #expect(transition?.job.state == .stopping && transition?.job.interruption == flag)
            #expect(transition?.change == .interrupted(flag))
        }
    }

    @Test func aCancelOverridesAStopAndNotTheOtherWay() {
        let stopping = makeJob {
            $0.state = .stopping
            $0.worker = "w"
            $0.hasIterate = true
            $0.interruption = .stop
        }
        #expect(result(of: .stop, on: stopping)?.change == nil)
        let cancelling = result(of: .cancel, on: stopping)?.job
        #expect(cancelling?.interruption == .cancel)
        #expect(cancelling.flatMap { result(of: .stop, on: $0) }?.change == nil)
        #expect(cancelling.flatMap { result(of: .cancel, on: $0) }?.change == nil)
    }

    // MARK: How runs end

    @Test(arguments: [nil, Interruption.stop]) func outcomesBecomeStates(_ interruption: Interruption?) {
        let job = makeJob {
            $0.state = interruption == nil ? .running : .stopping
            $0.worker = "w"
            $0.interruption = interruption
        }
        let failure = JobFailure(code: "diverged", detail: "")
        let converged = Termination(rawValue: "converged")
        let succeeded = result(of: .finish(.succeeded(converged, result: [])), on: job)?.job
        #expect(succeeded?.state == .succeeded && succeeded?.termination == converged && succeeded?.hasResult == true)
        let failed = result(of: .finish(.failed(nil, failure, partial: nil)), on: job)?.job
        #expect(failed?.state == .failed && failed?.failure == failure && failed?.hasResult == false)
        #expect(result(of: .finish(.cancelled(partial: [1])), on: job)?.job.state == .cancelled)
    }

    @Test func aPromisedCancelHoldsHoweverTheRunEnds() {
        for state in [JobState.running, .stopping] {
            let job = makeJob {
                $0.state = state
                $0.worker = "w"
                $0.interruption = .cancel
                $0.failures = 99
            }
            for action in Self.actions {
                switch action {
                case .finish, .release, .loseWorker:
                    #expect(result(of: action, on: job)?.job.state == .cancelled, "\(action)")
                case .start, .giveUp, .stop, .cancel, .retry, .update: continue
                }
            }
        }
    }

    @Test(arguments: ReleaseCause.allCases) func givingBackChargesNothingAndKeepsAStop(_ cause: ReleaseCause) {
        let job = makeJob {
            $0.state = .stopping
            $0.worker = "w"
            $0.hasIterate = true
            $0.interruption = .stop
            $0.failures = 2
        }
        let transition = result(of: .release(cause), on: job)
        #expect(transition?.change == .released(cause))
        #expect(transition?.job.state == .queued && transition?.job.failures == 2)
        #expect(transition?.job.interruption == .stop)
        #expect(transition.flatMap { result(of: .start(worker: "v"), on: $0.job) }?.job.state == .stopping)
    }

    @Test(arguments: [false, true]) func anIterateOutlivesItsWorkerInACheckpointOnly(_ hasCheckpoint: Bool) {
        let job = makeJob {
            $0.state = .running
            $0.worker = "w"
            $0.hasIterate = true
            if hasCheckpoint { $0.checkpoints = [makeCheckpoint(epoch: 1)] }
        }
        for action in [JobAction.release(.serverLost), .loseWorker(reason: "signal 9")] {
            let again = result(of: action, on: job)?.job
            #expect(again?.hasIterate == hasCheckpoint)
            let claimed = again.flatMap { result(of: .start(worker: "v"), on: $0) }?.job
            let stopped = claimed.flatMap { result(of: .stop, on: $0) }?.job
            #expect(stopped?.state == (hasCheckpoint ? .stopping : .cancelled))
        }
    }

    /// (checkpoint's epoch, failures before) → (state, failures after), of three attempts, in epoch 2.
    @Test(arguments: [
        (nil, 0, JobState.queued, 1), (nil, 1, .queued, 2), (nil, 2, .failed, 3), (Int64(1), 2, .failed, 3),
        (Int64(1), 0, .queued, 1), (Int64(2), 0, .queued, 0), (Int64(2), 2, .queued, 2),
    ])
    func aDeathIsChargedUnlessItsAttemptLeftACheckpoint(
        _ epoch: Int64?, _ failures: Int, _ state: JobState, _ after: Int
    ) {
        let job = makeJob {
            $0.state = .running
            $0.worker = "w"
            $0.epoch = 2
            $0.failures = failures
            if let epoch { $0.checkpoints = [makeCheckpoint(epoch: epoch)] }
        }
        let lost = result(of: .loseWorker(reason: "signal 9"), on: job)?.job
        #expect(lost?.state == state && lost?.failures == after)
        #expect((lost?.termination == .workerLost) == (state == .failed))
        if state == .failed { #expect(lost?.failure == JobFailure(code: "worker_lost", detail: "signal 9")) }
    }

    // MARK: Beginning again, and attributes

    @Test func aRetryForgetsTheFailure() {
        let job = makeJob {
            $0.state = .failed
            $0.finishedAt = noon
            $0.failures = 3
            $0.failure = JobFailure(code: "c", detail: "")
            $0.termination = .workerLost
            $0.hasIterate = true
            $0.checkpoints = [makeCheckpoint(epoch: 1)]
        }
        let onwards = result(of: .retry(.checkpoint), on: job)
        #expect(onwards?.job.failures == 0 && onwards?.job.failure == nil && onwards?.job.termination == nil)
        #expect(onwards?.job.checkpoints == job.checkpoints && onwards?.job.hasIterate == true)
        let afresh = result(of: .retry(.start), on: job)
        #expect(afresh?.job.checkpoints == [] && afresh?.job.hasIterate == false)
        #expect(afresh?.dropped == job.checkpoints)
    }

    @Test(arguments: [-1, 10]) func aPriorityOutsideItsRangeIsRefused(_ priority: Int) {
        #expect(throws: JobStoreError.outOfRange(.priority, allowed: 0...9, found: priority)) {
            try makeJob().applying(.update(JobPatch(priority: priority)), at: noon)
        }
    }

    @Test func aStepOfPriorityIsWorthAMinute() {
        #expect(makeJob { $0.priority = 1 }.rank == makeJob().rank - 60_000)
    }

    @Test func aJobExpiresItsTimeToLiveAfterItsEnd() {
        #expect(makeJob { $0.timeToLive = .seconds(1) }.expiresAt == nil)
        #expect(makeJob { $0.finishedAt = noon }.expiresAt == nil)
        let job = makeJob {
            $0.finishedAt = noon
            $0.timeToLive = .seconds(1)
        }
        #expect(job.expiresAt == Self.later)
    }

    @Test func onlyFinalJobsAreDeletedUnlessByForce() {
        for state in JobState.allCases {
            let job = makeJob { $0.state = state }
            #expect(throws: Never.self) { try job.checkDeletion(force: true) }
            guard !state.isFinal else { continue }
            #expect(throws: JobStoreError.invalidState(job.id, state, .delete)) { try job.checkDeletion(force: false) }
        }
    }

    @Test func aLeaseHoldsInItsEpochWhileTheJobRuns() {
        for state in JobState.allCases {
            let job = makeJob {
                $0.state = state
                $0.epoch = 2
            }
            for epoch in Int64(1)...3 {
                let lease = Lease(job: job.id, epoch: epoch, worker: "w")
                #expect(job.isHeld(under: lease) == (state.isLeased && epoch == 2))
            }
        }
    }
}
