// Paths into documents and changes made through them.

import ProblemSpecification
import Testing

@Suite struct JSONAssignmentTests {
    private let document = "{\"a\":{\"b\":[1,2,{\"c\":3}]},\"m.n\":1,\"x/y\":2}"

    @Test(arguments: [
        ("a.b.0=0.5", "{\"a\":{\"b\":[0.5,2,{\"c\":3}]},\"m.n\":1,\"x/y\":2}"),
        ("/a/b/2/c=\"t\"", "{\"a\":{\"b\":[1,2,{\"c\":\"t\"}]},\"m.n\":1,\"x/y\":2}"),
        ("a.b=soba", "{\"a\":{\"b\":\"soba\"},\"m.n\":1,\"x/y\":2}"),
        ("a.d.e=[1]", "{\"a\":{\"b\":[1,2,{\"c\":3}],\"d\":{\"e\":[1]}},\"m.n\":1,\"x/y\":2}"),
        ("/m.n=null", "{\"a\":{\"b\":[1,2,{\"c\":3}]},\"m.n\":null,\"x/y\":2}"),
        ("/x~1y=a=b", "{\"a\":{\"b\":[1,2,{\"c\":3}]},\"m.n\":1,\"x/y\":\"a=b\"}"),
    ])
    func sets(_ text: String, _ expected: String) throws {
        let changed = try JSONParser.parse(document).applying(JSONAssignment(text))
        #expect(JSONWriter.string(changed) == expected)
    }

    @Test func refusesPathsThatLeadNowhere() throws {
        let value = try JSONParser.parse(document)
        func error(_ text: String) -> JSONAssignmentError? {
            do throws(JSONAssignmentError) {
                _ = try value.applying(JSONAssignment(text))
                return nil
            } catch { return error }
        }
        #expect(error("a.b.3=1") == .indexOutOfRange(index: 3, count: 3, pointer: "/a/b"))
        #expect(error("a.b.-1=1") == .indexOutOfRange(index: -1, count: 3, pointer: "/a/b"))
        #expect(error("a.b.01=1") == .notAnIndex(step: "01", pointer: "/a/b"))
        #expect(error("a.b.0.c=1") == .notAContainer(pointer: "/a/b/0", found: "the number 1"))
        #expect(error("a.b") == .missingEquals("a.b"))
        #expect(error("=1") == .malformedPath(""))
        #expect(error("a..b=1") == .malformedPath("a..b"))
        #expect(error("/a~2=1") == .malformedPath("/a~2"))
        let long = Array(repeating: "a", count: JSONAssignment.stepLimit + 1).joined(separator: ".")
        #expect(error(long + "=1") == .pathTooLong(count: 65, limit: 64))
        #expect(error("z." + long.dropLast(4) + "=1") == nil)
    }

    @Test func pointersEscapeAndReadBack() {
        let pointer = JSONPointer.child(JSONPointer.child(JSONPointer.child("", "a/b~c"), 3), "")
        #expect(pointer == "/a~1b~0c/3/")
        #expect(JSONPointer.steps(of: pointer) == ["a/b~c", "3", ""])
        #expect(
            JSONPointer.steps(of: "") == [] && JSONPointer.steps(of: "a") == nil && JSONPointer.steps(of: "/~") == nil)
    }
}
