// What waits in the kernel for a peer that does not read.
import Glibc
import Sockets
import Testing

@Suite struct UnsentBytesTests {
    /// Told nothing, the kernel takes megabytes.
    @Test func aPeerThatDoesNotReadHoldsLittle() async throws {
        let loop = try EventLoop(name: "test")
        loop.start()
        defer { loop.stop() }
        let listener = try Listener(on: SocketAddress(host: "127.0.0.1", port: 0), backlog: 16)
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        let acceptor = Acceptor(listener, on: loop) { connection in
            continuation.yield(Self.written(to: connection.take()))
        }
        try await acceptor.start()
        let peer = try StreamSocket.connect(to: listener.address)
        for await count in stream {
            // What is under way besides is at most what the peer's kernel has room for.
            #expect((1...Listener.unsentBytes + 1 << 20).contains(count))
            break
        }
        await acceptor.stop()
        _ = consume peer
    }

    /// Bytes that the kernel takes until it would block; for half a second, as what is under way grows.
    private static func written(to socket: consuming StreamSocket) -> Int {
        let chunk = [UInt8](repeating: 0, count: 65_536)
        var total = 0
        for _ in 0..<50 {
            while case .bytes(let count)? = try? chunk.withUnsafeBytes({ try socket.write($0) }) { total += count }
            usleep(10_000)
        }
        return total
    }
}
