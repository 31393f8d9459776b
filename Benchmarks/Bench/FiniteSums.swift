// The problems of `make methods-table`: finite sums of 1,000 samples of each level and 20 variables.

/// A problem by the name that the table has for it.
struct FiniteSum {
    let name: String
    let document: String

    /// The shared problem: strongly convex F, a lower level of condition 1.6.
    static let shared = FiniteSum(
        name: "shared", seeds: 1...4, upper: "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)",
        lower: "mean((A @ (y - x) - b)^2) / 2 + 0.05 * sum(y^2)")

    /// Labels ±1, and counts' means, of a linear model with noise.
    private static func labels(_ rows: String, _ noise: String) -> String { "sign(\(rows) @ cos(k) + 4 * \(noise))" }
    private static func logistic(_ rows: String, _ noise: String) -> String {
        "softplus(-\(labels(rows, noise)) * (\(rows) @ y))"
    }
    private static func poisson(_ rows: String, _ noise: String) -> String {
        "exp(0.2 * (\(rows) @ y)) - exp(0.2 * (\(rows) @ cos(k)) + 0.5 * \(noise)) * (0.2 * (\(rows) @ y))"
    }

    /// Lower levels that are followed more slowly, and such that are not quadratic; F that are not strongly convex.
    static let others = [
        FiniteSum(
            name: "κ = 100", seeds: 60...63, upper: "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)",
            lower: "mean((A @ (exp(-0.1212 * k) * (y - x)) - b)^2) / 2"),
        FiniteSum(
            name: "κ = 1,000", seeds: 60...63, upper: "mean((V @ (y - 1) - c)^2) / 2 + 0.05 * sum(x^2)",
            lower: "mean((A @ (exp(-0.1818 * k) * (y - x)) - b)^2) / 2"),
        FiniteSum(
            name: "penalties", seeds: 20...23, upper: "mean((V @ (y - cos(k)) - c)^2) / 2",
            lower: "mean((A @ (y - cos(k)) - 3 * b)^2) / 2 + 0.5 * sum(exp(x) * y^2)"),
        FiniteSum(
            name: "logistic", seeds: 70...73, x: "{\"shape\": []}", upper: "mean(\(logistic("V", "c")))",
            lower: "mean(\(logistic("A", "b"))) + 0.5 * exp(x) * sum(y^2)"),
        FiniteSum(
            name: "logistic penalties", seeds: 70...73, upper: "mean(\(logistic("V", "c")))",
            lower: "mean(\(logistic("A", "b"))) + 0.5 * sum(exp(x) * y^2)"),
        FiniteSum(
            name: "cleaning", seeds: 80...83, x: "{\"shape\": [], \"per\": \"train\"}",
            upper: "mean(\(logistic("V", "c")))",
            lower: "mean(sigmoid(x) * \(logistic("A", "b"))) + 0.05 * sum(y^2)"),
        FiniteSum(
            name: "Poisson", seeds: 90...93, x: "{\"shape\": []}", upper: "mean(\(poisson("V", "c")))",
            lower: "mean(\(poisson("A", "b"))) + 0.5 * exp(x) * sum(y^2)"),
    ]

    /// - Parameters:
    ///   - seeds: of A, b, V and c.
    ///   - x: the declaration of x.
    ///   - upper: f of x, y, V, c and k = (0, …, 19).
    ///   - lower: g of x, y, A, b and k.
    private init(
        name: String, seeds: ClosedRange<Int>, x: String = "{\"shape\": [20]}", upper: String, lower: String
    ) {
        self.name = name
        let data = zip(["A", "b", "V", "c"], seeds).map { name, seed in
            "\"\(name)\": {\"random\": {\"normal\": \(["A", "V"].contains(name) ? "[1000, 20]" : "[1000]"), \"seed\": \(seed)}}"
        }
        document = """
            {"problem": {
              "data": {\(data.joined(separator: ", ")), "k": {"value": \((0..<20).map(Double.init))}},
              "samples": {
                "train": {"arrays": ["A", "b"], "batch": 32}, "validation": {"arrays": ["V", "c"], "batch": 32}},
              "levels": [
                {"variables": {"x": \(x)}, "minimize": "\(upper)"},
                {"variables": {"y": {"shape": [20]}}, "minimize": "\(lower)"}]},
             "method": "saba", "seed": 1}
            """
    }
}
