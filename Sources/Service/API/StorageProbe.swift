// Whether the disk still takes what jobs would write: tried, for a full or read-only disk shows in no other way.
import JobQueue

/// Tries at most once a second, whoever asks how often.
actor StorageProbe {
    private static let interval = Duration.seconds(1)
    private var triedAt: Duration?
    private var answer = true

    /// - Parameter uptime: never goes back.
    func takesWrites(_ store: any JobStore, at uptime: Duration) async -> Bool {
        if let triedAt, uptime - triedAt < Self.interval { return answer }
        triedAt = uptime
        do throws(JobStoreError) {
            try await store.probe()
            answer = true
        } catch .storage {
            answer = false
        } catch {
            // Too many writes wait, or the service ends: others say so.
        }
        return answer
    }
}
