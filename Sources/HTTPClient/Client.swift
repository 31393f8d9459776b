// One request on a connection of its own: look up, connect, send, read. Calls block their thread; nothing is redirected,
// retried or remembered: that is for callers to decide.
import HTTP1
import Sockets

/// An answer that was read as a whole.
package struct ClientAnswer: Sendable {
    package let head: ReceivedHead
    package let content: [UInt8]
}

/// Asks servers.
package struct Client: Sendable {
    private let configuration: ClientConfiguration
    private let tls: ClientTLS

    /// - Throws: ``ClientError/tls(_:)`` when the roots cannot be read.
    package init(_ configuration: ClientConfiguration = ClientConfiguration()) throws(ClientError) {
        self.configuration = configuration
        do throws(TLSError) {
            tls = try ClientTLS(trusting: configuration.trust)
        } catch {
            throw .tls(error)
        }
        ignoreBrokenPipeSignal()
    }

    /// Sends a request and reads the whole answer.
    package func send(_ head: OutgoingHead, content: [UInt8]? = nil) throws(ClientError) -> ClientAnswer {
        var exchange = try open(head, content: content)
        let received = exchange.head
        var bytes: [UInt8] = []
        while let piece = try exchange.next() {
            guard bytes.count + piece.count <= configuration.contentBytes else {
                throw .tooLarge(limit: configuration.contentBytes)
            }
            bytes += piece
        }
        return ClientAnswer(head: received, content: bytes)
    }

    /// Sends a request and reads the head of the answer; content is read from the exchange as it comes.
    package func open(_ head: OutgoingHead, content: [UInt8]? = nil) throws(ClientError) -> Exchange {
        let clock = ExchangeClock(configuration, now: MonotonicClock.now())
        let socket = try connect(to: head.url, clock)
        do throws(ClientSocketError) {
            try socket.write(
                head.encoded(contentLength: content?.count) + (content ?? []), before: clock.afterSilence)
        } catch {
            // A server may refuse a body before it has read it, and stop reading: what it answers is there to be read. One
            // that has said nothing by now has been waited for already.
            guard content?.isEmpty == false else { throw .interrupted(error) }
            return try Exchange(
                socket, method: head.method, clock: clock, headClock: error == .timedOut ? .over : clock)
        }
        return try Exchange(socket, method: head.method, clock: clock, headClock: clock)
    }

    private func connect(to url: HTTPURL, _ clock: ExchangeClock) throws(ClientError) -> ClientSocket {
        let found: [SocketAddress]
        do throws(UnresolvedHost) {
            found = try configuration.resolve(url.host, url.port)
        } catch {
            throw .unresolved(error)
        }
        let addresses = found.filter(configuration.admits)
        guard !addresses.isEmpty else { throw .forbiddenAddress(found) }
        var last: ClientError?
        for address in addresses {
            do throws(ClientSocketError) {
                return try ClientSocket(
                    to: address, tls: url.isSecure ? tls : nil, host: url.host, before: clock.connected)
            } catch {
                last = .unreachable(address, error)
            }
        }
        throw last ?? .forbiddenAddress(found)
    }
}

/// The deadlines of one exchange, in nanoseconds of ``MonotonicClock``.
struct ExchangeClock {
    let connected: Int
    private let end: Int
    private let silence: Int

    init(_ configuration: ClientConfiguration, now: Int) {
        end = configuration.total.map { now + $0.nanoseconds } ?? .max
        connected = min(end, now + configuration.connecting.nanoseconds)
        silence = configuration.silence.nanoseconds
    }

    private init() { (connected, end, silence) = (0, 0, 0) }

    /// Of one who takes what is there, and waits no more.
    static let over = ExchangeClock()

    /// The deadline of a wait that begins now.
    func afterSilence() -> Int { min(end, MonotonicClock.now() + silence) }
}

extension Duration {
    /// Whole nanoseconds, at most a year: bounds beyond are none.
    fileprivate var nanoseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: min(seconds, 31_536_000)) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
