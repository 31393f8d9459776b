// The state machine's own decisions: persistence, framing of answers, half-close, drain, time-outs.
import HTTP1
import Testing

@Suite struct ConnectionStateMachineTests {
    private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private func answer(
        to request: String, status: Status = .ok, content: ContentLength, writing pieces: [String] = []
    ) -> (output: String, action: ConnectionStateMachine.Action?) {
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        Array(request.utf8).withUnsafeBytes { machine.receive($0) }
        while machine.next() != nil {}
        var output: [UInt8] = []
        machine.respond(
            ResponseHead(status: status), content: content, date: Array("Date: x\r\n".utf8), into: &output)
        for piece in pieces { Array(piece.utf8).withUnsafeBytes { machine.write($0, into: &output) } }
        let action = machine.endResponse(into: &output)
        return (String(decoding: output, as: UTF8.self), action)
    }

    @Test func knownLength() {
        let (output, action) = answer(to: get, content: .known(2), writing: ["h", "i"])
        #expect(output == "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi")
        #expect(action == nil)
    }

    @Test func contentBeyondItsLengthIsCut() {
        #expect(answer(to: get, content: .known(2), writing: ["hello"]).output.hasSuffix("\r\n\r\nhe"))
    }

    @Test func contentShortOfItsLengthAborts() {
        #expect(answer(to: get, content: .known(3), writing: ["hi"]).action == .abort)
    }

    @Test func unknownLengthIsChunked() {
        let (output, action) = answer(to: get, content: .unknown, writing: ["hello", "", "0123456789abcdef"])
        #expect(
            output == "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
        #expect(action == nil)
    }

    @Test func unknownLengthEndsAnHTTP10Connection() {
        let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        let (output, action) = answer(to: request, content: .unknown, writing: ["hello"])
        #expect(output == "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n\r\nhello")
        #expect(action == .close(lingering: true))
    }

    @Test func keepAliveIsSaidToHTTP10() {
        let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        let (output, action) = answer(to: request, content: .known(0))
        #expect(output.contains("\r\nConnection: keep-alive\r\n"))
        #expect(action == nil)
    }

    @Test func headHasTheHeadOfGet() {
        let head = get.replacing("GET", with: "HEAD")
        for content in [ContentLength.known(5), .unknown] {
            let toGet = answer(to: get, content: content, writing: ["hello"]).output
            let toHead = answer(to: head, content: content, writing: ["hello"]).output
            #expect(toGet.hasPrefix(toHead) && toHead.hasSuffix("\r\n\r\n"))
        }
    }

    /// RFC 9110 §9.3.2, also where the request is refused before it could be read.
    @Test(arguments: [
        ("HEAD / HTTP/1.1\r\n\r\n", false), ("\r\nHEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", false),
        ("HEAD /%zz HTTP/1.1\r\n", false), ("HEAD / HTTP/2.0\r\n", false), ("HEAD / HTTP/1.1\nHost: a\n\n", false),
        ("GET / HTTP/1.1\r\n\r\n", true), ("HEADER / HTTP/1.1\r\n\r\n", true), ("HEAD\t/ HTTP/1.1\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", false),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", true),
    ])
    func refusalsOfHeadHaveNoContent(_ request: String, _ hasContent: Bool) {
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        Array(request.utf8).withUnsafeBytes { machine.receive($0) }
        var output: [UInt8] = []
        while let action = machine.next() {
            output = []
            let isRefusal = if case .refuse = action { true } else { false }
            guard isRefusal || action == .endOfBody(trailers: Fields()) else { continue }
            machine.respond(ResponseHead(status: .badRequest), content: .known(3), date: [], into: &output)
            Array("no\n".utf8).withUnsafeBytes { machine.write($0, into: &output) }
            let end = machine.endResponse(into: &output)
            #expect(!isRefusal || end == .close(lingering: true))
            if isRefusal { break }
        }
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains("Content-Length: 3\r\n") && text.hasSuffix(hasContent ? "\r\n\r\nno\n" : "\r\n\r\n"))
    }

    @Test(arguments: [Status.noContent, .notModified]) func statusWithoutContent(_ status: Status) {
        let (output, action) = answer(to: get, status: status, content: .known(5), writing: ["hello"])
        #expect(!output.contains("Content-Length") && output.hasSuffix("Date: x\r\n\r\n"))
        #expect(action == nil)
    }

    @Test func continueIsWrittenOnceAndOnlyWhenWanted() {
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        Array(request.utf8).withUnsafeBytes { machine.receive($0) }
        _ = machine.next()
        var output: [UInt8] = []
        machine.wantBody(into: &output)
        machine.wantBody(into: &output)
        #expect(output == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    @Test func finalStatusInsteadOfContinueCloses() {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        let (output, action) = answer(to: request, status: .contentTooLarge, content: .known(0))
        #expect(output.contains("Connection: close") && !output.contains("100 Continue"))
        #expect(action == .close(lingering: true))
    }

    @Test func framingFieldsOfAHandlerAreDropped() throws {
        var fields = Fields()
        for name in ["Content-Length", "transfer-encoding", "Connection", "DATE"] { try fields.append(name, "9") }
        try fields.append("A", "b")
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        Array(get.utf8).withUnsafeBytes { machine.receive($0) }
        _ = machine.next()
        var output: [UInt8] = []
        machine.respond(
            ResponseHead(status: .ok, fields: fields), content: .known(0), date: [], into: &output)
        #expect(String(decoding: output, as: UTF8.self) == "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func endOfStreamIsAHalfClose() {
        var recorder = Recorder()
        recorder.feed((get + get).utf8)
        recorder.end()
        #expect(recorder.events == ["request GET / 1.1 none", "end", "request GET / 1.1 none", "end", "close"])
    }

    @Test(arguments: ["G", "GET / HTTP/1.1\r\nHost", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh"])
    func endOfStreamInsideARequest(_ bytes: String) {
        var recorder = Recorder()
        recorder.feed(bytes.utf8)
        recorder.end()
        #expect(recorder.events.suffix(2) == ["refuse 400 incomplete", "close"])
    }

    @Test(arguments: ["", "\r\n"]) func endOfStreamBetweenRequests(_ bytes: String) {
        var recorder = Recorder()
        recorder.feed(bytes.utf8)
        recorder.end()
        #expect(recorder.events == ["close"])
    }

    @Test func drainClosesAnIdleConnection() {
        var recorder = Recorder()
        recorder.feed(get.utf8)
        recorder.drain()
        #expect(recorder.events.last == "close")
    }

    @Test func drainLetsAnOpenRequestFinish() {
        var recorder = Recorder()
        recorder.feed("GET / HTTP/1.1\r\n".utf8)
        recorder.drain()
        recorder.feed("Host: a\r\n\r\n".utf8)
        #expect(recorder.events == ["request GET / 1.1 none", "end", "close"])
        #expect(String(decoding: recorder.output, as: UTF8.self).contains("Connection: close"))
    }

    /// The answer came before the body did: with the end of that nothing is owed any more, unless the next request is
    /// there already.
    @Test(arguments: [false, true]) func drainClosesBehindABodyThatIsDropped(_ isPipelined: Bool) {
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
        Array(head.utf8).withUnsafeBytes { machine.receive($0) }
        while machine.next() != nil {}
        var output: [UInt8] = []
        machine.respond(ResponseHead(status: .ok), content: .known(0), date: [], into: &output)
        #expect(machine.endResponse(into: &output) == nil)
        #expect(machine.drain() == nil)
        #expect(machine.next() == nil)
        Array(("hi" + (isPipelined ? get : "")).utf8).withUnsafeBytes { machine.receive($0) }
        let action = machine.next()
        if isPipelined {
            guard case .request = action else {
                Issue.record("the request behind the body is lost")
                return
            }
        } else {
            #expect(action == .close(lingering: true))
        }
    }

    @Test(arguments: [
        ("", ["close"]), ("GET", ["refuse 408 headTimeout", "close"]),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh",
            ["request POST / 1.1 length=2", "body h", "refuse 408 bodyTooSlow", "close"]
        ),
    ])
    func timeOuts(_ bytes: String, _ events: [String]) {
        var recorder = Recorder()
        recorder.feed(bytes.utf8)
        recorder.timeOut()
        #expect(recorder.events == events)
    }

    @Test func waitsAreTold() {
        var machine = ConnectionStateMachine(limits: HTTPLimits())
        var seen = [machine.waiting]
        for piece in ["POST / HTTP/1.1\r\n", "Host: a\r\nContent-Length: 2\r\n\r\n", "hi"] {
            Array(piece.utf8).withUnsafeBytes { machine.receive($0) }
            while machine.next() != nil {}
            seen.append(machine.waiting)
        }
        #expect(seen == [.forRequest, .forRestOfHead, .forBody, .forAnswer])
    }
}
