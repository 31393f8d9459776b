// Documents that keep a worker busy for about a second, write states all the time, and always end in the same bytes.

/// Documents for tests of the service.
package enum SampleDocuments {
    /// Solved in no time.
    package static let quick = """
        {"problem": {"levels": [
          {"variables": {"x": {"start": 0}}, "minimize": "0.5 * (y - 6)^2 + 0.5 * x^2"},
          {"variables": {"y": {"start": 0}}, "minimize": "(y - 3 * x)^2"}]}}
        """

    /// Reverse differentiation through a hundred inner steps, again and again.
    package static func unrolled(iterations: Int, checkpointSeconds: Double = 0.02) -> String {
        """
        {"problem": {
           "data": {"A": {"random": {"normal": [400, 40], "seed": 1}}, "b": {"random": {"normal": [400], "seed": 2}},
                    "C": {"random": {"normal": [300, 40], "seed": 3}}, "c": {"random": {"normal": [300], "seed": 4}}},
           "levels": [
             {"variables": {"p": {"shape": [40], "start": 0}}, "minimize": "mean((C @ w - c)^2) + 0.01 * sum(p^2)"},
             {"variables": {"w": {"shape": [40], "start": 0}},
              "minimize": "mean(softplus(A @ w) + (A @ w - b)^2) + sum(exp(p) * w^2)"}]},
         "method": {"name": "itd", "lower_solver": {"step": 0.05, "steps": 100},
                    "upper_step": {"step": 0.01, "momentum": 0.5}},
         "limits": {"iterations": \(iterations)}, "tolerances": {"hypergradient": 0},
         "checkpoint": {"every_seconds": \(checkpointSeconds)}}
        """
    }

    /// Runs until it is asked to end.
    package static let endless = unrolled(iterations: 1_000_000, checkpointSeconds: 3_600)

    /// Thousands of small stochastic steps: most of the work is in events.
    package static func stochastic(iterations: Int) -> String {
        """
        {"problem": {
           "data": {"A": {"random": {"normal": [300, 10], "seed": 5}}, "b": {"random": {"normal": [300], "seed": 6}},
                    "C": {"random": {"normal": [200, 10], "seed": 7}}, "c": {"random": {"normal": [200], "seed": 8}}},
           "samples": {"train": {"arrays": ["A", "b"], "batch": 50}, "validation": {"arrays": ["C", "c"], "batch": 50}},
           "levels": [
             {"variables": {"p": {"shape": [10], "start": 0}}, "minimize": "mean((C @ w - c)^2) + 0.01 * sum(p^2)"},
             {"variables": {"w": {"shape": [10], "start": 0}}, "minimize": "mean((A @ w - b)^2) + sum(exp(p) * w^2)"}]},
         "method": "soba", "limits": {"iterations": \(iterations)}, "tolerances": {"hypergradient": 0}, "seed": 11,
         "checkpoint": {"every_seconds": 0.05}}
        """
    }

    /// An example of the served ones with another number of iterations and states often: it reads its data sets.
    package static func logistic(port: Int, iterations: Int) throws -> String {
        let example = try exchange(port, "GET", "/v1/examples/logistic-per-feature").text
        let limits = "\"limits\": {\"iterations\": 990}"
        guard example.contains(limits) else { throw HarnessError("the example has other limits than \(limits)") }
        return example.replacing(
            limits, with: "\"limits\": {\"iterations\": \(iterations)}, \"checkpoint\": {\"every_seconds\": 0.05}")
    }
}

/// The arguments of a test's command: `--name value` pairs.
package struct Options {
    private var values: [String: String] = [:]

    package init(_ arguments: [String]) throws {
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst() else {
                throw HarnessError("wanted --name value, came \(name)")
            }
            values[String(name.dropFirst(2))] = value
        }
    }

    package subscript(name: String) -> String? { values[name] }

    /// A number, or what stands for a missing one.
    package func number(_ name: String, or otherwise: Int) throws -> Int {
        guard let text = values[name] else { return otherwise }
        guard let number = Int(text), number > 0 else { throw HarnessError("--\(name) wants a number, came \(text)") }
        return number
    }
}
