// One suite for every store: each check gets a store without jobs and states facts about it.
import JobQueue
import Testing

/// A fact that every store shows. A store's tests run ``all``, each on a fresh store.
package struct ConformanceCheck: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    private let body: @Sendable (Workbench) async throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (Workbench) async throws -> Void) {
        testDescription = description
        self.body = body
    }

    /// Runs the check on `store`, which holds no job and renders events with ``describe``.
    package func run(on store: some JobStore) async throws { try await body(Workbench(store: store)) }

    /// The composer that the checks expect: change and state in words.
    package static let describe: EventComposer = { change, job in Array("\(change) \(job.state.rawValue)".utf8) }

    package static let all =
        submissionChecks + claimChecks + workChecks + leaseChecks + requestChecks + readingChecks + retentionChecks
        + noticeChecks + raceChecks + datasetChecks
}
