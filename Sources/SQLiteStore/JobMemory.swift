// Jobs in memory as the database has them: what is asked for again and again is read once.
import JobQueue
import Synchronization

/// Committed jobs by their names, those that were wanted last.
///
/// There is one writer. It takes the jobs of a transaction out before it commits, and lets them in again when it has; a
/// reading that a commit overlapped is not kept. So nobody finds here what the database, read at that moment, would not
/// have said.
package final class JobMemory: Sendable {
    /// Readings of one job that are under way.
    private struct Readings {
        var count = 0
        /// A commit came in between: what these readings find may be of before it.
        var isStale = false
    }

    private struct State {
        var jobs: RecentValues<JobID, Job>
        var readings: [JobID: Readings] = [:]
        var changing: Set<JobID> = []
        var isClosed = false
    }

    private let state: Mutex<State>

    /// - Parameter limit: jobs kept at most.
    package init(limit: Int) { state = Mutex(State(jobs: RecentValues(limit: limit))) }

    /// The job as it is now: from memory, or by `read`, which is kept.
    package func job(
        _ id: JobID, orBy read: () async throws(JobStoreError) -> Job
    ) async throws(JobStoreError) -> Job {
        if let job = find(id) { return job }
        do throws(JobStoreError) {
            let job = try await read()
            endReading(id, finding: job)
            return job
        } catch {
            endReading(id, finding: nil)
            throw error
        }
    }

    /// The job if it is here; else notes that it is being read.
    private func find(_ id: JobID) -> Job? {
        state.withLock { state in
            if let job = state.jobs.value(of: id) { return job }
            state.readings[id, default: Readings(isStale: state.changing.contains(id))].count += 1
            return nil
        }
    }

    private func endReading(_ id: JobID, finding job: Job?) {
        state.withLock { state in
            guard var readings = state.readings[id] else { return }
            if let job, !readings.isStale, !state.isClosed { state.jobs.keep(job, for: id) }
            readings.count -= 1
            state.readings[id] = readings.count == 0 ? nil : readings
        }
    }

    // MARK: The writer's side

    /// Called before a commit that changes `ids`.
    package func willChange(_ ids: Set<JobID>) {
        state.withLock { state in
            state.changing = ids
            for id in ids {
                state.jobs.forget(id)
                state.readings[id]?.isStale = true
            }
        }
    }

    /// Called when that commit has succeeded or failed, before anybody hears of it.
    package func hasChanged() { state.withLock { $0.changing = [] } }

    /// The store is closed: nothing is known any more.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            state.jobs = RecentValues(limit: 2)
        }
    }
}
