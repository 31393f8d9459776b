// Every limit of the protocol layer, at the limit and one above, whole and byte by byte.
import HTTP1
import Testing

@Suite struct LimitTests {
    private let limits: HTTPLimits = {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        limits.fieldBytes = 30
        limits.headBytes = 120
        limits.fieldCount = 4
        limits.chunkLineBytes = 20
        limits.chunkExtensionBytes = 30
        limits.trailerBytes = 40
        limits.requestsPerConnection = 3
        limits.discardedBodyBytes = 10
        return limits
    }()

    /// The events, equal however the bytes are cut.
    private func events(_ text: String) -> [String] {
        var whole = Recorder(limits: limits)
        whole.feed(text.utf8)
        var pieces = Recorder(limits: limits)
        for byte in text.utf8 { pieces.feed([byte]) }
        #expect(whole.events == pieces.events)
        return whole.events
    }

    private func filler(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test(arguments: [(40, true), (41, false), (4000, false)]) func requestLine(_ length: Int, _ isAccepted: Bool) {
        let found = events("GET /\(filler(length - 14)) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(isAccepted ? found.last == "end" : found == ["refuse 414 requestLineTooLong", "close"])
    }

    @Test(arguments: [(30, true), (31, false), (4000, false)]) func field(_ length: Int, _ isAccepted: Bool) {
        let found = events("GET / HTTP/1.1\r\nHost: a\r\nA: \(filler(length - 3))\r\n\r\n")
        #expect(isAccepted ? found.last == "end" : found == ["refuse 431 fieldTooLong", "close"])
    }

    @Test(arguments: [(120, true), (121, false)]) func head(_ length: Int, _ isAccepted: Bool) {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let middle = "A: \(filler(27))\r\nB: \(filler(27))\r\n"
        let rest = length - start.utf8.count - middle.utf8.count - 2
        let found = events("\(start)\(middle)C: \(filler(rest - 5))\r\n\r\n")
        #expect(isAccepted ? found.last == "end" : found == ["refuse 431 headTooLarge", "close"])
    }

    @Test(arguments: [(4, true), (5, false)]) func fieldCount(_ count: Int, _ isAccepted: Bool) {
        let fields = (1..<count).map { "A\($0):\r\n" }.joined()
        let found = events("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        #expect(isAccepted ? found.last == "end" : found == ["refuse 431 tooManyFields", "close"])
    }

    private let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(arguments: [(20, true), (21, false), (400, false)]) func chunkLine(_ length: Int, _ isAccepted: Bool) {
        let found = events("\(chunked)1;\(filler(length - 2))\r\na\r\n0\r\n\r\n")
        #expect(isAccepted ? found.last == "end" : found.contains("refuse 400 chunkLineTooLong"))
    }

    @Test(arguments: [(15, true), (16, false)]) func chunkExtensionsOfOneBody(_ length: Int, _ isAccepted: Bool) {
        let found = events("\(chunked)1;\(filler(14))\r\na\r\n1;\(filler(length - 1))\r\nb\r\n0\r\n\r\n")
        #expect(isAccepted ? found.last == "end" : found.contains("refuse 400 chunkExtensionsTooLong"))
    }

    @Test(arguments: [(40, true), (41, false)]) func trailers(_ length: Int, _ isAccepted: Bool) {
        let found = events("\(chunked)0\r\nA: \(filler(20))\r\nB: \(filler(length - 32))\r\n\r\n")
        #expect(isAccepted ? found.contains("end") : found.contains("refuse 431 trailersTooLarge"))
    }

    @Test func trailersCountAsFields() {
        #expect(events("\(chunked)0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n").contains("end"))
        #expect(events("\(chunked)0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n").contains("refuse 431 tooManyFields"))
    }

    @Test func requestsPerConnection() {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let one = ["request GET / 1.1 none", "end"]
        #expect(events(get + get) == one + one)
        #expect(events(get + get + get + get) == one + one + one + ["close"])
    }

    @Test(arguments: [(10, true), (11, false)]) func discardedBody(_ length: Int, _ staysOpen: Bool) {
        var machine = ConnectionStateMachine(limits: limits)
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
        Array(request.utf8).withUnsafeBytes { machine.receive($0) }
        guard case .request = machine.next() else {
            Issue.record("no request")
            return
        }
        var output: [UInt8] = []
        machine.respond(ResponseHead(status: .ok), content: .known(0), date: [], into: &output)
        let action = machine.endResponse(into: &output)
        #expect(action == (staysOpen ? nil : .close(lingering: true)))
        #expect(String(decoding: output, as: UTF8.self).contains("Connection: close") == !staysOpen)
        guard staysOpen else { return }
        Array((filler(length) + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").utf8).withUnsafeBytes { machine.receive($0) }
        guard case .request(let head) = machine.next() else {
            Issue.record("the body was not dropped")
            return
        }
        #expect(head.target.path == "/b")
    }
}
