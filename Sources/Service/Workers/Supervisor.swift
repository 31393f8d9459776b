// Claims jobs and has workers solve them: the only one who holds leases and writes events.
import Foundation
import JobQueue
import ProblemSpecification

/// The pool of workers over one store.
package actor Supervisor: Workforce {
    /// What the pool holds its workers to.
    package struct Options: Sendable {
        package var workers: Int
        package var lease = Duration.seconds(30)
        package var heartbeat = Duration.seconds(10)
        /// Time between looks at the queue: the guarantee, which wake-ups only make faster.
        package var look = Duration.seconds(1)
        /// A worker that makes no progress for so long is killed.
        package var silence = Duration.seconds(60)
        /// Time that a worker has to write its state when the service drains.
        package var drain = Duration.seconds(15)
        /// Jobs after which a worker is replaced.
        package var jobsPerWorker = 1_000
        /// Bytes for a job whose document does not say.
        package var memoryBytes = defaultMemoryBytes
        package static let defaultMemoryBytes = 4 << 30

        package init(workers: Int) { self.workers = workers }
    }

    let store: any JobStore
    let factory: WorkerFactory
    let folder: ServiceFolder
    let options: Options
    let clock: ServiceClock
    let log: @Sendable (String) -> Void
    let metrics: ServiceMetrics
    private var slots: [Task<Void, Never>] = []
    private var lookout: Task<Void, Never>?
    private var sleepers: [CheckedContinuation<Void, Never>] = []
    /// Rises with every call to look: one that comes while a slot looks must not be slept through.
    private var calls = 0
    private var running: [Int: JobExecution] = [:]
    private var processes: [Int: (process: WorkerProcess, job: JobID?)] = [:]
    private var lost: [String: Int] = [:]
    /// Leases of attempts that were dropped: a storage that is full may not have taken them back.
    private var dropped: [Lease] = []
    private var isDraining = false

    package init(
        store: any JobStore, factory: WorkerFactory, folder: ServiceFolder, options: Options, clock: ServiceClock,
        metrics: ServiceMetrics = ServiceMetrics(), log: @escaping @Sendable (String) -> Void
    ) {
        self.metrics = metrics
        self.store = store
        self.factory = factory
        self.folder = folder
        self.options = options
        self.clock = clock
        self.log = log
    }

    /// Begins to work.
    package func start() {
        for slot in 0..<max(options.workers, 1) { slots.append(Task { await self.serve(slot) }) }
        lookout = Task { await self.lookNowAndThen() }
    }

    // MARK: - Workforce

    package nonisolated func wake(for news: WorkforceNews) {
        Task {
            switch news {
            case .waiting: await self.rouseIdle()
            case .asked(let job): await self.look(at: job)
            }
        }
    }

    package var status: [WorkerStatus] {
        processes.sorted { $0.key < $1.key }.map { slot, entry in
            WorkerStatus(
                name: "worker-\(slot)", processID: Int(entry.process.processID), job: entry.job,
                residentBytes: entry.process.residentBytes)
        }
    }

    package var restarts: [String: Int] { lost }

    /// Suspends what runs, gives it back, and ends the workers; returns when that is done.
    package func drain() async {
        isDraining = true
        lookout?.cancel()
        rouse()
        for execution in running.values { execution.suspend() }
        let deadline = Task { [options] in
            try await Task.sleep(for: options.drain)
            self.killAll()
        }
        for slot in slots { await slot.value }
        deadline.cancel()
        killAll()
    }

    private func killAll() { for entry in processes.values { entry.process.kill() } }

    // MARK: - Slots

    private func rouseIdle() {
        calls += 1
        for sleeper in sleepers { sleeper.resume() }
        sleepers = []
    }

    /// A job that is not running here may have been the only one in the queue, or be in it again.
    private func look(at job: JobID) {
        if let execution = running.values.first(where: { $0.claim.job.id == job }) { return execution.look() }
        rouseIdle()
    }

    private func rouse() {
        rouseIdle()
        for execution in running.values { execution.look() }
    }

    /// Jobs past their time in the queue that one look ends.
    private static let givenUpAtOnce = 100

    private func lookNowAndThen() async {
        while !isDraining {
            try? await Task.sleep(for: options.look)
            rouse()
            await giveBackDropped()
            do {
                for job in try await store.rescue(at: clock.moment()) { log("rescued \(job) from a lost lease") }
                _ = try await store.giveUp(limit: Self.givenUpAtOnce, at: clock.timestamp())
            } catch {
                log("rescue: \(error)")
            }
        }
    }

    /// Gives back what has not been yet, so that a job goes on when there is room and not when its lease ends.
    private func giveBackDropped() async {
        let leases = dropped
        dropped = []
        for lease in leases {
            do throws(JobStoreError) {
                _ = try await store.release(lease, because: .serverLost, at: clock.timestamp())
                rouseIdle()
            } catch .storage {
                dropped.append(lease)
            } catch {
                // It was given back at once, or the job is gone.
            }
        }
    }

    /// Sleeps unless there was a call since the one of this number.
    private func sleepUntilWoken(since call: Int) async {
        if isDraining || calls != call { return }
        await withCheckedContinuation { sleepers.append($0) }
    }

    private func serve(_ slot: Int) async {
        var jobsDone = 0
        while !isDraining {
            let call = calls
            guard let worker = await worker(for: slot) else {
                await sleepUntilWoken(since: calls)
                continue
            }
            do {
                let claims = try await store.claim(
                    limit: 1, kinds: [APIContext.jobKind], worker: "worker-\(slot)", lease: options.lease,
                    at: clock.moment())
                guard let claim = claims.first else {
                    await sleepUntilWoken(since: call)
                    continue
                }
                jobsDone += 1
                if case .workerGone(let loss) = await execute(claim, on: worker, slot: slot), loss.cause == .storage {
                    dropped.append(claim.lease)
                    // No use in trying again at once.
                    await sleepUntilWoken(since: calls)
                }
                if jobsDone >= options.jobsPerWorker {
                    worker.kill()
                    processes[slot] = nil
                    jobsDone = 0
                }
            } catch {
                log("claim: \(error)")
                await sleepUntilWoken(since: calls)
            }
        }
    }

    private func worker(for slot: Int) async -> WorkerProcess? {
        // One that died while it had nothing to do is nobody's failure.
        if let entry = processes[slot], !entry.process.isGone { return entry.process }
        processes[slot] = nil
        do {
            let started = try await factory.start()
            processes[slot] = (started, nil)
            return started
        } catch {
            log("a worker could not be started: \(error)")
            return nil
        }
    }

    /// - Returns: how it ended.
    private func execute(_ claim: Claim, on worker: WorkerProcess, slot: Int) async -> ExecutionEnd {
        // Processors of the workers that have nothing to do are this job's, if it can use them.
        let execution = JobExecution(
            claim: claim, worker: worker, store: store, folder: folder, options: options,
            threads: max(1, options.workers - running.count), clock: clock, metrics: metrics, log: log)
        running[slot] = execution
        processes[slot]?.job = claim.job.id
        if isDraining { execution.suspend() }
        let end = await execution.run()
        running[slot] = nil
        processes[slot]?.job = nil
        if case .workerGone(let loss) = end {
            lost[loss.cause.rawValue, default: 0] += 1
            processes[slot] = nil
            // Until it is gone it may write, behind those who have taken the files of a job that was ended or deleted.
            await worker.end()
            await folder.discardUnneeded(of: claim.job.id, in: store)
        }
        return end
    }
}

/// Both clocks of the queue.
package struct ServiceClock: Sendable {
    private let started = ContinuousClock.now

    package init() {}

    package func timestamp() -> Timestamp {
        Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1_000).rounded()))
    }

    package func moment() -> Moment { Moment(calendar: timestamp(), uptime: ContinuousClock.now - started) }
}
