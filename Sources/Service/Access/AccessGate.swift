// Who asks, and whether they may: the bearer token of a request against the keys of the service (RFC 6750).
import Foundation
import HTTP1
import JobQueue
import Synchronization

/// Who a request comes from.
struct Caller: Equatable, Sendable {
    /// Whose jobs are made.
    let owner: String
    /// Whether those of other owners are seen too.
    let seesAll: Bool
    let limits: AccessLimits

    /// Everybody, where there are no keys.
    static let anyone = Caller(owner: APIContext.owner, seesAll: true, limits: AccessLimits())

    /// Whether the job exists for the caller.
    func sees(_ job: Job) -> Bool { seesAll || job.owner == owner }

    /// The owner that lists are narrowed to; nil for all.
    var visibleOwner: String? { seesAll ? nil : owner }
}

/// Looks at the keys of requests; inline, on the loop.
package final class AccessGate: Sendable {
    private struct State {
        var stamp: KeyFile.Stamp?
        var keys: [String: AccessKey]
        /// Once there are keys there is no way back to none.
        var isClosed: Bool

        init(stamp: KeyFile.Stamp?, keys: [AccessKey], isClosed: Bool) {
            self.stamp = stamp
            self.keys = Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            self.isClosed = isClosed || !keys.isEmpty
        }
    }

    private let file: KeyFile?
    private let state: Mutex<State>
    private let rate = RequestRate()
    private let now: @Sendable () -> Moment
    private let log: @Sendable (String) -> Void

    /// A gate that lets everybody through.
    package static func open() -> AccessGate {
        let nowhen = Moment(calendar: Timestamp(milliseconds: 0), uptime: .zero)
        return AccessGate(file: nil, State(stamp: nil, keys: [], isClosed: false), now: { nowhen }, log: { _ in })
    }

    /// A gate by the keys in `folder`.
    ///
    /// - Parameter isClosed: keys are wanted even while there are none.
    /// - Throws: ``KeyFileError``.
    package static func keyed(
        by folder: URL, isClosed: Bool, now: @escaping @Sendable () -> Moment, log: @escaping @Sendable (String) -> Void
    ) throws(KeyFileError) -> AccessGate {
        let file = KeyFile(in: folder)
        // Before the file is read: a change in between is seen with the first request.
        let stamp = file.stamp
        return AccessGate(
            file: file, State(stamp: stamp, keys: try file.read(), isClosed: isClosed), now: now, log: log)
    }

    private init(
        file: KeyFile?, _ state: State, now: @escaping @Sendable () -> Moment,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.file = file
        self.now = now
        self.log = log
        self.state = Mutex(state)
    }

    /// Whether there is a key, valid or not.
    package var hasKeys: Bool { !current().keys.isEmpty }

    /// Whether requests need a key now.
    package var needsKeys: Bool { current().isClosed }

    /// The keys as the file has them now. One that cannot be read changes nothing.
    private func current() -> State {
        guard let file else { return State(stamp: nil, keys: [], isClosed: false) }
        let stamp = file.stamp
        return state.withLock { state in
            guard stamp != state.stamp, stamp != nil else { return state }
            state.stamp = stamp
            do throws(KeyFileError) {
                state = State(stamp: stamp, keys: try file.read(), isClosed: state.isClosed)
            } catch {
                // Somebody wants keys, and nobody knows which.
                state.isClosed = true
                log("the keys stay as they were: \(error.reason)")
            }
            return state
        }
    }

    /// Lets a request through, or says why not.
    ///
    /// - Parameter scope: what the request needs; nil for what is open to everybody.
    func check(_ head: RequestHead, needs scope: AccessScope?) throws(APIError) {
        guard let scope, let key = try key(of: head) else { return }
        guard key.opens(scope) else { throw .missingScope(scope) }
        guard let perMinute = key.limits.requestsPerMinute,
            let seconds = rate.wait(for: key.id, perMinute: perMinute, at: now().uptime)
        else { return }
        throw .tooManyRequests(perMinute: perMinute, retryAfter: seconds)
    }

    /// Who sent a request that was let through.
    func caller(_ head: RequestHead) throws(APIError) -> Caller {
        guard let key = try key(of: head) else { return .anyone }
        return Caller(owner: key.owner, seesAll: key.scopes.contains(.admin), limits: key.limits)
    }

    /// The key of a request; nil where none is needed.
    private func key(of head: RequestHead) throws(APIError) -> AccessKey? {
        let state = current()
        guard state.isClosed else { return nil }
        let values = head.fields.values(of: "authorization")
        guard let value = values.first else { throw .unauthorized(.missing) }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard values.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw .unauthorized(.malformed)
        }
        let text = parts[1].trimmingCharacters(in: .whitespaces)
        guard let id = KeyText.id(of: text), let key = state.keys[id],
            KeyText.areEqual(KeyText.hash(of: text), key.hash)
        else { throw .unauthorized(.unknown) }
        guard key.isValid(at: now().calendar) else { throw .unauthorized(.ended) }
        return key
    }
}

/// What is wrong with the credentials of a request.
enum CredentialFault: Equatable, Sendable {
    case missing
    case malformed
    case unknown
    case ended
}

/// What a route needs of a key. What nobody has thought of needs the most.
enum RouteScopes {
    /// nil for what is open to everybody: health, contract, pages, examples, the table of methods.
    static func needed(_ head: RequestHead) -> AccessScope? {
        let path = head.target.path
        if path == "/metrics" { return .admin }
        guard path.hasPrefix("/v1/") else { return nil }
        let part = path.dropFirst("/v1/".count).prefix { $0 != "/" }
        switch part {
        case "examples", "methods": return nil
        case "datasets": return head.method == .get || head.method == .head ? .jobsRead : .datasetsWrite
        case "jobs", "validate", "queue": return head.method == .get || head.method == .head ? .jobsRead : .jobsWrite
        default: return .admin
        }
    }
}
