// The validation report of `check`.
import Testing

@Suite struct CheckCommandTests {
    @Test(arguments: ["quadratic", "logistic-per-feature", "ridge-per-feature"])
    func everyExamplePassesItsDerivativeChecks(_ name: String) throws {
        let finished = try Executable.run(["check", Repository.example(name)])
        #expect(finished.ending == .status(0) && finished.errors.isEmpty)
        let report = try JSON(finished.output)
        #expect(report["valid"]?.number == 1)
        #expect(finished.output.contains("\"hypergradient\"") && finished.output.contains("\"verdict\": \"agrees\""))
        #expect(!finished.output.contains("differs") && !finished.output.contains("skipped"))
    }

    @Test func theReportNamesShapesAndTheMethod() throws {
        let report = try JSON(try Executable.run(["check", Repository.example("ridge-per-feature")]).output)
        #expect(report["shapes"]?["X"]?.text == "[train, 10]")
        #expect(report["shapes"]?["lambda"]?.text == "[10]")
        #expect(report["method"]?["name"]?.text == "aid-direct")
        let objective = try #require(report["start"]?["objective"]?.number)
        #expect(agrees(objective, 0.4642209644575267))
    }

    @Test func theReportTellsCostsAndKinks() throws {
        let set = [
            "--set", "problem.levels.1.minimize=(y - 3 * x)^2 + abs(y - x)", "--set", #"expressions=["y - 3 * x"]"#,
        ]
        let finished = try Executable.run(["check", Repository.example("quadratic")] + set)
        #expect(finished.ending == .status(0))
        let report = try JSON(finished.output)
        #expect(report["expressions"]?[0]?["shape"]?.text == "a number")
        #expect(report["kinks"]?[0]?["formula"]?.text == "abs(y - x)")
        #expect(report["kinks"]?[0]?["on_kink"]?.number == 1)
        #expect(try #require(report["cost"]?["iteration_at_most"]?["operations"]?.number) > 0)
        #expect(finished.output.contains("nonsmooth-point"))
    }

    @Test func thePlanIsTextOfFormulas() throws {
        let finished = try Executable.run(["check", Repository.example("ridge-per-feature"), "--plan"])
        #expect(finished.ending == .status(0) && finished.errors.isEmpty)
        #expect(finished.output.hasPrefix("lower_gradient: "))
        #expect(finished.output.contains(" @ w  (") && finished.output.contains("\n  when x changes: "))
        #expect(finished.output.contains("an iteration, at the most: "))
    }

    @Test func aRefusedDocumentHasAReportToo() throws {
        let set = "problem.levels.0.minimize=z^2"
        let finished = try Executable.run(["check", Repository.example("quadratic"), "--set", set])
        #expect(finished.ending == .status(2))
        #expect(finished.errors.hasPrefix("/problem/levels/0/minimize  1:1  unknown-name"))
        let report = try JSON(finished.output)
        #expect(report["valid"]?.number == 0)
        #expect(finished.output.contains(#""pointer": "/problem/levels/0/minimize""#))
    }
}
