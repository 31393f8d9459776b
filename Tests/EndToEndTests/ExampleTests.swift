// Every document of Examples/ solves and holds its known answer.
import Foundation
import Testing

@Suite struct ExampleTests {
    @Test func everyExampleHasATest() throws {
        let documents = try FileManager.default.contentsOfDirectory(atPath: Repository.examples.path)
            .filter { $0.hasSuffix(".json") }.sorted()
        #expect(
            documents == [
                "defender-attacker-defender.json", "five-level-chain.json", "four-level-chain.json",
                "logistic-per-feature.json", "quadratic.json",
                "ridge-per-feature.json", "sweep-of-starts.json", "trilevel-data-cleaning.json",
                "trilevel-penalties-on-batches.json",
                "trilevel-robust-ridge.json", "trilevel-robust-tuning.json",
            ])
    }

    @Test func theLeaderFindsItsOptimum() throws {
        let solved = try solve(Repository.example("quadratic"))
        #expect(solved.finished.ending == .status(0))
        #expect(solved.result?["termination"]?.text == "converged")
        #expect(agrees(solved.variable("x"), [9 / 5]))
        #expect(agrees(solved.variable("y"), [27 / 5]))
        #expect(agrees(solved.objective, 9 / 5))
    }

    @Test(arguments: [(0.0, -18.0), (1, -8)]) func theFirstEventHoldsTheDerivative(_ start: Double, _ slope: Double)
        throws
    {
        let set = "problem.levels.0.variables.x.start=\(start)"
        let solved = try solve(Repository.example("quadratic"), "--set", set)
        let first = try #require(solved.point(0))
        #expect(agrees(first["hypergradient"]?["x"]?.numbers ?? [], [slope]))
        #expect(agrees(first["hypergradient_norm"]?.number ?? .nan, abs(slope)))
        #expect(agrees(solved.objective, 9 / 5))
    }

    /// The losses of the published run, and the exact norm at its start.
    @Test func truncatedReverseModeFollowsThePublishedRun() throws {
        let solved = try solve(Repository.example("logistic-per-feature"))
        #expect(solved.finished.ending == .status(1))
        #expect(solved.result?["termination"]?.text == "iteration_limit")
        let losses: [(iteration: Int, loss: Double)] = [
            (0, 0.574399), (10, 0.533768), (20, 0.361522), (50, 0.294467), (100, 0.285354), (200, 0.281670),
            (500, 0.280787), (990, 0.2805065),
        ]
        for (iteration, loss) in losses {
            let found = try #require(solved.point(iteration)?["upper_objective"]?.number)
            #expect(abs(found - loss) <= 1e-6, "iteration \(iteration): \(found)")
        }
        let norm = try #require(solved.point(0)?["hypergradient_norm"]?.number)
        #expect(abs(norm - 0.02856583) <= 5e-9)
    }

    /// The optimum was computed apart from this program: L-BFGS-B (SciPy 1.17.1) on the exact implicit gradient, from the
    /// same start, to a projected gradient of 2e-13.
    @Test func penaltiesImproveOnTheUnpenalisedFit() throws {
        let unpenalised = 0.4639618716566681
        let optimum = 0.4480147053148355
        let solved = try solve(Repository.example("ridge-per-feature"))
        #expect(solved.finished.ending == .status(0))
        #expect(solved.objective < unpenalised)
        #expect(abs(solved.objective - optimum) <= 1e-9)
        // Features that only harm are shut out, those that only help are freed; the bounds are [-8, 4].
        let bounded = [0: 4.0, 1: -8, 3: -8, 4: -8, 5: -8, 6: 4, 9: 4]
        let penalties = solved.variable("lambda")
        #expect(bounded.allSatisfy { penalties[$0.key] == $0.value })
    }

    /// Where a site of worth w has a wall x, the attack is w/(2(1 + x)), half of it repaired: x = w/2 − 1, or 0.
    @Test func threeLevelsMeetTheirBounds() throws {
        let solved = try solve(Repository.example("defender-attacker-defender"))
        #expect(solved.finished.ending == .status(0))
        #expect(agrees(solved.variable("wall"), [0, 1, 3]) && solved.variable("wall")[0] == 0)
        #expect(agrees(solved.objective, 10.25))
    }

    @Test func fourLevelsFindTheirOptimum() throws {
        let solved = try solve(Repository.example("four-level-chain"))
        #expect(solved.finished.ending == .status(0))
        #expect(agrees(solved.variable("x1"), [28.0 / 25]))
        #expect(agrees(solved.objective, 1.0 / 50))
    }

    /// The objectives of the same steps as JAX computed them; the reference at the start solves what the steps do not.
    @Test func unrolledLevelsFollowTheirSteps() throws {
        let solved = try solve(Repository.example("trilevel-robust-ridge"))
        #expect(solved.finished.ending == .status(1))
        for (iteration, value) in [(1, 0.49713055739345685), (10, 0.49707070928261804), (19, 0.49701178467034696)] {
            let found = try #require(solved.point(iteration)?["upper_objective"]?.number)
            #expect(abs(found - value) <= 1e-10 * value, "iteration \(iteration): \(found)")
        }
    }

    /// Five levels of a hundred variables: P11 a hundred times.
    @Test func fiveLevelsOfAHundredVariables() throws {
        let solved = try solve(Repository.example("five-level-chain"))
        #expect(solved.finished.ending == .status(0))
        for (name, value) in [("a", 1025.0), ("b", 533), ("c", -123), ("d", -779), ("e", 656)] {
            #expect(agrees(solved.variable(name), (0..<100).map { _ in value / 881 }))
        }
        #expect(agrees(solved.objective, 100 * 81 / 1762))
        for level in 0...3 { #expect(try #require(solved.result?["levels"]?[level]?["residual"]?.number) <= 1e-8) }
    }

    /// Batches come near the solution, which SciPy finds by solving the levels one in the other: F = 0.5268801892914882.
    @Test func batchesAtEveryLevelComeNearTheSolution() throws {
        let solved = try solve(Repository.example("trilevel-penalties-on-batches"))
        #expect(solved.finished.ending == .status(1))
        #expect(solved.result?["termination"]?.text == "iteration_limit")
        #expect(solved.result?["method"]?["name"]?.text == "tsg")
        #expect(solved.objective >= 0.5268801892 && solved.objective <= 0.5275)
        let start = try #require(solved.point(0)?["upper_objective"]?.number)
        #expect(abs(start - 0.5379469311122511) <= 1e-9)
    }

    /// Nine labels are wrong: their images are trusted less than most others, and so are better validated.
    @Test func threeLevelsFindWrongLabels() throws {
        let solved = try solve(Repository.example("trilevel-data-cleaning"))
        #expect(solved.finished.ending == .status(0))
        let wrong: Set<Int> = [3, 4, 12, 14, 17, 22, 24, 27, 28]
        let weights = solved.variable("s")
        let doubted = weights.indices.filter { wrong.contains($0) }.map { weights[$0] }
        let trusted = weights.indices.filter { !wrong.contains($0) }.map { weights[$0] }
        let ordered = doubted.reduce(0) { sum, weight in sum + trusted.filter { $0 > weight }.count }
        #expect(Double(ordered) >= 0.85 * Double(doubted.count * trusted.count))
        let start = try #require(solved.point(0)?["upper_objective"]?.number)
        #expect(solved.objective < start - 0.1)
        let check = try #require(solved.result?["certificate"]?["finite_difference"]?["relative_error"]?.number)
        #expect(check <= 1e-6)
    }

    /// The follower answers y = 2x/(1 + w), so the leader does best with w = 1, in the middle one of its three valleys.
    @Test func theBestOfManyStartsIsFound() throws {
        let solved = try solve(Repository.example("sweep-of-starts"))
        #expect(solved.finished.ending == .status(0))
        var (low, high) = (0.9, 1.2)
        for _ in 0..<60 {
            let middle = 0.5 * (low + high)
            if 0.2 * (middle - 1) - 3 * sin(3 * middle) < 0 { low = middle } else { high = middle }
        }
        #expect(agrees(solved.variable("x"), [low]) && agrees(solved.variable("y"), [low]))
        #expect(agrees(solved.objective, 0.1 * (low - 1) * (low - 1) + cos(3 * low)))
        let best = try #require(solved.result?["best_member"]?.integer)
        #expect(solved.result?["members"]?[best]?["settings"]?["/problem/data/weight/value"]?.number == 1)
        let ends = solved.events.filter { $0["type"]?.text == "member" }.compactMap { $0["data"]?["member"]?.integer }
        #expect(Set(ends) == Set(0..<18) && ends.count == 18)
        let points = solved.events.filter { $0["type"]?.text == "progress" }
        #expect(Set(points.compactMap { $0["data"]?["member"]?.integer }) == Set(0..<18))
    }

    /// Per level: counts in progress and result, seconds in progress and timings, a certificate.
    @Test func levelsAreReported() throws {
        let solved = try solve(Repository.example("four-level-chain"))
        let names = ["second", "third", "fourth"]
        let first = try #require(solved.point(0)?["levels"])
        let certificates = try #require(solved.result?["certificate"]?["levels"])
        for (index, name) in names.enumerated() {
            #expect(first[index]?["name"]?.text == name && (first[index]?["seconds"]?.number ?? -1) >= 0)
            #expect((first[index]?["oracle"]?["gradient"]?.number ?? 0) > 0)
            #expect(certificates[index]?["kind"]?.text == "verified")
            #expect((certificates[index]?["curvature"]?["min"]?.number ?? 0) > 0)
            #expect((solved.result?["levels"]?[index]?["oracle"]?["solves"]?.number ?? 0) > 0)
            #expect((solved.result?["timings"]?["levels_s"]?[name]?.number ?? -1) >= 0)
        }
    }

    /// The adversary leaves little of the coefficients, whose squared norm is 0.22 without it; the objective is that of
    /// the best point of a grid whose points are solved one by one, which `make robust-tuning` prints.
    @Test func threeLevelsTuneARobustRegression() throws {
        let solved = try solve(Repository.example("trilevel-robust-tuning"))
        #expect(solved.finished.ending == .status(0))
        let square = solved.variable("theta").reduce(0) { $0 + $1 * $1 }
        #expect(square > 7e-4 && square < 9e-4)
        #expect(abs(solved.objective - 0.7957) <= 1e-3)
        let certificate = try #require(solved.result?["certificate"])
        #expect(try #require(certificate["finite_difference"]?["relative_error"]?.number) <= 1e-6)
        for level in 0...1 { #expect(certificate["levels"]?[level]?["kind"]?.text == "verified") }
    }
}
