// Replays what fuzzing has kept: inputs that reach far into the code, and every input that once was a finding.
import Foundation
import FuzzTargets
import Testing

@Suite struct CorpusTests {
    private static let corpus = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz/Corpus")

    private static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = corpus.appending(path: target.rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            (name, [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
    }

    @Test(arguments: FuzzTarget.allCases) func everyKeptInputPasses(_ target: FuzzTarget) throws {
        let inputs = try Self.inputs(of: target)
        #expect(inputs.count >= 10)
        for input in inputs {
            do {
                try target.check(input.bytes)
            } catch {
                Issue.record("\(target)/\(input.name): \(error)")
            }
        }
    }

    @Test func theCorpusIsSmall() throws {
        let inputs = try FuzzTarget.allCases.flatMap(Self.inputs)
        #expect(inputs.count <= 200)
        #expect(inputs.reduce(0) { $0 + $1.bytes.count } <= 200_000)
    }

    @Test(arguments: FuzzTarget.allCases) func nothingIsAnInputToo(_ target: FuzzTarget) throws {
        try target.check([])
        try target.check([0])
        try target.check([UInt8](repeating: 0xFF, count: 100))
    }
}
