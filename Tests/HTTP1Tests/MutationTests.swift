// Damaged requests: whatever comes, the answer does not depend on how the network cut it, and nothing traps.
import HTTP1
import Testing

@Suite struct MutationTests {
    /// A linear congruential generator: the seed is the test's argument.
    private struct Generator {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    private static let interesting = Array("\r\n\0 \t:;,%/?#+-x0Ff\u{7F}".utf8) + [0x80, 0xFF]

    private func damage(_ bytes: [UInt8], _ random: inout Generator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.next(3) where !bytes.isEmpty {
            let place = random.next(bytes.count)
            switch random.next(4) {
            case 0: bytes[place] = Self.interesting[random.next(Self.interesting.count)]
            case 1: bytes.insert(Self.interesting[random.next(Self.interesting.count)], at: place)
            case 2: bytes.remove(at: place)
            default: bytes.insert(contentsOf: bytes[place...].prefix(random.next(20)), at: place)
            }
        }
        return bytes
    }

    @Test(arguments: 1...20) func theCutsOfTheNetworkDoNotMatter(_ seed: UInt64) {
        var random = Generator(state: seed)
        let cases = GoldenCase.all
        for _ in 0..<300 {
            let bytes = damage(cases[random.next(cases.count)].bytes, &random)
            var whole = Recorder()
            whole.feed(bytes)
            whole.end()
            var pieces = Recorder()
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = 1 + random.next(7)
                pieces.feed(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            pieces.end()
            #expect(whole.events == pieces.events, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            #expect(whole.output == pieces.output)
        }
    }
}
