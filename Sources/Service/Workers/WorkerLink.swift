// The worker's end of its socket pair: descriptor 3. Reports go out whole and in order; orders come in on a thread of
// their own, which ends the process when the supervisor is gone.
import Foundation
import Glibc
import Synchronization

/// The worker's connection to its supervisor.
package final class WorkerLink: Sendable {
    static let descriptor: Int32 = 3

    /// 0 nothing, 1 stop, 2 suspend: what was last asked of the running job.
    private let asked = Atomic<Int>(0)
    private let work = Atomic<Int>(0)
    private let sending = Mutex(())
    private let orders: OrderQueue

    package init() { orders = OrderQueue() }

    /// Begins to read orders and to beat.
    func start(beatEvery interval: Double) {
        Thread.detachNewThread { self.readOrders() }
        Thread.detachNewThread {
            while true {
                Thread.sleep(forTimeInterval: interval)
                self.send(.beat(work: self.work.load(ordering: .relaxed)))
            }
        }
    }

    /// The next order that is not about the running job.
    package func nextOrder() -> WorkerOrder { orders.take() }

    /// What is asked of the running job. Counts as a sign of work.
    package func request() -> StopRequest? {
        work.wrappingAdd(1, ordering: .relaxed)
        switch asked.load(ordering: .relaxed) {
        case 1: return .stop
        case 2: return .suspend
        default: return nil
        }
    }

    /// Sends a report. A supervisor that is gone ends the process.
    func send(_ report: WorkerReport) {
        let frame = WorkerFrame.encode(report.json)
        sending.withLock { _ in
            var sent = 0
            while sent < frame.count {
                let count = frame[sent...].withUnsafeBytes {
                    Glibc.send(Self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0 {
                    if errno == EINTR { continue }
                    _exit(0)
                }
                sent += count
            }
        }
    }

    private func readOrders() {
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(Self.descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            // End of file: the supervisor is gone, and nobody waits for what this process does.
            if count <= 0 { _exit(0) }
            buffer += chunk[..<count]
            do throws(WorkerFrameError) {
                while let json = try WorkerFrame.decode(&buffer) { take(WorkerOrder(json)) }
            } catch {
                _exit(70)
            }
        }
    }

    /// Takes what has come from the supervisor.
    package func take(_ order: WorkerOrder?) {
        switch order {
        case .stop: asked.store(1, ordering: .relaxed)
        case .suspend: asked.store(2, ordering: .relaxed)
        case .admit, .profile, .solve:
            // What was asked before was of the job before. Forgotten here and not when the order is taken up, by when the next
            // request may have come.
            asked.store(0, ordering: .relaxed)
            if let order { orders.put(order) }
        case nil: _exit(70)
        }
    }
}

/// Orders waiting for the worker's main thread.
private final class OrderQueue: @unchecked Sendable {
    // @unchecked: `waiting` is only touched under `condition`.
    private let condition = NSCondition()
    private var waiting: [WorkerOrder] = []

    func put(_ order: WorkerOrder) {
        condition.lock()
        waiting.append(order)
        condition.signal()
        condition.unlock()
    }

    func take() -> WorkerOrder {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty { condition.wait() }
        return waiting.removeFirst()
    }
}
