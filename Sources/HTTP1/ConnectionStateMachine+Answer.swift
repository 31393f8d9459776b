// The answering half of the connection: framing and persistence decided when the head is written, RFC 9112 §6.3 and §9.

extension ConnectionStateMachine {
    /// Whether a request is open whose answer has not begun.
    package var owesAnswer: Bool {
        if case .head = writing { true } else { false }
    }

    /// Whether content may be written for the answer in progress: false for HEAD, 204 and 304.
    package var wantsContent: Bool {
        guard case .content(let framing) = writing else { return false }
        return framing != .none
    }

    /// Writes `100 Continue` if the peer waits for it and has sent nothing yet: call when the body is wanted.
    package mutating func wantBody(into output: inout [UInt8]) {
        guard case .head(var facts) = writing, facts.awaitsContinue else { return }
        facts.awaitsContinue = false
        writing = .head(facts)
        if input.isEmpty { output.append("HTTP/1.1 100 Continue\r\n\r\n") }
    }

    /// Writes the head of the answer, and with it decides whether the connection goes on. Without an owed answer
    /// nothing is written.
    ///
    /// - Parameters:
    ///   - content: the length of the content as GET has it, also for HEAD.
    ///   - date: a complete `Date: …` line with its line end; may be empty.
    ///   - requestID: for `X-Request-Id`, `[A-Za-z0-9._-]{1,128}`; nil for none.
    package mutating func respond(
        _ head: ResponseHead, content: ContentLength, date: [UInt8], requestID: String? = nil,
        into output: inout [UInt8]
    ) {
        guard case .head(let facts) = writing else { return }
        var trim = ResponseTrim()
        let framing = framing(of: head.status, content: content, facts: facts, trim: &trim)
        endsContentByClosing = framing == .untilClose
        if !canReadOn(facts) || endsContentByClosing { keepAlive = .disabled }
        if keepAlive == .disabled {
            trim.persistence = .close
        } else if facts.version == .http10 {
            trim.persistence = .keepAlive
        }
        head.encode(trim: trim, date: date, requestID: requestID, into: &output)
        writing = .content(framing)
    }

    private func framing(
        of status: Status, content: ContentLength, facts: AnswerFacts, trim: inout ResponseTrim
    ) -> ResponseFraming {
        if status.forbidsContent { return .none }
        switch (content, facts.version) {
        case (.known(let length), _):
            trim.contentLength = length
            return facts.isHead ? .none : .length(remaining: length)
        case (.unknown, .http11):
            trim.isChunked = true
            return facts.isHead ? .none : .chunked
        case (.unknown, .http10):
            return facts.isHead ? .none : .untilClose
        }
    }

    /// Whether the next request can be found behind what is still to come of this one. After an answer without
    /// `100 Continue` nobody knows whether the body will come: not then.
    private func canReadOn(_ facts: AnswerFacts) -> Bool {
        switch reading {
        case .complete: true
        case .body(let decoder):
            !facts.awaitsContinue && (decoder.remaining.map { $0 <= limits.discardedBodyBytes } ?? false)
        case .head, .discarding, .closed: false
        }
    }

    /// Writes content of the answer in its framing. What exceeds an announced length is cut: the peer would take it for
    /// the next answer.
    package mutating func write(_ content: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        guard case .content(let framing) = writing, !content.isEmpty else { return }
        switch framing {
        case .none:
            break
        case .length(let remaining):
            let count = min(remaining, content.count)
            output.append(contentsOf: content.prefix(count))
            writing = .content(.length(remaining: remaining - count))
        case .chunked:
            output.append(hexadecimal: content.count)
            output.append("\r\n")
            output.append(contentsOf: content)
            output.append("\r\n")
        case .untilClose:
            output.append(contentsOf: content)
        }
    }

    /// Ends the answer. Content that falls short of its announced length cannot be ended: `.abort`.
    ///
    /// - Returns: how the connection ends, or nil when ``next()`` goes on with it.
    package mutating func endResponse(into output: inout [UInt8]) -> Action? {
        guard case .content(let framing) = writing else { return nil }
        switch framing {
        case .length(let remaining) where remaining > 0:
            return abandonResponse()
        case .chunked:
            output.append("0\r\n\r\n")
        case .none, .length, .untilClose:
            break
        }
        guard keepAlive != .disabled else { return close(lingering: true) }
        writing = .idle
        owesEndOfBody = false
        switch reading {
        case .complete: expectNextRequest()
        case .body(let decoder): reading = .discarding(decoder)
        case .head, .discarding, .closed: break
        }
        return nil
    }

    /// The maker of the answer has failed after its head was written: the peer must see that it is cut.
    package mutating func abandonResponse() -> Action {
        _ = close(lingering: false)
        return .abort
    }
}
