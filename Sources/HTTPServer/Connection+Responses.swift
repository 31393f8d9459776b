// From answers to bytes in the output, and the end of a connection.
import HTTP1
import Sockets

extension Connection {
    func answer(_ fault: ServerFault) {
        guard let exchange else { return }
        var response = server.configuration.render(fault, exchange.id)
        switch fault {
        case .methodNotAllowed(let allow):
            // The methods of a router are tokens.
            try? response.fields.append("Allow", allow)
        case .tooManyHandlers, .tooManyConnections, .noRoomForContent:
            if response.fields["retry-after"] == nil { try? response.fields.append("Retry-After", "1") }
        case .unsupportedContentCoding:
            try? response.fields.append("Accept-Encoding", "gzip")
        case .request, .notFound, .invalidPathParameter, .notImplemented, .contentTooLarge, .contentTooDense,
            .malformedContentCoding, .handler:
            break
        }
        answer(response)
    }

    /// Writes the head, and the content or the beginning of it. What runs for the request is given up.
    func answer(_ response: Response) {
        guard let exchange, machine.owesAnswer else { return }
        abandonStage()
        var response = response
        if let head = exchange.head { code(&response, for: head) }
        self.exchange?.status = response.status.code
        let before = output.bytes.count
        machine.respond(
            ResponseHead(status: response.status, fields: response.fields),
            content: encoder == nil ? response.contentLength : .unknown, date: server.dateLine(),
            // Well formed: checked when it was taken over, or made by the server's owner.
            requestID: exchange.id, into: &output.bytes)
        outputTotal += output.bytes.count - before
        switch response.body {
        case .empty:
            endAnswer()
        case .bytes(let bytes):
            send(bytes)
        case .stream(_, let producer):
            guard machine.wantsContent else { return endAnswer() }
            stream(producer)
        }
    }

    private func send(_ bytes: [UInt8]) {
        if !machine.wantsContent || encoder == nil && bytes.count <= server.configuration.bufferedBytes {
            write(bytes[...])
            endAnswer()
        } else {
            stage = .sending(bytes, sent: 0)
        }
    }

    private func stream(_ producer: @escaping @Sendable (ResponseWriter) async throws -> Void) {
        let writer = ResponseWriter(limit: server.configuration.bufferedBytes) { [weak self] in self?.poke() }
        if server.isDraining { writer.beginDraining() }
        let task = Self.launch(producer, writer)
        stage = .streaming(task, writer)
    }

    private static nonisolated func launch(
        _ producer: @escaping @Sendable (ResponseWriter) async throws -> Void, _ writer: ResponseWriter
    ) -> Task<Void, Never> {
        Task {
            do {
                try await producer(writer)
                writer.finish(failed: false)
            } catch {
                writer.finish(failed: true)
            }
        }
    }

    /// Moves content of a long or streamed answer into the output while there is room.
    ///
    /// - Returns: whether there is more once the output has left.
    func produce() -> Bool {
        let limit = server.configuration.bufferedBytes
        while output.count < limit {
            switch stage {
            case .idle, .dropping, .collecting, .handling:
                return false
            case .sending(let bytes, let sent):
                let end = min(bytes.count, sent + limit)
                writeContent(bytes[sent..<end], flush: end == bytes.count ? .end : .none)
                stage = .sending(bytes, sent: end)
                if end == bytes.count { endAnswer() }
            case .streaming(_, let writer):
                switch writer.take() {
                case .nothingYet: return false
                case .bytes(let bytes): writeContent(bytes[...], flush: .event)
                case .ended:
                    if encoder != nil { writeContent([], flush: .end) }
                    endAnswer()
                case .failed: perform(machine.abandonResponse())
                }
            }
            // What can be read by many takes long to code: others have their turn.
            if encoder != nil { return true }
        }
        return true
    }

    /// Content on its way through the coding of the answer, if it has one.
    private func writeContent(_ bytes: ArraySlice<UInt8>, flush: GzipEncoder.Flush) {
        if let encoder { write(encoder.encode(bytes, flush: flush)[...]) } else { write(bytes) }
    }

    private func write(_ bytes: ArraySlice<UInt8>) {
        let before = output.bytes.count
        bytes.withUnsafeBytes { machine.write($0, into: &output.bytes) }
        outputTotal += output.bytes.count - before
    }

    private func endAnswer() {
        let before = output.bytes.count
        let action = machine.endResponse(into: &output.bytes)
        outputTotal += output.bytes.count - before
        stage = .idle
        closeExchange()
        clock.noteRequest(now: loop.now)
        if let action { perform(action) }
    }

    /// The request is answered, or never will be.
    private func closeExchange() {
        guard let exchange else { return }
        logAnswer()
        encoder = nil
        decoder = nil
        machine.contentBytesAtOnce = .max
        if let client = exchange.client { server.giveBackPlace(of: client) }
        if exchange.collectedBytes > 0 { server.giveRoomBack(exchange.collectedBytes) }
        self.exchange = nil
    }

    private func logAnswer() {
        guard let exchange, let log = server.configuration.log else { return }
        log(
            AccessRecord(
                method: exchange.head?.method.token ?? "-", route: exchange.route,
                target: exchange.head?.rawTarget ?? "-",
                status: exchange.status,
                bytes: outputTotal - exchange.outputMark, seconds: Double(loop.now - exchange.begun) / 1e9,
                requestID: exchange.id, peer: peer, client: exchange.client))
    }

    /// Cancels what runs for the open request.
    func abandonStage() {
        switch stage {
        case .idle, .dropping, .collecting, .sending:
            break
        case .handling(let task, let reader, _):
            task.cancel()
            reader?.finish(.closed)
        case .streaming(let task, let writer):
            task.cancel()
            writer.close()
        }
        stage = .idle
    }
}

// MARK: The end

extension Connection {
    /// Goes on with an ending whose turn it is.
    func finishEnding() {
        guard case .afterOutput(let parting) = ending, output.isEmpty else { return }
        switch parting {
        case .linger:
            endWriting()
            ending = .lingering(deadline: clock.lingerDeadline(now: loop.now), dropped: 0)
        case .close:
            endWriting()
            tearDown(isOrderly: true)
        case .cut:
            tearDown()
        }
    }

    private func resetOnClose() {
        switch socket {
        case .some(let socket): socket.resetOnClose()
        case .none: break
        }
    }

    private func endWriting() {
        switch socket {
        case .some(let socket): socket.endWriting()
        case .none: break
        }
    }

    /// Closes now. What runs for the connection is cancelled; what waits to be written is lost.
    ///
    /// - Parameter isOrderly: our half has been ended.
    func tearDown(isOrderly: Bool = false) {
        switch ending {
        case .closed: return
        case .lingering: break
        case .open, .afterOutput: if !isOrderly && machine.endsContentByClosing { resetOnClose() }
        }
        ending = .closed
        abandonStage()
        if let registration { loop.remove(registration) }
        registration = nil
        socket = nil
        server.forget(self)
        closeExchange()
    }

    /// Answers that there is no room, and closes without waiting for what the peer may send. Under TLS there is only
    /// the closing: a handshake costs more than the place that there is not.
    func turnAway() {
        if isSecured { return tearDown() }
        let id = server.configuration.requestIdentifier()
        exchange = Exchange(head: nil, id: id, begun: loop.now, outputMark: 0)
        machine.refuseConnection()
        answer(.tooManyConnections)
        ending = .afterOutput(.close)
        start()
    }

    /// Answers the open request, then closes; closes now if none is open.
    func drain() {
        guard isServing else { return }
        if case .streaming(_, let writer) = stage { writer.beginDraining() }
        if let action = machine.drain() { perform(action) }
        advance()
    }

    func checkDeadlines() {
        clock.deadlineHasPassed()
        switch ending {
        case .closed:
            return
        case .lingering(let deadline, _):
            if loop.now >= deadline { return tearDown() }
        case .open, .afterOutput:
            if !output.isEmpty, clock.writeHasStalled(now: loop.now) { return tearDown() }
            checkWait()
        }
        advance()
    }

    /// Only a peer whose bytes have all been taken keeps us waiting; while a buffer here is full, no time runs.
    private func checkWait() {
        if keepsPeerWaiting {
            clock.noteRequest(now: loop.now)
        } else if clock.hasWaitedTooLong(machine.waiting, now: loop.now), let action = machine.timeOut() {
            perform(action)
        }
    }

    /// Tells the loop when to look again, if that is earlier than it will.
    func updateDeadline() {
        guard let registration else { return }
        let deadline: Int
        switch ending {
        case .closed: return
        case .lingering(let end, _): deadline = end
        case .open, .afterOutput:
            guard let next = clock.nextDeadline(machine.waiting, isWriting: !output.isEmpty, now: loop.now) else {
                return
            }
            deadline = next
        }
        if clock.arm(deadline) { loop.setDeadline(deadline, for: registration) }
    }
}
