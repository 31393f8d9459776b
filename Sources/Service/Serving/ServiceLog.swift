// The log of a service: a line for each request, gathered for a moment so that requests do not pay for the writing of
// them, and what else is to be said, at once and in order.
import Dispatch
import Glibc
import HTTPServer
import JobQueue
import Sockets
import Synchronization

/// Writes lines to a descriptor. Control characters in a line are shown as `?`, so that a name cannot forge another.
///
/// Nothing waits for whoever reads the log. A line of a request is written within ``delay``, any other at once; what still
/// waits when the process is killed is lost. Where the reader does not keep up, lines are dropped, and a line says how many.
package final class ServiceLog: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        /// A write comes when the delay is over.
        var isScheduled = false
        /// A write comes as soon as the one before it has ended.
        var isUrgent = false
        var dropped = 0
        /// Seconds since 1970, and their text as far as the second.
        var second = Int.min
        var stamp: [UInt8] = []

        /// Whether the caller has to bring the write about.
        mutating func claimWrite() -> Bool {
            defer { isUrgent = true }
            return !isUrgent
        }
    }

    private enum Next {
        case nothing
        case writeSoon
        case writeNow
    }

    /// How long a line of a request waits for others.
    package static let delay = DispatchTimeInterval.milliseconds(50)
    /// Bytes that are written without waiting for more.
    private static let enough = 32 * 1024
    /// Bytes that wait at most, with lines of requests.
    private static let limit = 4 * 1024 * 1024
    /// Room beyond it for what else is said: it is little, and matters.
    private static let reserve = 256 * 1024

    private let descriptor: Int32
    private let state = Mutex(State())
    /// Keeps writes in order and off the event loops: it alone waits for the reader.
    private let queue = DispatchQueue(label: "log")

    /// - Parameter descriptor: stays open as long as the process.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Says a line.
    package func say(_ line: String) {
        let mustWrite = state.withLock { state in
            guard state.waiting.count < Self.limit + Self.reserve else {
                state.dropped += 1
                return false
            }
            Self.stamp(&state)
            state.waiting += line.utf8.map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }
            state.waiting.append(UInt8(ascii: "\n"))
            return state.claimWrite()
        }
        if mustWrite { queue.async { self.write() } }
    }

    /// Notes an answer: method, target, status, bytes, seconds, request id, peer.
    package func note(_ record: AccessRecord) {
        let next = state.withLock { state -> Next in
            guard state.waiting.count < Self.limit else {
                state.dropped += 1
                return .nothing
            }
            Self.stamp(&state)
            record.append(to: &state.waiting)
            if state.waiting.count >= Self.enough { return state.claimWrite() ? .writeNow : .nothing }
            defer { state.isScheduled = true }
            return state.isScheduled ? .nothing : .writeSoon
        }
        switch next {
        case .nothing: break
        case .writeSoon: queue.asyncAfter(deadline: .now() + Self.delay) { self.write() }
        case .writeNow: queue.async { self.write() }
        }
    }

    /// Returns when all that was said and noted is written, or its reader has been waited for so long.
    package func flush(within patience: DispatchTimeInterval = .seconds(1)) {
        let written = DispatchGroup()
        queue.async(group: written) { self.write() }
        _ = written.wait(timeout: .now() + patience)
    }

    /// On the queue only.
    private func write() {
        let bytes = state.withLock { state -> [UInt8] in
            (state.isScheduled, state.isUrgent) = (false, false)
            if state.dropped > 0 {
                Self.stamp(&state)
                state.waiting += "\(state.dropped) lines were not written in time\n".utf8
                state.dropped = 0
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                waitForRoom()
                continue
            }
            // A reader that went away is no reason to end.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Somebody who shares the descriptor may have made it non-blocking.
    private func waitForRoom() {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // A reader that goes away makes it ready too, and the write behind it fails.
        _ = poll(&polled, 1, -1)
    }

    /// `2026-11-21T08:33:21.045Z `, all but the milliseconds made once a second.
    private static func stamp(_ state: inout State) {
        var time = timespec()
        // Cannot fail: the clock exists on every Linux and the pointer is valid.
        clock_gettime(CLOCK_REALTIME, &time)
        if state.second != time.tv_sec {
            state.second = time.tv_sec
            state.stamp = Array(RFC3339.text(Timestamp(milliseconds: Int64(time.tv_sec) * 1_000)).utf8.dropLast(4))
        }
        state.waiting += state.stamp
        state.waiting.append(decimal: time.tv_nsec / 1_000_000, digits: 3)
        state.waiting += "Z ".utf8
    }
}

extension AccessRecord {
    /// Appends the line without its time.
    fileprivate func append(to line: inout [UInt8]) {
        line += method.utf8
        line.append(UInt8(ascii: " "))
        let isPlain = target.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
        if isPlain {
            line += target.utf8
        } else {
            line += target.utf8.map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }
        }
        line.append(UInt8(ascii: " "))
        line.append(decimal: status)
        line.append(UInt8(ascii: " "))
        line.append(decimal: bytes)
        line.append(UInt8(ascii: " "))
        let microseconds = Int((max(0, seconds) * 1e6).rounded())
        line.append(decimal: microseconds / 1_000_000)
        line.append(UInt8(ascii: "."))
        line.append(decimal: microseconds % 1_000_000, digits: 6)
        line.append(UInt8(ascii: " "))
        line += requestID.utf8
        line.append(UInt8(ascii: " "))
        if let client { line += client.utf8 } else { line.append(peer) }
        line.append(UInt8(ascii: "\n"))
    }
}

extension [UInt8] {
    /// Appends what `description` says, without making it.
    fileprivate mutating func append(_ peer: SocketAddress) {
        let isLong = peer.host.utf8.contains(UInt8(ascii: ":"))
        if isLong { append(UInt8(ascii: "[")) }
        self += peer.host.utf8
        if isLong { append(UInt8(ascii: "]")) }
        append(UInt8(ascii: ":"))
        append(decimal: Int(peer.port))
    }

    /// Appends `number`, not negative, with zeros before it up to `digits`.
    fileprivate mutating func append(decimal number: Int, digits: Int = 1) {
        if number >= 10 || digits > 1 { append(decimal: number / 10, digits: digits - 1) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
