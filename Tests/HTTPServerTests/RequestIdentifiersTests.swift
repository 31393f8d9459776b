// Request ids.
import HTTP1
import HTTPServer
import Testing

@Suite struct RequestIdentifiersTests {
    @Test func areWellFormedAndDoNotRepeat() {
        let identifiers = RequestIdentifiers(seed: 7)
        let all = (0..<10_000).map { _ in identifiers.next() }
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.utf8.count == 13 && $0.utf8.allSatisfy(ByteSet.requestIdentifier.contains) })
    }

    @Test func dependOnTheSeedAlone() {
        let first = RequestIdentifiers(seed: 7)
        let again = RequestIdentifiers(seed: 7)
        #expect(first.next() == again.next())
        #expect(RequestIdentifiers(seed: 8).next() != RequestIdentifiers(seed: 7).next())
    }
}
