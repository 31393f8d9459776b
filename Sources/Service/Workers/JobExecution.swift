// One attempt at one job: what the worker reports goes to the log, what the store asks goes to the worker, and the end is
// written exactly once.
import Foundation
import JobQueue
import ProblemSpecification
import Synchronization

/// How an attempt ended for the worker.
enum ExecutionEnd: Equatable, Sendable {
    /// It can take the next job.
    case workerFree
    /// It is gone.
    case workerGone(WorkerLoss)
}

/// Runs one claim on one worker.
final class JobExecution: Sendable {
    let claim: Claim
    let worker: WorkerProcess
    let store: any JobStore
    let folder: ServiceFolder
    let options: Supervisor.Options
    let clock: ServiceClock
    let metrics: ServiceMetrics
    let log: @Sendable (String) -> Void
    /// Bytes that the worker may use for the job.
    private let memoryBudget: Int
    /// Members of the job that run at once, at most.
    private let threads: Int
    private let wantsSuspension = Mutex(false)

    init(
        claim: Claim, worker: WorkerProcess, store: any JobStore, folder: ServiceFolder, options: Supervisor.Options,
        threads: Int, clock: ServiceClock, metrics: ServiceMetrics, log: @escaping @Sendable (String) -> Void
    ) {
        self.metrics = metrics
        self.claim = claim
        self.worker = worker
        self.store = store
        self.folder = folder
        self.options = options
        self.threads = threads
        self.clock = clock
        self.log = log
        memoryBudget = Self.memoryBudget(claim, options)
    }

    /// Looks for requests now.
    func look() { worker.inbox.nudge(.tick) }

    /// Has the worker write its state and stop.
    func suspend() {
        wantsSuspension.withLock { $0 = true }
        look()
    }

    private var lease: Lease { claim.lease }

    /// What an attempt knows while it runs.
    private struct Attempt {
        var drafts: [EventDraft] = []
        var interruption: Interruption?
        var askedToStop = false
        /// Why the worker was asked to suspend.
        var askedToSuspend: ReleaseCause?
        var stopDeadline: ContinuousClock.Instant?
        var lastBeat = ContinuousClock.now
        var lastWork = ContinuousClock.now
        var lastLook = ContinuousClock.now
        var work = -1
        /// Why the worker was killed.
        var loss: WorkerLoss?

        /// Notes a look. One that comes much later than it was due does not count the time before it: the service was
        /// stopped, or the machine, and what the worker said meanwhile has not been read.
        mutating func look(at now: ContinuousClock.Instant) {
            let gap = now - lastLook
            lastLook = now
            guard gap >= JobExecution.lateness else { return }
            lastWork = min(now, lastWork + gap)
            stopDeadline = stopDeadline.map { $0 + gap }
        }
    }

    /// Time between two looks, when all goes well.
    private static let pace = Duration.milliseconds(250)
    /// Time between two looks of which the second is late.
    private static let lateness = Duration.seconds(1)

    /// Works until the attempt is over.
    func run() async -> ExecutionEnd {
        let ticker = Task { [worker] in
            while !Task.isCancelled {
                try await Task.sleep(for: Self.pace)
                worker.inbox.nudge(.tick)
            }
        }
        defer { ticker.cancel() }
        var attempt = Attempt()
        attempt.interruption = claim.job.interruption
        do {
            worker.send(.solve(try await order()))
            while true {
                var isTick = false
                for news in await worker.inbox.take() {
                    if case .tick = news { isTick = true }
                    if let end = try await handle(news, &attempt) { return end }
                }
                try await flush(&attempt)
                if isTick { try await look(&attempt) }
            }
        } catch let error as JobStoreError {
            // The lease is lost, or the store cannot be written: either way this attempt's work is not wanted.
            log("\(lease.job): attempt \(lease.epoch) dropped: \(error)")
            worker.kill()
            _ = try? await store.release(lease, because: .serverLost, at: clock.timestamp())
            return .workerGone(WorkerLoss(error))
        } catch {
            log("\(lease.job): attempt \(lease.epoch) dropped: \(error)")
            worker.kill()
            _ = try? await store.fail(lease, reason: "\(error)", at: clock.timestamp())
            return .workerGone(WorkerLoss(.failed, "\(error)"))
        }
    }

    // MARK: - The order

    private func order() async throws -> SolveOrder {
        let files = folder.job(lease.job.description)
        if claim.payload.count > Parcel.orderBytes {
            try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
        }
        // Written for each attempt: after a loss of power, a file that was not forced to the disk may be a torn one.
        let payload = try Parcel(
            claim.payload, limit: Parcel.orderBytes, file: files.appendingPathComponent("payload.json"))
        let progress = try await lastProgress()
        return SolveOrder(
            job: lease.job.description, payload: payload, blobs: folder.blobs.path, folder: files.path,
            epoch: Int(lease.epoch), states: claim.job.checkpoints.reversed().map(\.name),
            told: progress.told, elapsedSeconds: progress.elapsed, memoryBytes: memoryBudget, threads: threads,
            limits: claim.job.limits.isEmpty ? nil : try JSONParser.parse(claim.job.limits))
    }

    /// What the job's limits ask for, at most the machine: no sum with it overflows.
    private static func memoryBudget(_ claim: Claim, _ options: Supervisor.Options) -> Int {
        let asked = (try? JSONParser.parse(claim.job.limits))?["memory_bytes"]?.int
        return min(asked ?? options.memoryBytes, KernelEnvironment.memoryBytes)
    }

    /// Rows from the end in which the last progress is looked for first.
    private static let tailRows: Int64 = 400

    /// What the log says of the work so far.
    private struct LoggedProgress {
        var told = ToldProgress()
        var hasMembers = false
        /// The seconds that had been spent.
        var elapsed = 0.0
    }

    /// The last progress in the log. What stands before a retry from the start does not count.
    private func lastProgress() async throws -> LoggedProgress {
        guard claim.job.epoch > 1 else { return LoggedProgress() }
        let tail = max(0, claim.job.lastSeq - Self.tailRows)
        // What is said of other members than the newest may stand far back.
        if let found = try await lastProgress(after: tail), !found.hasMembers { return found }
        return try await lastProgress(after: 0) ?? LoggedProgress()
    }

    private func lastProgress(after start: Int64) async throws -> LoggedProgress? {
        var after = start
        var found: LoggedProgress?
        while true {
            let page = try await store.events(
                of: lease.job, after: after, limit: JobLimits.eventPage.upperBound,
                types: [JobEvent.progressType, JobEvent.stateType, EventType.member.rawValue])
            for event in page.events {
                guard let data = try? JSONParser.parse(event.data) else { continue }
                let member = data["member"]?.int
                if let iteration = data["iteration"]?.int, event.type == JobEvent.progressType {
                    var progress = found ?? LoggedProgress()
                    progress.told.note(iteration, best: data["best"]?["iteration"]?.int ?? 0, of: member)
                    progress.elapsed = data["elapsed_seconds"]?.double ?? 0
                    progress.hasMembers = member != nil
                    found = progress
                } else if let member, event.type == EventType.member.rawValue {
                    var progress = found ?? LoggedProgress()
                    progress.told.noteEnd(of: member)
                    progress.hasMembers = true
                    found = progress
                } else if data["retried_from"]?.text == RetryOrigin.start.rawValue {
                    found = LoggedProgress()
                }
            }
            if page.isLast { return found }
            after = page.readThrough
        }
    }

    // MARK: - News

    private func handle(_ news: WorkerNews, _ attempt: inout Attempt) async throws -> ExecutionEnd? {
        switch news {
        case .tick: return nil
        case .ended(let ending): return try await lost(attempt.loss ?? WorkerLoss(ending), &attempt)
        case .report(let report): return try await handle(report, &attempt)
        }
    }

    private func handle(_ report: WorkerReport, _ attempt: inout Attempt) async throws -> ExecutionEnd? {
        switch report {
        case .ready, .admitted: return nil
        case .beat(let work):
            if work != attempt.work { attempt.lastWork = .now }
            attempt.work = work
        case .began(let iteration):
            guard let iteration else { break }
            draft("state", .object([JSONMember(name: "resumed_from", value: .integer(iteration))]), &attempt)
        case .progress(let data, let incumbent):
            draft(JobEvent.progressType, data, &attempt, carriesIterate: true)
            if let incumbent { draft(EventType.incumbent.rawValue, incumbent, &attempt) }
        case .warning(let data): draft("warning", data, &attempt)
        case .member(let data): draft(EventType.member.rawValue, data, &attempt)
        case .checkpoint(let name, let iteration, let bytes):
            try await flush(&attempt)
            try await keep(name, iteration, bytes)
            draft("checkpoint", .object([JSONMember(name: "iteration", value: .integer(iteration))]), &attempt)
        case .finished(let result, let termination, let isSuccess, let detail):
            try await finish(result, termination, isSuccess, detail, &attempt)
            return .workerFree
        case .suspended:
            try await flush(&attempt)
            _ = try await store.release(lease, because: attempt.askedToSuspend ?? .drained, at: clock.timestamp())
            return .workerFree
        case .nothingComputed:
            try await flush(&attempt)
            try await endWithoutResult(attempt)
            return .workerFree
        case .refused(let reason):
            try await flush(&attempt)
            let failure = JobFailure(code: "refused", detail: reason)
            _ = try await store.finish(
                lease, with: .failed(nil, failure, partial: nil), appending: [], at: clock.timestamp())
            return .workerFree
        }
        return nil
    }

    private func draft(_ type: String, _ data: JSONValue, _ attempt: inout Attempt, carriesIterate: Bool = false) {
        attempt.lastWork = .now
        attempt.drafts.append(
            EventDraft(
                type: type, time: clock.timestamp(), data: JSONWriter.bytes(data), carriesIterate: carriesIterate))
    }

    /// Writes what has been reported, but for at most `rest` events.
    private func flush(_ attempt: inout Attempt, leaving rest: Int = 0) async throws {
        while attempt.drafts.count > rest {
            let batch = Array(attempt.drafts.prefix(JobLimits.eventBatch.upperBound))
            _ = try await store.append(batch, under: lease)
            attempt.drafts.removeFirst(batch.count)
        }
    }

    private func keep(_ name: String, _ iteration: Int, _ bytes: Int) async throws {
        let reference = CheckpointReference(
            epoch: lease.epoch, name: name, iteration: Int64(iteration), byteCount: Int64(bytes),
            writtenAt: clock.timestamp())
        for old in try await store.recordCheckpoint(reference, under: lease) {
            try? FileManager.default.removeItem(at: file(old.name))
        }
    }

    private func file(_ name: String) -> URL { folder.job(lease.job.description).appendingPathComponent(name) }

    // MARK: - Ends

    private func finish(
        _ result: Parcel, _ termination: String, _ isSuccess: Bool, _ detail: String?, _ attempt: inout Attempt
    ) async throws {
        let bytes = try result.open()
        let outcome: Outcome
        if attempt.interruption == .cancel {
            outcome = .cancelled(partial: bytes)
        } else if isSuccess {
            outcome = .succeeded(Termination(rawValue: termination), result: bytes)
        } else {
            let failure = JobFailure(code: termination, detail: detail ?? "the run ended as \(termination)")
            outcome = .failed(Termination(rawValue: termination), failure, partial: bytes)
        }
        // The last events go with the end, in one transaction.
        try await flush(&attempt, leaving: JobLimits.eventBatch.upperBound)
        let job = try await store.finish(lease, with: outcome, appending: attempt.drafts, at: clock.timestamp())
        if let cost = cost(bytes) { metrics.observe(cost) }
        // A failed job may be tried again from where it was.
        if case .failed = job.state {
            if case .file(let path) = result { try? FileManager.default.removeItem(atPath: path) }
        } else if FileManager.default.fileExists(atPath: folder.job(lease.job.description).path) {
            try? FileManager.default.removeItem(at: folder.job(lease.job.description))
        }
    }

    /// What a result says of its cost.
    private func cost(_ result: [UInt8]) -> JobCost? {
        guard let document = try? JSONParser.parse(result) else { return nil }
        let waited = claim.job.startedAt.map { $0.milliseconds - claim.job.createdAt.milliseconds } ?? 0
        let calls = (document["oracle"]?.members ?? []).map { ($0.name, $0.value.int ?? 0) }
        return JobCost(
            queued: Double(waited) / 1_000, solve: document["timings"]?["solve_s"]?.double ?? 0,
            iterations: document["iterations"]?.int ?? 0, oracle: Dictionary(calls, uniquingKeysWith: +))
    }

    /// The job was stopped, cancelled or suspended before its start was evaluated, or its time was over by then.
    private func endWithoutResult(_ attempt: Attempt) async throws {
        let outcome: Outcome
        if attempt.interruption != nil {
            outcome = .cancelled(partial: nil)
        } else if let cause = attempt.askedToSuspend {
            _ = try await store.release(lease, because: cause, at: clock.timestamp())
            return
        } else {
            // Another attempt would have no more time.
            let detail = "the time was over before the start was evaluated; raise limits.time_seconds and retry"
            outcome = .failed(
                JobQueue.Termination(rawValue: "time_limit"), JobFailure(code: "time_limit", detail: detail),
                partial: nil)
        }
        _ = try await store.finish(lease, with: outcome, appending: [], at: clock.timestamp())
    }

    private func lost(_ loss: WorkerLoss, _ attempt: inout Attempt) async throws -> ExecutionEnd {
        try await flush(&attempt)
        if attempt.interruption == .cancel {
            _ = try await store.finish(lease, with: .cancelled(partial: nil), appending: [], at: clock.timestamp())
        } else if let cause = attempt.askedToSuspend {
            _ = try await store.release(lease, because: cause, at: clock.timestamp())
        } else {
            log("\(lease.job): worker lost: \(loss.detail)")
            _ = try await store.fail(lease, reason: loss.detail, at: clock.timestamp())
        }
        return .workerGone(loss)
    }

    // MARK: - Looking around

    private func look(_ attempt: inout Attempt) async throws {
        let now = ContinuousClock.now
        attempt.look(at: now)
        let job = try await store.job(lease.job)
        if job.interruption != attempt.interruption, let asked = job.interruption { attempt.interruption = asked }
        if now - attempt.lastBeat >= options.heartbeat {
            attempt.lastBeat = now
            if let asked = try await store.heartbeat(lease, extendingBy: options.lease, at: clock.moment()) {
                attempt.interruption = asked
            }
        }
        guard job.isHeld(under: lease) else { throw JobStoreError.leaseLost(lease) }
        if attempt.interruption != nil, !attempt.askedToStop {
            attempt.askedToStop = true
            attempt.stopDeadline = now + options.drain
            worker.send(.stop)
        } else if let cause = suspensionCause(job), attempt.askedToSuspend == nil, !attempt.askedToStop {
            attempt.askedToSuspend = cause
            worker.send(.suspend)
        }
        if let deadline = attempt.stopDeadline, now >= deadline { kill(&attempt, .stop, "did not stop when asked") }
        if now - attempt.lastWork >= options.silence { kill(&attempt, .silence, "no progress for \(options.silence)") }
        if let resident = worker.residentBytes, resident > memoryBudget + (256 << 20) {
            kill(&attempt, .memory, "used \(resident) bytes of memory, more than its budget of \(memoryBudget)")
        }
    }

    /// Why the job should be suspended now: with the service, or to go on at once under its new limits.
    private func suspensionCause(_ job: Job) -> ReleaseCause? {
        if wantsSuspension.withLock({ $0 }) { return .drained }
        return job.limits == claim.job.limits ? nil : .limitsChanged
    }

    private func kill(_ attempt: inout Attempt, _ cause: WorkerLoss.Cause, _ detail: String) {
        guard attempt.loss == nil else { return }
        attempt.loss = WorkerLoss(cause, detail)
        worker.kill()
    }
}
