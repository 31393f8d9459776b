// Every limit over a socket, at its number and one beyond; and no limit without a case.
import HTTPServer
import Testing

extension SocketTests {
    @Suite(.timeLimit(.minutes(10))) struct LimitCaseTests {
        @Test func everyLimitHasItsCase() {
            #expect(LimitCase.all.map(\.name).sorted() == ServerLimit.all.map(\.name).sorted())
        }

        @Test(arguments: LimitCase.all.map(\.name)) func holds(_ name: String) async throws {
            let one = try #require(LimitCase.all.first { $0.name == name })
            #expect(try await one.trial(one.limit, one.limit) == one.expected.within)
            #expect(try await one.trial(one.limit, one.limit + 1) == one.expected.beyond)
        }
    }
}
