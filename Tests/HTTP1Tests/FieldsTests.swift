// Fields, character classes, dates, queries.
import HTTP1
import Testing

@Suite struct FieldsTests {
    @Test func namesAreComparedWithoutCase() throws {
        var fields = Fields()
        try fields.append("Accept", "a")
        try fields.append("ACCEPT", "b")
        #expect(fields["accept"] == "a")
        #expect(fields.values(of: "aCCept") == ["a", "b"])
        #expect(fields["accep"] == nil)
    }

    @Test(arguments: ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\u{7F}"]) func refusesValue(_ value: String) {
        var fields = Fields()
        #expect(throws: FieldError.invalidValue(name: "A")) { try fields.append("A", value) }
        #expect(fields.count == 0)
    }

    @Test(arguments: ["", "a b", "a:", "a\r\n", "ä"]) func refusesName(_ name: String) {
        var fields = Fields()
        #expect(throws: FieldError.invalidName(name)) { try fields.append(name, "b") }
    }
}

@Suite struct ByteSetTests {
    private static let alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

    @Test func masksHoldWhatTheGrammarSays() {
        let sets: [(ByteSet, String)] = [
            (.token, Self.alphanumeric + "!#$%&'*+-.^_`|~"), (.unreserved, Self.alphanumeric + "-._~"),
            (.pathSegment, Self.alphanumeric + "-._~!$&'()*+,;=:@"),
            (.query, Self.alphanumeric + "-._~!$&'()*+,;=:@/?"),
            (.registeredName, Self.alphanumeric + "-._~!$&'()*+,;="), (.addressLiteral, "0123456789abcdefABCDEF:."),
            (.requestIdentifier, Self.alphanumeric + "._-"),
        ]
        for (set, members) in sets {
            #expect((0...255).filter { set.contains($0) } == Array(members.utf8).sorted())
        }
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func fixedDate(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
    }
}

@Suite struct QueryTests {
    @Test func itemsAreDecodedOnce() throws {
        let target = try target("/a?b=c%20d&e+f=%2B&g&&h=i=j&k=%25")
        let items = target.queryItems
        #expect(items.map(\.name) == ["b", "e f", "g", "h", "k"])
        #expect(items.map(\.value) == ["c d", "+", "", "i=j", "%"])
    }

    @Test func segmentsAreDecodedOnce() throws {
        #expect(PercentCoding.decodedSegment("a%2Fb") == "a/b")
        #expect(PercentCoding.decodedSegment("%252e") == "%2e")
        #expect(PercentCoding.decodedSegment("%FF") == nil)
    }

    private func target(_ text: String) throws -> RequestTarget {
        try Array(text.utf8).withUnsafeBufferPointer { try RequestTarget($0, method: .get) }
    }
}
