// Bytes of a connection (heads, chunks, targets, pipelines): the same events however the network cuts them, bodies as long
// as announced, and silence after the end.
import HTTP1

enum RequestsTarget {
    /// The first byte chooses how the rest is cut.
    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let first = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        var whole = Conversation()
        try whole.feed(rest[...])
        try whole.end()
        var pieces = Conversation()
        let size = 1 + Int(first) % 17
        for start in stride(from: 0, to: rest.count, by: size) {
            try pieces.feed(rest[start..<min(rest.count, start + size)])
        }
        try pieces.end()
        try require(whole.events == pieces.events, "the cuts of the network matter")
        try require(whole.output == pieces.output, "the cuts of the network matter for answers")
    }
}

/// One connection that answers every request with an empty 200.
private struct Conversation: ~Copyable {
    /// What happened, content joined.
    private(set) var events: [String] = []
    private(set) var output: [UInt8] = []
    /// `100 Continue` is sent or not by what has arrived: that may depend on the cuts.
    private var interim: [UInt8] = []
    private var machine: ConnectionStateMachine
    private var content: [UInt8] = []
    private var announced: Int?
    private var isOver = false

    init() {
        var limits = HTTPLimits()
        (limits.requestLineBytes, limits.fieldBytes, limits.headBytes) = (200, 200, 600)
        (limits.fieldCount, limits.chunkLineBytes, limits.chunkExtensionBytes) = (10, 60, 100)
        (limits.trailerBytes, limits.requestsPerConnection) = (150, 20)
        machine = ConnectionStateMachine(limits: limits)
    }

    mutating func feed(_ bytes: ArraySlice<UInt8>) throws(Violation) {
        bytes.withUnsafeBytes { machine.receive($0) }
        try run()
    }

    mutating func end() throws(Violation) {
        machine.receiveEndOfStream()
        try run()
        try require(machine.next() == nil, "an action after the last")
    }

    private mutating func run() throws(Violation) {
        while let action = machine.next() { try take(action) }
    }

    private mutating func take(_ action: ConnectionStateMachine.Action) throws(Violation) {
        try require(!isOver, "\(action) after the end")
        switch action {
        case .request(let head): try open(head)
        case .body(let bytes): content += bytes
        case .endOfBody(let trailers):
            if let announced { try require(content.count == announced, "\(content.count) of \(announced) bytes") }
            events.append("end of \(content) with \(trailers.lines)")
            content = []
            try answer(.ok)
        case .refuse(let error):
            events.append("refuse \(content) \(error)")
            content = []
            try answer(error.status)
        case .close, .abort:
            events.append("\(action)")
            isOver = true
        }
    }

    private mutating func open(_ head: RequestHead) throws(Violation) {
        let path = head.target.path
        try require(path.hasPrefix("/") || path == "*" || path.isEmpty, "the path \(path)")
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        try require(!segments.contains { $0 == "." || $0 == ".." }, "dots in \(path)")
        try require(head.fields.lines.allSatisfy { !$0.name.isEmpty }, "a field without a name")
        _ = head.target.queryItems
        announced = if case .length(let length) = head.framing { length } else { nil }
        events.append("\(head.method.token) \(head.target) \(head.version) \(head.framing) \(head.fields.lines)")
        if head.expectsContinue { machine.wantBody(into: &interim) }
    }

    private mutating func answer(_ status: Status) throws(Violation) {
        machine.respond(ResponseHead(status: status), content: .known(0), date: [], into: &output)
        if let action = machine.endResponse(into: &output) { try take(action) }
    }
}
