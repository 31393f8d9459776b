// The generator against its published vectors; streams, restarts, distributions.
import Tensors
import Testing

@Suite struct RandomStreamTests {
    /// Random123's kat_vectors for philox4x32-10: counter, key, result.
    static let vectors: [[UInt32]] = [
        [0, 0, 0, 0, 0, 0, 0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
        [UInt32](repeating: .max, count: 6) + [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
        [
            0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xa409_3822, 0x299f_31d0, 0xd16c_fe09, 0x94fd_cceb,
            0x5001_e420, 0x2412_6ea1,
        ],
    ]

    @Test(arguments: vectors) func reproducesThePublishedVectors(_ v: [UInt32]) {
        let block = Philox.block(counter: (v[0], v[1], v[2], v[3]), key: (v[4], v[5]))
        #expect([block.0, block.1, block.2, block.3] == Array(v[6...]))
    }

    @Test func hashesNamesByFNV1a() {
        #expect(RandomStream.hash("") == 0xcbf2_9ce4_8422_2325)
        #expect(RandomStream.hash("a") == 0xaf63_dc4c_8601_ec8c)
        #expect(RandomStream.hash("foobar") == 0x8594_4171_f739_67e8)
    }

    @Test func wordsAreHalvesOfBlocks() {
        var stream = RandomStream(seed: 0x0123_4567_89ab_cdef, stream: "batches", counter: 6)
        let hash = RandomStream.hash("batches")
        let block = Philox.block(
            counter: (3, 0, UInt32(truncatingIfNeeded: hash), UInt32(hash >> 32)), key: (0x89ab_cdef, 0x0123_4567))
        #expect(stream.nextUInt64() == UInt64(block.1) << 32 | UInt64(block.0))
        #expect(stream.nextUInt64() == UInt64(block.3) << 32 | UInt64(block.2))
        #expect(stream.counter == 8)
    }

    @Test(arguments: [UInt64(0), 1, 17, .max - 1, .max]) func restartsFromTheCounterAlone(_ counter: UInt64) {
        var first = RandomStream(seed: 5, stream: "a", counter: counter)
        for _ in 0..<5 { _ = first.normal() }
        _ = first.permutation(10)
        var second = RandomStream(seed: 5, stream: "a")
        second.counter = first.counter
        #expect(first == second)
        #expect(first.normal() == second.normal() && first.nextUInt64() == second.nextUInt64())
    }

    @Test func drawsConsumeAFixedNumberOfWords() {
        var stream = RandomStream(seed: 1, stream: "words")
        _ = stream.uniform()
        #expect(stream.counter == 1)
        _ = stream.normal()
        #expect(stream.counter == 3)
    }

    @Test func seedsAndNamesSeparateStreams() {
        var streams = [(1, "a"), (1, "b"), (2, "a")].map { RandomStream(seed: UInt64($0.0), stream: $0.1) }
        let words = streams.indices.flatMap { index in (0..<100).map { _ in streams[index].nextUInt64() } }
        #expect(Set(words).count == 300)
    }

    /// Bits from a second implementation (Python; logarithm and cosine rounded correctly from 200 bits): a stream is the
    /// same on every machine, or results could not be repeated.
    @Test func drawsHaveTheseBits() {
        var words = RandomStream(seed: 7, stream: "start/weights/w")
        #expect(
            (0..<4).map { _ in words.nextUInt64() } == [
                0x6771_8ca6_9c5e_db6d, 0x9e67_5d75_e70b_f231, 0x7022_e3ac_994e_710f, 0x6cba_2392_9497_68e2,
            ])
        var uniforms = RandomStream(seed: 7, stream: "start/weights/w")
        #expect(
            (0..<3).map { _ in uniforms.uniform() } == [
                0x1.9dc6329a717b6p-2, 0x1.3ccebaebce17ep-1, 0x1.c08b8eb26539cp-2,
            ])
        var normals = RandomStream(seed: 7, stream: "start/weights/w")
        #expect(
            (0..<8).map { _ in normals.normal() } == [
                -0x1.7e841f9249062p-1, -0x1.e9533c86fcaf2p-1, -0x1.6dd1ef428710fp-2, 0x1.bfd3b70dede77p-2,
                -0x1.1bab32691d911p+0, 0x1.a4f52bc06d589p-1, -0x1.33cfed635d730p-2, -0x1.96c09739f20b4p-4,
            ])
        var order = RandomStream(seed: 7, stream: "rows/train")
        #expect(order.permutation(12) == [8, 7, 2, 10, 11, 3, 9, 0, 4, 5, 1, 6])
    }

    /// Neighbours by seed, by name and by lag: none tells anything about another.
    @Test func streamsAreUncorrelated() {
        let count = 20_000
        let keys: [(UInt64, String)] = [
            (0, "a"), (1, "a"), (1 << 32, "a"), (.max, "a"), (0, "b"), (0, "aa"), (0, ""), (0, "batches/0/train"),
            (0, "batches/1/train"),
        ]
        var samples = keys.map { seed, name in
            var stream = RandomStream(seed: seed, stream: name)
            return (0..<count).map { _ in stream.uniform() - 0.5 }
        }
        samples.append(Array(samples[0].dropFirst()) + [0])
        for (i, a) in samples.enumerated() {
            for b in samples[..<i] {
                let correlation = 12 * zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
                // Five standard deviations.
                #expect(abs(correlation) < 5 / Double(count).squareRoot())
            }
        }
    }

    /// Each of the 64 bits of a word is set half of the time.
    @Test func bitsAreBalanced() {
        var stream = RandomStream(seed: 2, stream: "bits")
        var counts = [Int](repeating: 0, count: 64)
        for _ in 0..<10_000 {
            let word = stream.nextUInt64()
            for bit in 0..<64 where word >> UInt64(bit) & 1 == 1 { counts[bit] += 1 }
        }
        #expect(counts.allSatisfy { abs($0 - 5_000) < 250 })
    }

    @Test func uniformsAndNormalsHaveTheirMoments() {
        var stream = RandomStream(seed: 11, stream: "moments")
        let count = 100_000
        let uniforms = (0..<count).map { _ in stream.uniform() }
        let normals = (0..<count).map { _ in stream.normal() }
        func moment(_ x: [Double], _ power: Int) -> Double {
            x.reduce(0) { total, value in total + (0..<power).reduce(1) { product, _ in product * value } }
                / Double(count)
        }
        #expect(uniforms.allSatisfy { $0 >= 0 && $0 < 1 })
        // Five standard deviations of each mean.
        #expect(abs(moment(uniforms, 1) - 1 / 2) < 5 * 0.289 / 316)
        #expect(abs(moment(uniforms, 2) - 1 / 3) < 5 * 0.298 / 316)
        #expect(abs(moment(normals, 1)) < 5 / 316)
        #expect(abs(moment(normals, 2) - 1) < 5 * 1.414 / 316)
        #expect(abs(moment(normals, 4) - 3) < 5 * 9.8 / 316)
        #expect(normals.allSatisfy { $0.isFinite })
    }

    @Test func permutationsAreUniform() {
        var stream = RandomStream(seed: 3, stream: "permutations")
        #expect(stream.permutation(0) == [] && stream.permutation(1) == [0])
        #expect(stream.permutation(1000).sorted() == Array(0..<1000))
        var counts: [[Int]: Int] = [:]
        for _ in 0..<24_000 { counts[stream.permutation(4), default: 0] += 1 }
        #expect(counts.count == 24)
        // χ² with 23 degrees of freedom exceeds 58.6 once in 20,000 times.
        let statistic = counts.values.reduce(0.0) { $0 + Double(($1 - 1000) * ($1 - 1000)) / 1000 }
        #expect(statistic < 58.6)
    }

    @Test func boundedIntegersStayBelow() {
        var stream = RandomStream(seed: 3, stream: "bounds")
        #expect((0..<100).allSatisfy { _ in stream.below(1) == 0 })
        let huge = (0..<100).map { _ in stream.below(.max) }
        #expect(huge.allSatisfy { $0 >= 0 && $0 < .max } && huge.contains { $0 > .max / 2 })
    }
}
