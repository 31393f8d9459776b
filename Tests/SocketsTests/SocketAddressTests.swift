// Addresses as values.
import Sockets
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
    func numericHosts(_ host: String, _ text: String) throws {
        #expect(try SocketAddress(host: host, port: 80).description == text)
    }

    @Test(arguments: ["", "localhost", "1.2.3", "[::1]", "256.0.0.1"]) func refusesNames(_ host: String) {
        #expect(throws: SystemError.self) { try SocketAddress(host: host, port: 80) }
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func theKernelChoosesAPort(_ host: String) throws {
        let listener = try Listener(on: SocketAddress(host: host, port: 0), backlog: 1)
        #expect(listener.address.port != 0 && listener.address.host == host)
    }

    @Test func aTakenPortIsAnError() throws {
        let first = try Listener(on: SocketAddress(host: "127.0.0.1", port: 0), backlog: 1)
        #expect(throws: SystemError.self) { try Listener(on: first.address, backlog: 1) }
    }
}
