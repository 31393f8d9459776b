// A server's side of one HTTP/1.1 connection as pure decisions: events in, actions out. RFC 9112 §9.

/// Decides what one connection does. It owns no descriptor, reads no clock and performs nothing. Not copyable: there is
/// one truth about a connection, and none of it is copied on the way to a decision.
///
/// Bytes and the end of the stream go in through ``receive(_:)`` and ``receiveEndOfStream()``; what they mean is taken
/// out one by one with ``next()``. At most one request is open at a time: what a peer sends ahead waits in the buffer,
/// unparsed, until the answer before it is complete.
package struct ConnectionStateMachine: ~Copyable, Sendable {
    /// The peer's half.
    enum Reading {
        /// A head; how far it has come is in `headParser`.
        case head
        case body(BodyDecoder)
        /// A body that nobody wants any more, dropped to keep the connection.
        case discarding(BodyDecoder)
        /// The request is complete; the next one is not looked at before this one is answered.
        case complete
        /// Nothing more is understood from this peer.
        case closed
    }

    /// Our half.
    enum Writing {
        /// No answer is owed.
        case idle
        /// An answer is owed and not begun.
        case head(AnswerFacts)
        case content(ResponseFraming)
        /// The last answer is complete.
        case closed
    }

    /// Whether there will be another request.
    enum KeepAlive {
        /// Between requests.
        case idle
        /// A request is open and another may follow.
        case busy
        /// The open request is the last.
        case disabled
    }

    /// What an answer must know of its request.
    struct AnswerFacts {
        var isHead = false
        var version = HTTPVersion.http11
        var awaitsContinue = false
    }

    /// What the owner of the connection has to do next.
    package enum Action: Equatable {
        /// Answer this request.
        case request(RequestHead)
        /// Content of the open request.
        case body([UInt8])
        /// The open request is complete.
        case endOfBody(trailers: Fields)
        /// Answer with the status of the error, now, in place of what the open request would get; the connection ends
        /// with that answer.
        case refuse(RequestError)
        /// Close once all output is written: the peer expects nothing. If it may still be sending, first read and drop
        /// what comes, within bounds, so that no answer is lost to a reset.
        case close(lingering: Bool)
        /// Close at once: an answer was begun and cannot be completed.
        case abort
    }

    let limits: HTTPLimits
    var reading = Reading.head
    /// Beside `reading`, not in it, so that a look at it copies nothing.
    private var headParser: RequestHeadParser
    var writing = Writing.idle
    var keepAlive = KeepAlive.idle
    var input = InputBuffer()
    var inputHasEnded = false
    var requestCount = 0
    /// The request was complete with its head: its end is the next action.
    var owesEndOfBody = false
    /// Whether an answer was begun whose content ends with the connection (HTTP/1.0): an end before its time must not
    /// look like one.
    package internal(set) var endsContentByClosing = false
    /// Bytes of content that one action carries at most, for owners to whom a little of it is much work.
    package var contentBytesAtOnce = Int.max

    /// - Parameter limits: bounds on what is accepted.
    package init(limits: HTTPLimits) {
        self.limits = limits
        headParser = RequestHeadParser(limits: limits)
    }
}

// MARK: Events of the peer

extension ConnectionStateMachine {
    /// What the peer keeps us waiting for; decides which time-out runs.
    package enum Waiting: Equatable, Sendable {
        case forRequest
        case forRestOfHead
        case forBody
        /// Nothing from the peer: an answer is being made or written.
        case forAnswer
    }

    /// Which wait is on.
    package var waiting: Waiting {
        switch reading {
        case .head: headParser.hasBegun ? .forRestOfHead : .forRequest
        case .body: awaitsContinue ? .forAnswer : .forBody
        case .discarding: .forBody
        case .complete, .closed: .forAnswer
        }
    }

    /// The peer holds its body back until we want it.
    private var awaitsContinue: Bool {
        if case .head(let facts) = writing { facts.awaitsContinue } else { false }
    }

    /// Bytes received and not yet taken out: the caller bounds them by not reading while they are not wanted.
    package var bufferedBytes: Int { input.count }

    /// Bytes from the peer; dropped once nothing more is understood from it.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        if case .closed = reading { return }
        input.append(bytes)
    }

    /// The peer has ended its half. Requests that came before it are still answered.
    package mutating func receiveEndOfStream() {
        inputHasEnded = true
    }

    /// The wait that ``waiting`` names has lasted too long.
    package mutating func timeOut() -> Action? {
        switch reading {
        case .head: headParser.hasBegun ? refuse(.headTimeout) : close(lingering: false)
        case .body: refuse(.bodyTooSlow)
        case .discarding: close(lingering: false)
        case .complete, .closed: nil
        }
    }

    /// There is no room for this peer: one answer is owed, without a request, and then the connection ends.
    package mutating func refuseConnection() {
        stopReading()
        writing = .head(AnswerFacts())
    }

    /// No request after the open one: an idle connection closes now, a busy one with its answer.
    package mutating func drain() -> Action? {
        if keepAlive == .idle, waiting == .forRequest, input.isEmpty { return close(lingering: true) }
        keepAlive = .disabled
        return nil
    }

    /// What to do now; nil when it takes another event.
    package mutating func next() -> Action? {
        if owesEndOfBody {
            owesEndOfBody = false
            return .endOfBody(trailers: Fields())
        }
        do {
            return try nextOfInput()
        } catch {
            return refuse(error)
        }
    }

    private mutating func nextOfInput() throws(RequestError) -> Action? {
        // Looked at first: of most requests a head is all there is, and no decoder need be copied to see that.
        if case .head = reading { return try nextHead() }
        switch reading {
        case .head, .complete, .closed:
            return nil
        case .body(let decoder):
            return try nextContent(decoder)
        case .discarding(let decoder):
            guard try discardRest(decoder) else { return nil }
            // Drained meanwhile: what was not sent ahead is not waited for.
            if keepAlive == .disabled, input.isEmpty { return close(lingering: true) }
            return try nextOfInput()
        }
    }
}

// MARK: Reading

extension ConnectionStateMachine {
    private mutating func nextHead() throws(RequestError) -> Action? {
        switch try Self.parse(input, by: &headParser) {
        case .needsMore:
            guard inputHasEnded else { return nil }
            if headParser.hasBegun { throw .incomplete }
            return close(lingering: false)
        case .complete(let head, let length):
            headParser = RequestHeadParser(limits: limits)
            input.consume(length)
            open(head)
            return .request(head)
        }
    }

    private static func parse(
        _ input: borrowing InputBuffer, by parser: inout RequestHeadParser
    ) throws(RequestError) -> RequestHeadParser.Progress {
        try input.withUnread { (bytes) throws(RequestError) in try parser.parse(bytes) }
    }

    private mutating func open(_ head: RequestHead) {
        requestCount += 1
        let isLast = !head.allowsReuse || requestCount >= limits.requestsPerConnection || keepAlive == .disabled
        keepAlive = isLast ? .disabled : .busy
        writing = .head(
            AnswerFacts(isHead: head.method == .head, version: head.version, awaitsContinue: head.expectsContinue))
        if let decoder = BodyDecoder(framing: head.framing, limits: limits) {
            reading = .body(decoder)
        } else {
            reading = .complete
            owesEndOfBody = true
        }
    }

    private mutating func nextContent(_ decoder: BodyDecoder) throws(RequestError) -> Action? {
        var decoder = decoder
        switch try takeContent(of: &decoder, keeping: true) {
        case .needsMore:
            reading = .body(decoder)
            return nil
        case .content(let bytes):
            reading = .body(decoder)
            return .body(bytes)
        case .end(let trailers):
            reading = .complete
            return .endOfBody(trailers: trailers)
        }
    }

    /// Whether the unwanted body is over, so that the next head may be looked at.
    private mutating func discardRest(_ decoder: BodyDecoder) throws(RequestError) -> Bool {
        var decoder = decoder
        switch try takeContent(of: &decoder, keeping: false) {
        case .needsMore, .content:
            reading = .discarding(decoder)
            return false
        case .end:
            expectNextRequest()
            return true
        }
    }

    private enum Content {
        case needsMore
        case content([UInt8])
        case end(trailers: Fields)
    }

    /// - Parameter keeping: false drops content instead of returning it.
    private mutating func takeContent(
        of decoder: inout BodyDecoder, keeping: Bool
    ) throws(RequestError) -> Content {
        while true {
            let atOnce = contentBytesAtOnce
            let step = try input.withUnread { (bytes) throws(RequestError) in
                try decoder.decode(bytes, atMost: atOnce)
            }
            switch step {
            case .needsMore:
                if inputHasEnded { throw .incomplete }
                return .needsMore
            case .content(let skip, let count):
                let content = keeping ? input.copy(from: skip, count: count) : []
                input.consume(skip + count)
                if !content.isEmpty { return .content(content) }
            case .end(let trailers, let consumed):
                input.consume(consumed)
                return .end(trailers: trailers)
            }
        }
    }

    mutating func expectNextRequest() {
        reading = .head
        keepAlive = keepAlive == .disabled ? .disabled : .idle
    }

    /// Nothing more is read from this peer; what was answered before stays answered.
    mutating func refuse(_ error: RequestError) -> Action {
        let wasDiscarding = if case .discarding = reading { true } else { false }
        let facts = AnswerFacts(isHead: beginsWithHeadMethod)
        stopReading()
        if wasDiscarding { return close(lingering: true) }
        switch writing {
        case .idle:
            writing = .head(facts)
            return .refuse(error)
        case .head:
            return .refuse(error)
        case .content, .closed:
            writing = .closed
            return .abort
        }
    }

    /// Whether the bytes that could not be read as a request ask by HEAD: their refusal has no content either (RFC 9110 §9.3.2).
    private var beginsWithHeadMethod: Bool {
        input.withUnread { bytes in
            bytes.prefix(64).drop { $0 == Byte.carriageReturn || $0 == Byte.lineFeed }.starts(with: "HEAD ".utf8)
        }
    }

    mutating func close(lingering: Bool) -> Action {
        stopReading()
        writing = .closed
        return .close(lingering: lingering && !inputHasEnded)
    }

    private mutating func stopReading() {
        reading = .closed
        keepAlive = .disabled
        owesEndOfBody = false
        input.clear()
    }
}
