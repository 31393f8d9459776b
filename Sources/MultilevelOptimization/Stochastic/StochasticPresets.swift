// The rows of the methods that draw batches.

/// Methods on batches.
enum StochasticPresets {
    static let rows: [MethodPreset] = [
        MethodPreset(
            name: "soba",
            summary: "Lower variables, linear system and upper variables move together, on one batch of each level.",
            source: "Dagréou et al., NeurIPS 2022",
            axes: [
                (.lowerSolver, "sgd"), (.hypergradient, "implicit"), (.linearSolver, "sgd"),
                (.upperStep, "projected-gradient"), (.estimator, "sgd"), (.loop, "single"), (.schedule, "power"),
            ],
            parameters: [
                MethodParameter(.lowerSolver, "step", .rule("auto"), stepRange),
                MethodParameter(.upperStep, "step", .rule("auto"), stepRange),
            ],
            needs: MethodNeed.secondOrder + [.samples, .smoothLowerLevel])
    ]

    static let stepRange =
        "positive number, {\"constant\": c}, {\"power\": {\"initial\", \"exponent\"}} or \"auto\""
}
