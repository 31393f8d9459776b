// An answer whose content is read as it comes: results at once, event streams for hours.
import HTTP1
import Sockets

/// One request that has been sent, and its answer as far as it has come. The connection ends with it.
package struct Exchange: ~Copyable {
    /// What the answer says first.
    package let head: ReceivedHead
    private let socket: ClientSocket
    private var decoder: ResponseDecoder
    private let clock: ExchangeClock

    private static let bufferBytes = 64 * 1024

    /// Reads up to the head of the answer.
    ///
    /// - Parameter headClock: how long that is waited for.
    init(
        _ socket: consuming ClientSocket, method: RequestMethod, clock: ExchangeClock, headClock: ExchangeClock
    ) throws(ClientError) {
        var decoder = ResponseDecoder(method: method)
        let first = try Self.advance(&decoder, socket, headClock)
        guard case .head(let head) = first else { throw .malformed(.incomplete) }
        self.head = head
        self.socket = socket
        self.decoder = decoder
        self.clock = clock
    }

    /// The next content, not empty; nil behind the last.
    ///
    /// - Throws: ``ClientError``, also when the connection ends before the content does.
    package mutating func next() throws(ClientError) -> [UInt8]? {
        switch try Self.advance(&decoder, socket, clock) {
        case .content(let bytes): return bytes
        case .end, .head, .needsMore: return nil
        }
    }

    /// Reads until the decoder has something to say.
    private static func advance(
        _ decoder: inout ResponseDecoder, _ socket: borrowing ClientSocket, _ clock: ExchangeClock
    ) throws(ClientError) -> ResponseDecoder.Event {
        while true {
            let event: ResponseDecoder.Event
            do throws(ResponseError) { event = try decoder.next() } catch { throw .malformed(error) }
            guard event == .needsMore else { return event }
            let bytes = try receive(socket, clock)
            if bytes.isEmpty {
                decoder.receiveEndOfStream()
            } else {
                bytes.withUnsafeBytes { decoder.receive($0) }
            }
        }
    }

    private static func receive(
        _ socket: borrowing ClientSocket, _ clock: ExchangeClock
    ) throws(ClientError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: bufferBytes)
        do throws(ClientSocketError) {
            let count = try buffer.withUnsafeMutableBufferPointer { (room) throws(ClientSocketError) in
                try socket.read(into: UnsafeMutableRawBufferPointer(room), before: clock.afterSilence())
            }
            return Array(buffer[..<count])
        } catch {
            throw .interrupted(error)
        }
    }
}
