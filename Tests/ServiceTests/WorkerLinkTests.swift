// What a worker makes of orders that come close together.
import ProblemSpecification
import Service
import Testing

@Suite struct WorkerLinkTests {
    private static var order: WorkerOrder {
        get throws {
            let text = """
                {"order": "profile", "file": "", "format": "csv", "answer": "", "processor_seconds": 1, "memory_bytes": 1}
                """
            return try #require(WorkerOrder(try JSONParser.parse(text)))
        }
    }

    /// The order may still wait when the request comes.
    @Test func aRequestRightBehindTheOrderIsOfItsJob() throws {
        for (request, wish) in [(WorkerOrder.stop, StopRequest.stop), (.suspend, .suspend)] {
            let link = WorkerLink()
            link.take(try Self.order)
            link.take(request)
            #expect(try link.nextOrder() == Self.order && link.request() == wish)
        }
    }

    @Test func aRequestBeforeTheOrderWasOfTheJobBefore() throws {
        let link = WorkerLink()
        link.take(.stop)
        link.take(try Self.order)
        #expect(try link.nextOrder() == Self.order && link.request() == nil)
    }
}
