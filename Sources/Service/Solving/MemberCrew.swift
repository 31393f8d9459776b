// Threads on which members of a job run side by side. Members are runs of their own, so that the bytes of a result do not
// know how many there were.
import Foundation
import Tensors

/// Runs the same work on several threads.
enum MemberCrew {
    /// As much as the main thread has: members are built and solved by the same code as a job of one run.
    static let stackBytes = 8 << 20

    /// Calls `work` on `count` threads, of which the caller's is one; returns when all have.
    static func run(_ count: Int, _ work: @escaping @Sendable () -> Void) {
        let done = DispatchGroup()
        for _ in 1..<max(count, 1) {
            done.enter()
            let thread = Thread {
                work()
                done.leave()
            }
            thread.stackSize = stackBytes
            thread.start()
        }
        work()
        done.wait()
    }
}
