// Loops, listening socket and connections: begins, counts, drains and ends them.
import HTTP1
import Sockets
import Synchronization

/// What connections share.
final class ServerCore: Sendable {
    private struct Population {
        var connections: [ObjectIdentifier: Connection] = [:]
        var perAddress: [String: Int] = [:]
        var isDraining = false
        var whenEmpty: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: ServerConfiguration
    let router: Router
    let clockBounds: ConnectionClock.Bounds
    private let population = Mutex(Population())
    private let runningHandlers = Atomic<Int>(0)
    private let collectedBytes = Atomic<Int>(0)
    private let date = Mutex((second: Int.min, line: [UInt8]()))

    init(configuration: ServerConfiguration, router: Router) {
        self.configuration = configuration
        self.router = router
        clockBounds = ConnectionClock.Bounds(configuration.timeouts)
    }

    /// `Date: …` with its line end, made once a second.
    func dateLine() -> [UInt8] {
        let now = configuration.wallClock()
        return date.withLock { cached in
            if cached.second != now {
                cached = (now, Array("Date: \(HTTPDate.text(secondsSince1970: now))\r\n".utf8))
            }
            return cached.line
        }
    }

    func takeHandlerSlot() -> Bool {
        let running = runningHandlers.wrappingAdd(1, ordering: .relaxed).newValue
        if running <= configuration.handlersAtOnce { return true }
        giveHandlerSlotBack()
        return false
    }

    func giveHandlerSlotBack() {
        runningHandlers.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Whether there is room for so many more bytes of a body, which then are counted.
    func takeRoom(for count: Int) -> Bool {
        let taken = collectedBytes.wrappingAdd(count, ordering: .relaxed).newValue
        if taken <= configuration.collectedBytes { return true }
        giveRoomBack(count)
        return false
    }

    func giveRoomBack(_ count: Int) {
        collectedBytes.wrappingSubtract(count, ordering: .relaxed)
    }

    // MARK: Connections

    var connectionCount: Int { population.withLock { $0.connections.count } }
    var isDraining: Bool { population.withLock { $0.isDraining } }

    /// Whether there is room for one more, which then is counted.
    func admit(_ connection: Connection) -> Bool {
        population.withLock { population in
            guard !population.isDraining, population.connections.count < configuration.connections else { return false }
            // A proxy stands for many: those it names are counted instead, by request.
            if !isTrusted(connection.peer), !take(of: connection.peer.host, in: &population) { return false }
            population.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    private func take(of address: String, in population: inout Population) -> Bool {
        let taken = population.perAddress[address, default: 0]
        guard taken < configuration.connectionsPerAddress else { return false }
        population.perAddress[address] = taken + 1
        return true
    }

    private func giveBack(_ address: String, in population: inout Population) {
        let taken = population.perAddress[address, default: 1] - 1
        population.perAddress[address] = taken == 0 ? nil : taken
    }

    /// Counts a request that a proxy hands on for `address`.
    ///
    /// - Returns: false, and nothing is counted, when that address has all it may have.
    func takePlace(of address: String) -> Bool { population.withLock { take(of: address, in: &$0) } }

    func giveBackPlace(of address: String) { population.withLock { giveBack(address, in: &$0) } }

    private func isTrusted(_ peer: SocketAddress) -> Bool {
        configuration.trustedProxies.contains { $0.contains(peer.host) }
    }

    /// Whom a trusted `peer` asks for: the last address in X-Forwarded-For that is no trusted proxy itself. Anything
    /// before it may be invented. nil when the peer is not trusted or names nobody.
    func forwardedClient(of fields: Fields, through peer: SocketAddress) -> String? {
        guard !configuration.trustedProxies.isEmpty, isTrusted(peer) else { return nil }
        let named = fields.values(of: "x-forwarded-for").flatMap { $0.split(separator: ",") }
        for entry in named.reversed() {
            guard let address = Self.address(forwarded: entry) else { return nil }
            if !isTrusted(address) { return address.host }
        }
        return nil
    }

    /// An entry of X-Forwarded-For: an address, in brackets if it likes, with a port if it likes (`1.2.3.4:5678`,
    /// `[::1]:9`), which says nothing here.
    private static func address(forwarded entry: Substring) -> SocketAddress? {
        let text = entry.filter { $0 != " " && $0 != "\t" }
        var (host, port) = (text[...], Substring())
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[..<end].dropFirst()
            port = text[end...].dropFirst()
        } else if let colon = text.firstIndex(of: ":"), !text[colon...].dropFirst().contains(":") {
            (host, port) = (text[..<colon], text[colon...])
        }
        guard port.isEmpty || port.hasPrefix(":") && UInt16(port.dropFirst()) != nil else { return nil }
        return try? SocketAddress(host: String(host), port: 0)
    }

    func forget(_ connection: Connection) {
        let whenEmpty = population.withLock { population -> [CheckedContinuation<Void, Never>] in
            guard population.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return [] }
            if !isTrusted(connection.peer) { giveBack(connection.peer.host, in: &population) }
            guard population.connections.isEmpty else { return [] }
            defer { population.whenEmpty = [] }
            return population.whenEmpty
        }
        for waiter in whenEmpty { waiter.resume() }
    }

    /// No connection is admitted any more.
    ///
    /// - Returns: those that are there; nil when draining has begun before.
    func beginDraining() -> [Connection]? {
        population.withLock { population in
            if population.isDraining { return nil }
            population.isDraining = true
            return Array(population.connections.values)
        }
    }

    var connections: [Connection] { population.withLock { Array($0.connections.values) } }

    /// Returns when the last connection is gone.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = population.withLock { population in
                if population.connections.isEmpty { return true }
                population.whenEmpty.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}

/// An HTTP/1.1 server on one listening socket.
package final class Server: Sendable {
    private let core: ServerCore
    private let loops: [EventLoop]
    private let acceptors: [Acceptor]
    /// Where it listens.
    package let address: SocketAddress

    /// Binds, and begins to serve.
    ///
    /// - Throws: ``SystemError`` when the address cannot be had.
    package init(
        on address: SocketAddress, router: Router, configuration: ServerConfiguration
    ) async throws {
        ignoreBrokenPipeSignal()
        await openDescriptorsOfDispatch()
        let core = ServerCore(configuration: configuration, router: router)
        let listener = try Listener(on: address, backlog: configuration.backlog)
        let loops = try (0..<configuration.loops).map { try EventLoop(name: "http-loop-\($0)") }
        self.core = core
        self.loops = loops
        self.address = listener.address
        acceptors = loops.map { loop in
            Acceptor(listener, on: loop) { Self.adopt($0, on: loop, core) }
        }
        for loop in loops { loop.start() }
        for acceptor in acceptors { try await acceptor.start() }
    }

    /// Connections that are open.
    package var connectionCount: Int { core.connectionCount }

    /// Stops accepting, answers what is open with `Connection: close`, tells streams, and ends when the last connection
    /// has, or, after `grace`, ends them. The server serves nothing afterwards. A second call only waits.
    package func drain(grace: Duration) async {
        guard let connections = core.beginDraining() else { return await core.waitUntilEmpty() }
        for acceptor in acceptors { await acceptor.stop() }
        for connection in connections { await connection.drain() }
        let reminder = Task { [core] in
            try await Task.sleep(for: grace)
            for connection in core.connections { await connection.tearDown() }
        }
        await core.waitUntilEmpty()
        reminder.cancel()
        for loop in loops { loop.stop() }
    }

    private static func adopt(_ accepted: consuming AcceptedConnection, on loop: EventLoop, _ core: ServerCore) {
        let connection = Connection(accepted, loop: loop, server: core)
        let isAdmitted = core.admit(connection)
        connection.assumeIsolated { isAdmitted ? $0.start() : $0.turnAway() }
    }
}
