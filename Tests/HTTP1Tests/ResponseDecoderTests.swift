// Answers as a client reads them: whole, byte by byte, cut off, and wrong.
import HTTP1
import Testing

@Suite struct ResponseDecoderTests {
    /// Everything that an answer gives, pieces of content joined.
    private func read(
        _ text: String, _ method: RequestMethod = .get, pieceBytes: Int = .max, ends: Bool = true
    ) throws(ResponseError) -> (head: ReceivedHead?, content: String, isComplete: Bool) {
        var decoder = ResponseDecoder(method: method)
        var head: ReceivedHead?
        var content: [UInt8] = []
        var rest = Array(text.utf8)[...]
        var hasEnded = false
        while true {
            switch try decoder.next() {
            case .head(let found): head = found
            case .content(let bytes): content += bytes
            case .end: return (head, String(decoding: content, as: UTF8.self), true)
            case .needsMore:
                if rest.isEmpty {
                    if hasEnded || !ends { return (head, String(decoding: content, as: UTF8.self), false) }
                    decoder.receiveEndOfStream()
                    hasEnded = true
                } else {
                    let piece = Array(rest.prefix(pieceBytes))
                    rest = rest.dropFirst(piece.count)
                    piece.withUnsafeBytes { decoder.receive($0) }
                }
            }
        }
    }

    private static let ok = "HTTP/1.1 200 OK\r\n"

    @Test(arguments: [Int.max, 1, 7]) func readsEveryFraming(_ pieceBytes: Int) throws {
        for (answer, content) in [
            (Self.ok + "Content-Length: 5\r\n\r\nhelloNEXT", "hello"),
            (Self.ok + "Content-Length: 0\r\n\r\n", ""),
            (Self.ok + "Transfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n", "hello"),
            (Self.ok + "\r\nuntil the end", "until the end"),
            ("HTTP/1.0 200\r\n\r\nold", "old"),
            ("HTTP/1.1 204 No Content\r\n\r\n", ""), ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + Self.ok
                    + "Content-Length: 1\r\n\r\nx", "x"
            ),
        ] {
            let read = try read(answer, pieceBytes: pieceBytes)
            #expect(read.content == content && read.isComplete, "\(answer)")
        }
    }

    @Test func theHeadIsKept() throws {
        let read = try read("HTTP/1.1 404 Not Found\r\nA: b\r\na:  c \r\nContent-Length: 0\r\n\r\n")
        #expect(read.head?.statusCode == 404)
        #expect(read.head?.fields.values(of: "A") == ["b", "c"])
    }

    @Test func anAnswerToHeadHasNoContent() throws {
        let read = try read(Self.ok + "Content-Length: 5\r\n\r\n", .head, ends: false)
        #expect(read.isComplete && read.content.isEmpty)
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\nA", Self.ok + "Content-Length: 5\r\n\r\nhell",
        Self.ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
    ]) func aCutOffAnswerIsNone(_ answer: String) {
        #expect(throws: ResponseError.incomplete) { try read(answer) }
        #expect(throws: Never.self) { try read(answer, ends: false) }
    }

    private static let faults: [(answer: String, error: ResponseError)] = [
        ("HTTP/1.1 20 OK\r\n\r\n", ResponseError.malformedStatusLine), ("HTTP/1.1 200OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 099 No\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 600 No\r\n\r\n", .malformedStatusLine),
        ("ICY 200 OK\r\n\r\n1234567890", .malformedStatusLine), ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
        ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", .invalidContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", .invalidContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", .invalidContentLength),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            .syntax(.contentLengthWithTransferCoding)
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .syntax(.invalidFieldName)),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", .syntax(.bareLineFeed)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", .syntax(.invalidChunkSize)),
        (String(repeating: "HTTP/1.1 100 Go\r\n\r\n", count: 9), .tooManyInterimAnswers(limit: 8)),
    ]

    @Test(arguments: faults.indices) func refuses(_ index: Int) {
        let (answer, error) = Self.faults[index]
        #expect(throws: error) { try read(answer) }
        #expect(throws: error) { try read(answer, pieceBytes: 1) }
    }
}

@Suite struct HTTPURLTests {
    @Test(arguments: [
        ("http://a", "a", 80, "/", "a"), ("HTTPS://a.b:8443/c?d=e", "a.b", 8443, "/c?d=e", "a.b:8443"),
        ("https://[::1]/x", "::1", 443, "/x", "[::1]"),
        ("http://[2001:db8::1]:80", "2001:db8::1", 80, "/", "[2001:db8::1]"),
        ("http://127.0.0.1:8080?q", "127.0.0.1", 8080, "/?q", "127.0.0.1:8080"),
    ]) func reads(_ text: String, _ host: String, _ port: UInt16, _ target: String, _ authority: String) throws {
        let url = try #require(HTTPURL(text))
        #expect((url.host, url.port, url.target, url.authority) == (host, port, target, authority))
        #expect(HTTPURL(url.description) == url)
    }

    @Test(arguments: [
        "", "a", "ftp://a/", "http://", "http://:80", "http://u:p@a/", "http://a/#f", "http://a/b c", "http://a/\u{7}",
        "http://a:65536/", "http://a:x/", "http://[::1/", "http://a/%zz", "http://a\r\nB: c/",
    ]) func refuses(_ text: String) { #expect(HTTPURL(text) == nil) }

    @Test func appendsBelowItsPath() throws {
        #expect(HTTPURL("http://a/base/?x")?.appending("/v1/jobs?a=b")?.target == "/base/v1/jobs?a=b")
        #expect(HTTPURL("http://a")?.appending("/v1")?.description == "http://a/v1")
        #expect(HTTPURL("http://a")?.appending("v1") == nil)
    }
}
