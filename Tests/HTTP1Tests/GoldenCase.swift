// Golden files: the bytes of requests beside the events they must give.
//
// A case begins with `== name — RFC and section`; then the bytes, with \r \n \t \0 \\ and \xHH spelled out and line ends of the file
// itself dropped; then `--`; then one expected event a line. Lines that begin with `#` between cases are remarks.
import Foundation
import HTTP1
import Testing

struct GoldenCase: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let events: [String]

    var testDescription: String { name }
    /// Whether another request can follow on the same connection.
    var staysOpen: Bool { events.last == "end" || events.last?.hasPrefix("trailer") == true }

    static let all: [GoldenCase] = ["heads", "framing", "chunked", "targets", "smuggling"].flatMap(load)

    private static func load(_ file: String) -> [GoldenCase] {
        guard let url = Bundle.module.url(forResource: file, withExtension: "golden", subdirectory: "Golden"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return text.components(separatedBy: "\n== ").dropFirst().compactMap { block in
            let lines = block.split(separator: "\n", omittingEmptySubsequences: true)
            guard let divider = lines.firstIndex(of: "--") else { return nil }
            return GoldenCase(
                name: "\(file): \(lines[0])", bytes: lines[1..<divider].flatMap(unescape),
                events: lines[(divider + 1)...].filter { !$0.hasPrefix("#") }.map(String.init))
        }
    }

    private static func unescape(_ line: Substring) -> [UInt8] {
        var output: [UInt8] = []
        var rest = line.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                output.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "r"): output.append(13)
            case UInt8(ascii: "n"): output.append(10)
            case UInt8(ascii: "t"): output.append(9)
            case UInt8(ascii: "0"): output.append(0)
            case UInt8(ascii: "x"):
                output.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: output.append(kind)
            }
        }
        return output
    }
}

/// Drives a state machine and writes down what it says; answers every complete request with an empty 200.
struct Recorder: ~Copyable {
    private(set) var events: [String] = []
    private(set) var output: [UInt8] = []
    private(set) var machine: ConnectionStateMachine
    private var body: [UInt8] = []

    init(limits: HTTPLimits = HTTPLimits()) {
        machine = ConnectionStateMachine(limits: limits)
    }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        Array(bytes).withUnsafeBytes { machine.receive($0) }
        run()
    }

    mutating func end() {
        machine.receiveEndOfStream()
        run()
    }

    mutating func drain() { record(machine.drain()) }
    mutating func timeOut() { record(machine.timeOut()) }

    private mutating func run() {
        while let action = machine.next() { record(action) }
    }

    private mutating func record(_ action: ConnectionStateMachine.Action?) {
        guard let action else { return }
        if case .body(let bytes) = action {
            body += bytes
            return
        }
        if !body.isEmpty {
            events.append("body \(String(decoding: body, as: UTF8.self))")
            body = []
        }
        switch action {
        case .body: break
        case .request(let head): recordHead(head)
        case .endOfBody(let trailers):
            events.append("end")
            events += trailers.lines.map { "trailer \($0.name): \($0.value)" }
            answer(.ok)
        case .refuse(let error):
            events.append("refuse \(error.status.code) \(String(describing: error).prefix { $0 != "(" })")
            answer(error.status)
        case .close: events.append("close")
        case .abort: events.append("abort")
        }
    }

    private mutating func recordHead(_ head: RequestHead) {
        let framing =
            switch head.framing {
            case .none: "none"
            case .length(let count): "length=\(count)"
            case .chunked: "chunked"
            }
        let query = head.target.query.map { "?\($0)" } ?? ""
        let version = head.version == .http10 ? "1.0" : "1.1"
        let expects = head.expectsContinue ? " continue" : ""
        events.append("request \(head.method.token) \(head.target.path)\(query) \(version) \(framing)\(expects)")
    }

    private mutating func answer(_ status: Status) {
        machine.respond(ResponseHead(status: status), content: .known(0), date: [], into: &output)
        record(machine.endResponse(into: &output))
    }
}
