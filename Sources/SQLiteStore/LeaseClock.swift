// Leases of a store with one server live in memory, on the uptime: a jump of the calendar ends none of them.
import JobQueue
import Synchronization

/// When each lease runs out, and when its worker was last heard of.
final class LeaseClock: Sendable {
    private struct Entry {
        let lease: Lease
        var deadline: Duration
        var heardAt: Timestamp
    }

    private let entries = Mutex<[JobID: Entry]>([:])

    /// Starts a lease, in place of an older one of the job.
    func start(_ lease: Lease, for duration: Duration, at moment: Moment) {
        entries.withLock {
            $0[lease.job] = Entry(lease: lease, deadline: moment.uptime + duration, heardAt: moment.calendar)
        }
    }

    /// Renews a lease that is still known.
    func renew(_ lease: Lease, for duration: Duration, at moment: Moment) {
        entries.withLock { entries in
            guard let entry = entries[lease.job], entry.lease.epoch == lease.epoch else { return }
            entries[lease.job]?.deadline = max(entry.deadline, moment.uptime + duration)
            entries[lease.job]?.heardAt = moment.calendar
        }
    }

    /// Forgets the job's lease, whichever it is.
    func end(_ job: JobID) { entries.withLock { _ = $0.removeValue(forKey: job) } }

    /// Forgets this lease and none that followed it.
    func end(_ lease: Lease) {
        entries.withLock { entries in
            if entries[lease.job]?.lease.epoch == lease.epoch { entries[lease.job] = nil }
        }
    }

    func heardAt(_ job: JobID) -> Timestamp? { entries.withLock { $0[job]?.heardAt } }

    /// Leases whose time is over, by job.
    func expired(at moment: Moment) -> [Lease] {
        entries.withLock { entries in
            entries.values.filter { $0.deadline <= moment.uptime }.map(\.lease).sorted { $0.job < $1.job }
        }
    }
}
