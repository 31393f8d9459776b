// Which files of jobs nobody needs any more, and how they go where those who should have removed them could not.
import Foundation
import JobQueue

extension ServiceFolder {
    /// Removes the files of a job that needs none. Where the store cannot say, they stay.
    func discardUnneeded(of job: JobID, in store: any JobStore) async {
        if let isNeeded = try? await needsFiles(job, in: store), !isNeeded { discard(.everything, of: job.description) }
    }

    /// Removes the files of all jobs that need none: a server was lost between a job's end and theirs. Only for the one
    /// who holds the folder's lock.
    ///
    /// - Returns: of how many jobs.
    package func removeOrphans(in store: any JobStore) async throws -> Int {
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: jobs.path) {
            // What is not named as a job is not ours.
            guard let job = JobID(name), try await !needsFiles(job, in: store) else { continue }
            discard(.everything, of: name)
            count += 1
        }
        return count
    }

    /// Whether the job goes on from its files, or may: a failed one by a retry.
    private func needsFiles(_ id: JobID, in store: any JobStore) async throws(JobStoreError) -> Bool {
        do throws(JobStoreError) {
            let state = try await store.job(id).state
            return !state.isFinal || state == .failed
        } catch {
            guard case .unknownJob = error else { throw error }
            return false
        }
    }
}
