// From the state machine's actions to routes and handlers.
import HTTP1
import Sockets

extension Connection {
    /// Bytes of content to decode in one round: about a millisecond.
    private static let decodedBytesPerRound = 256 * 1024

    /// Actions in one round: half a millisecond of a body in chunks of one byte.
    private static let actionsPerRound = 2048

    /// Nanoseconds after which a round opens no further request, and a turn reads no further: some requests take longer to
    /// understand than others, and a peer may send the worst.
    static let longestRound = 1_000_000

    /// Whether the round broke off because it has done enough, however much of that has somewhere to go.
    var hasHadItsShare: Bool { decodedBytes >= Self.decodedBytesPerRound || actions >= Self.actionsPerRound }

    /// Takes actions while their results have somewhere to go.
    ///
    /// - Returns: whether more can be taken once the output has left.
    func process() -> Bool {
        defer { deliverBody() }
        let begun = MonotonicClock.now()
        var answered = 0
        decodedBytes = 0
        actions = 0
        while case .open = ending, !isFull, !hasHadItsShare {
            if answered == server.configuration.limits.pipelinedDepth { return true }
            let number = exchangeNumber
            guard let action = machine.next() else {
                needsInput = machine.waiting != .forAnswer
                return false
            }
            perform(action)
            actions += 1
            guard exchangeNumber != number else { continue }
            answered += 1
            if MonotonicClock.now() - begun > Self.longestRound { return true }
        }
        return isOpen && output.count >= server.configuration.bufferedBytes
    }

    private func deliverBody() {
        if case .handling(_, let reader?, _) = stage { reader.deliver() }
    }

    private var isOpen: Bool {
        if case .open = ending { true } else { false }
    }

    /// Whether the output, or the reader of a streamed body, has all it may have.
    private var isFull: Bool {
        if output.count >= server.configuration.bufferedBytes { return true }
        if case .handling(_, let reader?, _) = stage {
            return reader.bufferedBytes >= server.configuration.bufferedBytes
        }
        return false
    }

    /// Whether the peer has to wait for us: what it sent has no room yet, or has not been looked at.
    var keepsPeerWaiting: Bool { isFull || machine.bufferedBytes > 0 && !needsInput }

    func perform(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .request(let head): open(head)
        case .body(let bytes): take(bytes)
        case .endOfBody: endBody()
        case .refuse(let error): refuse(error)
        case .close(let lingering):
            ending = .afterOutput(lingering ? .linger : .close)
            abandonStage()
        case .abort:
            ending = .afterOutput(.cut)
            abandonStage()
        }
    }

    private func open(_ original: RequestHead) {
        exchangeNumber += 1
        clock.noteRequest(now: loop.now)
        let namesGzipTags = original.fields.nameGzipTags
        let head = namesGzipTags ? original.with(fields: original.fields.withPlainTags()) : original
        let echoed = head.fields["x-request-id"].flatMap(Self.wellFormedIdentifier)
        let id = echoed ?? server.configuration.requestIdentifier()
        exchange = Exchange(
            head: head, id: id, begun: loop.now, outputMark: outputTotal, namesGzipTags: namesGzipTags)
        if let client = server.forwardedClient(of: head.fields, through: peer) {
            guard server.takePlace(of: client) else { return conclude(.fault(.tooManyConnections), head) }
            exchange?.client = client
        }
        switch server.router.match(head) {
        case .fault(let fault): conclude(.fault(fault), head)
        case .options(let allow): conclude(.response(Self.options(allow)), head)
        case .route(let route, let parameters):
            exchange?.route = route.name
            if let refusal = server.configuration.admission?(head, peer, id) {
                conclude(.response(refusal), head)
            } else {
                begin(route, parameters, head)
            }
        }
    }

    private static func wellFormedIdentifier(_ text: String) -> String? {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(ByteSet.requestIdentifier.contains) ? text : nil
    }

    private static func options(_ allow: String) -> Response {
        var response = Response(status: .noContent)
        // The methods of a router are tokens.
        try? response.fields.append("Allow", allow)
        return response
    }

    /// Answers a request whose body is not wanted: after the body if it is short, so that broken framing is refused
    /// as such and the connection can go on; at once if the peer waits for leave to send it, or it is long.
    private func conclude(_ conclusion: Conclusion, _ head: RequestHead) {
        let isLong = announces(head, moreThan: server.configuration.limits.discardedBodyBytes)
        if !hasContent(head) || head.expectsContinue || isLong {
            carryOut(conclusion)
        } else {
            stage = .dropping(conclusion)
        }
    }

    private func carryOut(_ conclusion: Conclusion) {
        stage = .idle
        switch conclusion {
        case .fault(let fault): answer(fault)
        case .response(let response): answer(response)
        case .run(let route, let parameters): run(route, parameters, body: .none)
        }
    }

    private func hasContent(_ head: RequestHead) -> Bool {
        head.framing != .none && head.framing != .length(0)
    }

    private func begin(_ route: Route, _ parameters: [String: String], _ head: RequestHead) {
        switch route.body {
        case .ignored:
            conclude(.run(route, parameters), head)
        case .collected(let limit):
            if announces(head, moreThan: limit) { return answer(.contentTooLarge(limit: limit)) }
            guard hasContent(head) else { return run(route, parameters, body: .collected([])) }
            if let fault = prepareDecoding(head, limit: limit) { return conclude(.fault(fault), head) }
            stage = .collecting(route, parameters, content: [], limit: limit)
            wantBody()
        case .streamed(let limit):
            if announces(head, moreThan: limit) { return answer(.contentTooLarge(limit: limit)) }
            if let fault = prepareDecoding(head, limit: limit) { return conclude(.fault(fault), head) }
            let number = exchangeNumber
            let reader = RequestBodyReader(witness: server.configuration.bodyWitness?(head)) { [weak self] in
                self?.bodyIsWanted(number)
            }
            run(route, parameters, body: .streamed(reader), reader: reader, limit: limit)
        }
    }

    private func announces(_ head: RequestHead, moreThan limit: Int) -> Bool {
        if case .length(let length) = head.framing { length > limit } else { false }
    }

    private nonisolated func bodyIsWanted(_ number: Int) {
        loop.execute {
            self.assumeIsolated { connection in
                guard connection.exchangeNumber == number else { return }
                // The time in which there was no room here is not the sender's.
                if connection.keepsPeerWaiting { connection.clock.noteRequest(now: connection.loop.now) }
                connection.wantBody()
                connection.goOn()
            }
        }
    }

    private func wantBody() {
        // The wait begins here for one who held the body back, and has begun already for anyone else: a handler that
        // asks for more must not excuse a sender that gives little.
        let wasHeldBack = machine.waiting == .forAnswer
        let before = output.bytes.count
        machine.wantBody(into: &output.bytes)
        outputTotal += output.bytes.count - before
        if wasHeldBack { clock.noteRequest(now: loop.now) }
    }

    private func take(_ bytes: [UInt8]) {
        exchange?.contentBytes += bytes.count
        switch stage {
        case .dropping(let conclusion):
            let limit = server.configuration.limits.discardedBodyBytes
            if exchange?.contentBytes ?? 0 > limit { carryOut(conclusion) }
        case .collecting(let route, let parameters, var content, let limit):
            guard let bytes = decoded(bytes) else { return }
            if content.count + bytes.count > limit { return answer(.contentTooLarge(limit: limit)) }
            guard server.takeRoom(for: bytes.count) else { return answer(.noRoomForContent) }
            exchange?.collectedBytes += bytes.count
            // Emptied first, so that the content is extended in place.
            stage = .idle
            content += bytes
            stage = .collecting(route, parameters, content: content, limit: limit)
        case .handling(_, let reader?, let limit):
            if exchange?.contentBytes ?? 0 > limit { return answer(.contentTooLarge(limit: limit)) }
            reader.witness?.see(bytes)
            if let bytes = decoded(bytes), !bytes.isEmpty { reader.push(bytes) }
        case .idle, .handling, .sending, .streaming:
            break
        }
    }

    private func endBody() {
        switch stage {
        case .dropping(let conclusion):
            carryOut(conclusion)
        case .collecting, .handling(_, .some, _):
            if let decoder, !decoder.isComplete { return answer(.malformedContentCoding) }
            endWantedBody()
        case .idle, .handling, .sending, .streaming:
            break
        }
    }

    private func endWantedBody() {
        switch stage {
        case .collecting(let route, let parameters, let content, _):
            stage = .idle
            run(route, parameters, body: .collected(content))
        case .handling(_, let reader, _):
            reader?.finish(nil)
        case .idle, .dropping, .sending, .streaming:
            break
        }
    }

    /// Faults of the bytes themselves: no request was opened, or its body broke.
    private func refuse(_ error: RequestError) {
        if exchange == nil {
            exchangeNumber += 1
            exchange = Exchange(
                head: nil, id: server.configuration.requestIdentifier(), begun: loop.now,
                outputMark: outputTotal)
        }
        if case .handling(_, let reader, _) = stage { reader?.finish(.malformed(error)) }
        answer(.request(error))
    }
}

// MARK: Handlers

extension Connection {
    private func run(
        _ route: Route, _ parameters: [String: String], body: Request.Body, reader: RequestBodyReader? = nil,
        limit: Int = 0
    ) {
        guard let exchange, let head = exchange.head else { return }
        let request = Request(
            head: head, parameters: parameters, id: exchange.id, peer: peer, body: body)
        switch route.handler {
        case .inline(let handler):
            do {
                answer(try handler(request))
            } catch {
                answer(.handler(error))
            }
        case .offLoop(let handler):
            guard server.takeHandlerSlot() else { return answer(.tooManyHandlers) }
            let task = launch(handler, request, exchangeNumber)
            stage = .handling(task, reader, limit: limit)
        }
    }

    private nonisolated func launch(
        _ handler: @escaping @Sendable (Request) async throws -> Response, _ request: Request, _ number: Int
    ) -> Task<Void, Never> {
        Task {
            let outcome: Result<Response, any Error>
            do {
                outcome = .success(try await handler(request))
            } catch {
                outcome = .failure(error)
            }
            server.giveHandlerSlotBack()
            loop.execute { self.assumeIsolated { $0.handlerHasEnded(outcome, number) } }
        }
    }

    private func handlerHasEnded(_ outcome: Result<Response, any Error>, _ number: Int) {
        guard number == exchangeNumber, case .handling(_, let reader, _) = stage else { return }
        reader?.finish(.closed)
        stage = .idle
        switch outcome {
        case .success(let response): answer(response)
        case .failure(let error): answer(.handler(error))
        }
        goOn()
    }
}
