// What a run takes in memory is known before it is taken, and held against the limit.
import Testing

@Suite struct MemoryLimitTests {
    @Test(arguments: MalformedDocument.memory, ["solve", "check"])
    func theRefusalCostsNothing(_ document: MalformedDocument, _ command: String) throws {
        let scratch = try Scratch()
        let path = try scratch.write(document.bytes, as: document.fileName)
        let finished = try Executable.run([command, path])
        #expect(finished.ending == .status(2))
        #expect(finished.cpuSeconds < 1)
        #expect(finished.peakBytes < 1 << 30)
    }

    /// The bytes that the report names are enough, and one less is too few.
    @Test(arguments: ["aid-cg", "itd", "soba"]) func theLimitIsWhatTheReportSays(_ method: String) throws {
        let document = try Scratch()
        let path = try document.write(Self.sampled, as: "sampled.json")
        func check(_ settings: String...) throws -> Finished {
            let assignments = (["method.name=\(method)"] + settings).flatMap { ["--set", $0] }
            return try Executable.run(["check", path] + assignments)
        }
        let memory = try #require(try JSON(try check().output)["memory"])
        let parts = ["data_bytes", "program_bytes", "vector_bytes"].compactMap { memory[$0]?.integer }
        try #require(parts.count == 3 && parts.allSatisfy { $0 > 0 })
        let total = parts.reduce(0, +)
        #expect(try check("limits.memory_bytes=\(total)").ending == .status(0))
        let refused = try check("limits.memory_bytes=\(total - 1)")
        #expect(refused.ending == .status(2))
        #expect(refused.errors.hasPrefix("/problem  limit-exceeded\n"))
        #expect(refused.errors.contains("needs \(total) bytes") && refused.errors.contains("may use \(total - 1)"))
    }

    private static let sampled = #"""
        {"problem": {"data": {"A": {"random": {"normal": [300, 4]}}, "b": {"random": {"normal": [300], "seed": 1}}},
         "samples": {"rows": {"arrays": ["A", "b"]}},
         "levels": [{"variables": {"x": {"shape": [4]}}, "minimize": "mean((A @ w - b)^2)"},
           {"variables": {"w": {"shape": [4]}}, "minimize": "mean((A @ w - b)^2) + sum(exp(x) * w^2)"}]},
         "method": {"name": "auto"}}
        """#

    /// Three levels on batches: what the run takes beyond what a small one takes is within what was priced, and most of it.
    @Test func batchesOfThreeLevelsTakeWhatIsPriced() throws {
        let scratch = try Scratch()
        let path = try scratch.write(Self.threeLevels, as: "batches.json")
        let memory = try #require(try JSON(try Executable.run(["check", path]).output)["memory"])
        let priced = ["data_bytes", "program_bytes", "vector_bytes"].compactMap { memory[$0]?.integer }.reduce(0, +)
        let solved = try Executable.run(["solve", path])
        #expect(solved.ending == .status(1), "\(solved.errors)")
        let small = try Executable.run(["solve", Repository.example("quadratic")])
        #expect(solved.peakBytes <= small.peakBytes + priced)
        #expect(Double(solved.peakBytes) >= 0.6 * Double(priced))
    }

    private static let threeLevels = #"""
        {"problem": {"data": {"A": {"random": {"normal": [200000, 20]}}, "b": {"random": {"normal": [200000], "seed": 1}}},
         "samples": {"rows": {"arrays": ["A", "b"], "batch": 1999}},
         "levels": [{"variables": {"x": {}}, "minimize": "mean((A @ w - b - 1)^2) + x^2"},
           {"variables": {"y": {}}, "minimize": "mean((A @ w - b)^2) + (y - x)^2"},
           {"variables": {"w": {"shape": [20]}}, "minimize": "mean((A @ w - b)^2) + exp(y) * sum((w - 0.1)^2)"}]},
         "method": "tsg", "limits": {"iterations": 101}}
        """#

    /// A matrix of a million entries, many times over, is nothing to be afraid of.
    @Test func anHonestLargeProblemIsSolved() throws {
        let text = MalformedDocument.document(
            x: #"{"shape": [1000], "start": 0.01}"#, upper: "sum((y - 1)^2) + mean(sin(outer(x, x))) + sum(x^2)",
            lower: "sum((y - x[:2])^2)", rest: #", "limits": {"iterations": 1, "memory_bytes": 500000000}"#)
        let scratch = try Scratch()
        let solved = try solve(try scratch.write(text, as: "large.json"))
        #expect(solved.iterations == 1, "\(solved.finished.errors)")
    }
}
