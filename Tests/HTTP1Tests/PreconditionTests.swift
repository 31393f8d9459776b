// Entity tags, conditions, ranges.
import HTTP1
import Testing

private func head(_ fields: [String], method: String = "GET") throws -> RequestHead {
    let text = "\(method) / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    var parser = RequestHeadParser(limits: HTTPLimits())
    let progress = try Array(text.utf8).withUnsafeBufferPointer { try parser.parse($0) }
    guard case .complete(let head, _) = progress else { throw RequestError.incomplete }
    return head
}

@Suite struct PreconditionTests {
    private let tag = EntityTag(opaque: "r1.s2")

    @Test(arguments: [
        ([], Precondition.proceed), (["If-None-Match: \"r1.s2\""], .notModified),
        (["If-None-Match: W/\"r1.s2\""], .notModified), (["If-None-Match: \"x\", \"r1.s2\""], .notModified),
        (["If-None-Match: \"x\"", "If-None-Match: \"r1.s2\""], .notModified), (["If-None-Match: *"], .notModified),
        (["If-None-Match: \"x\""], .proceed), (["If-None-Match: r1.s2"], .proceed),
        (["If-Match: \"r1.s2\""], .proceed), (["If-Match: *"], .proceed), (["If-Match: \"x\""], .failed),
        (["If-Match: W/\"r1.s2\""], .failed), (["If-Match: \"x\"", "If-None-Match: \"r1.s2\""], .failed),
        (["If-Match: "], .failed),
    ])
    func conditionsOfGet(_ fields: [String], _ outcome: Precondition) throws {
        #expect(try Precondition(of: head(fields), current: tag) == outcome)
    }

    /// However long a list is: what it names at its end counts too.
    @Test func everyTagOfALongListCounts() throws {
        let others = (0..<2_000).map { "\"\($0)\"" }.joined(separator: ",")
        for (name, found, missed) in [
            ("If-None-Match", Precondition.notModified, Precondition.proceed), ("If-Match", .proceed, .failed),
        ] {
            let most = "\(others.prefix(8_000)),"
            #expect(try Precondition(of: head(["\(name): \(most) \t\"r1.s2\""]), current: tag) == found)
            #expect(try Precondition(of: head(["\(name): \(most)*"]), current: tag) == missed)
        }
    }

    @Test func conditionsOfOtherMethods() throws {
        let creation = try head(["If-None-Match: *"], method: "PUT")
        #expect(Precondition(of: creation, current: tag) == .failed)
        #expect(Precondition(of: creation, current: nil) == .proceed)
        #expect(try Precondition(of: head(["If-Match: *"], method: "PUT"), current: nil) == .failed)
        #expect(try Precondition(of: head(["If-None-Match: *"], method: "HEAD"), current: tag) == .notModified)
    }

    @Test(arguments: ["a\"b", "a b", "a\n"]) func refusesTag(_ opaque: String) {
        #expect(EntityTag(opaque: opaque) == nil)
    }
}

@Suite struct RangeSelectionTests {
    private let tag = EntityTag(opaque: "x")

    @Test(arguments: [
        ("bytes=0-0", RangeSelection.part(0..<1)), ("bytes=2-", .part(2..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=-30", .part(0..<10)), ("bytes=0-9", .part(0..<10)), ("bytes=0-10", .part(0..<10)),
        ("bytes=9-99999999999999999999", .part(9..<10)), ("bytes=10-", .unsatisfiable), ("bytes=10-11", .unsatisfiable),
        ("bytes=-0", .unsatisfiable), ("bytes=3-2", .whole), ("bytes=0-1,3-4", .whole), ("bytes=", .whole),
        ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=+1-2", .whole), ("bytes 0-1", .whole),
        ("lines=0-1", .whole),
        ("Bytes=0-1", .part(0..<2)),
    ])
    func ofTenBytes(_ value: String, _ selection: RangeSelection) throws {
        #expect(try RangeSelection(of: head(["Range: \(value)"]), length: 10, current: tag) == selection)
    }

    @Test func nothingToSelectFrom() throws {
        #expect(try RangeSelection(of: head(["Range: bytes=0-"]), length: 0, current: tag) == .unsatisfiable)
        #expect(try RangeSelection(of: head(["Range: bytes=-1"]), length: 0, current: tag) == .unsatisfiable)
    }

    @Test(arguments: [("\"x\"", true), ("\"y\"", false), ("W/\"x\"", false), ("Sun, 06 Nov 1994 08:49:37 GMT", false)])
    func ifRange(_ condition: String, _ isPart: Bool) throws {
        let head = try head(["Range: bytes=0-0", "If-Range: \(condition)"])
        #expect(RangeSelection(of: head, length: 10, current: tag) == (isPart ? .part(0..<1) : .whole))
    }

    @Test func onlyGetHasRanges() throws {
        let head = try head(["Range: bytes=0-0"], method: "POST")
        #expect(RangeSelection(of: head, length: 10, current: tag) == .whole)
    }
}

@Suite struct FieldListTests {
    @Test func membersOfAllLinesInOrder() {
        #expect(FieldList.members(of: ["a, b ,\tc", ",", "", " , d;x=\"y\""]) == ["a", "b", "c", "d;x=\"y\""])
        #expect(FieldList.members(of: []).isEmpty)
    }

    @Test(arguments: [FieldList.most, FieldList.most + 1]) func endsWhereNobodyLooks(_ count: Int) {
        let members = FieldList.members(of: ["a, b", (2..<count).map(String.init).joined(separator: ",")])
        #expect(members == ["a", "b"] + (2..<FieldList.most).map { "\($0)" })
    }

    @Test(arguments: [(FieldList.most - 1, true), (FieldList.most, false)])
    func aWishBeyondItIsNotHeard(_ count: Int, _ isWelcome: Bool) throws {
        let wishes = (0..<count).map { "x\($0), " }.joined() + "gzip"
        #expect(ContentCoding.gzipIsWelcome(to: try head(["Accept-Encoding: \(wishes)"]).fields) == isWelcome)
    }

    @Test func tagsOfGzipAreLedBack() throws {
        let fields = try head([
            "If-Match: \"a-gzip\", W/\"-gzip\",\"b-gzip\"-gzip", "If-None-Match: \"c\"", "X: \"a-gzip\"",
        ]).fields
        #expect(fields.nameGzipTags && !fields.withPlainTags().nameGzipTags)
        #expect(fields.withPlainTags()["if-match"] == "\"a\", W/\"\",\"b\"-gzip")
        #expect(fields.withPlainTags()["x"] == "\"a-gzip\"")
        #expect(try !head(["If-Match: \"a-gzip, -gzi\""]).fields.nameGzipTags)
    }
}
