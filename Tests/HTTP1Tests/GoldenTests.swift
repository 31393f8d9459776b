// Every golden case, cut in every way a network may cut it.
import Foundation
import HTTP1
import Testing

@Suite struct GoldenTests {
    @Test func everyFileIsRead() {
        #expect(GoldenCase.all.count > 100)
        #expect(Set(GoldenCase.all.map(\.name)).count == GoldenCase.all.count)
        #expect(
            GoldenCase.all.allSatisfy { $0.name.contains(" — RFC ") && $0.name.contains("§") },
            "a case without its section")
    }

    @Test(arguments: GoldenCase.all) func replayedWhole(_ golden: GoldenCase) {
        var recorder = Recorder()
        recorder.feed(golden.bytes)
        #expect(recorder.events == golden.events)
    }

    @Test(arguments: GoldenCase.all) func replayedByteByByte(_ golden: GoldenCase) {
        var recorder = Recorder()
        for byte in golden.bytes { recorder.feed([byte]) }
        #expect(recorder.events == golden.events)
    }

    @Test(arguments: GoldenCase.all) func replayedInTwoPieces(_ golden: GoldenCase) {
        for cut in golden.bytes.indices {
            var recorder = Recorder()
            recorder.feed(golden.bytes[..<cut])
            recorder.feed(golden.bytes[cut...])
            #expect(recorder.events == golden.events, "cut at \(cut)")
        }
    }

    @Test(arguments: GoldenCase.all.filter(\.staysOpen)) func replayedTwiceInOnePiece(_ golden: GoldenCase) {
        var recorder = Recorder()
        recorder.feed(golden.bytes + golden.bytes)
        #expect(recorder.events == golden.events + golden.events)
    }

    private static let good = Array("GET /good HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    private static let goodEvents = ["request GET /good 1.1 none", "end"]

    @Test(arguments: GoldenCase.all) func replayedBehindAGoodRequest(_ golden: GoldenCase) {
        var recorder = Recorder()
        recorder.feed(Self.good + golden.bytes)
        #expect(recorder.events == Self.goodEvents + golden.events)
    }

    @Test(arguments: GoldenCase.all) func replayedBeforeAGoodRequest(_ golden: GoldenCase) {
        var recorder = Recorder()
        recorder.feed(golden.bytes + Self.good)
        #expect(recorder.events == golden.events + (golden.staysOpen ? Self.goodEvents : []))
    }

    @Test func replayedAllInOnePipeline() {
        let cases = GoldenCase.all.filter(\.staysOpen)
        var recorder = Recorder()
        recorder.feed(cases.flatMap(\.bytes))
        #expect(recorder.events == cases.flatMap(\.events))
    }

    @Test(arguments: GoldenCase.all.filter { !$0.staysOpen }) func nothingIsReadAfterTheEnd(_ golden: GoldenCase) {
        var recorder = Recorder()
        recorder.feed(golden.bytes + Array("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        guard golden.events.contains("close") else { return }
        #expect(!recorder.events.contains { $0.contains("smuggled") })
    }
}
