// The rows of the methods that take full gradients.

/// Methods with full gradients.
enum DeterministicPresets {
    static let rows: [MethodPreset] = [
        MethodPreset(
            name: "aid-cg",
            summary: "Approximate implicit differentiation; the linear system by conjugate gradients.",
            source: "Pedregosa, ICML 2016; Grazzi et al., ICML 2020",
            axes: implicitAxes("cg"),
            parameters: lbfgs + linear(steps: "max(1000, 10 * lower variables)", tolerance: 1e-13) + upper,
            needs: MethodNeed.secondOrder),
        MethodPreset(
            name: "aid-fixed-point",
            summary: "Approximate implicit differentiation; the linear system by fixed-point iteration.",
            source: "Grazzi et al., ICML 2020",
            axes: implicitAxes("fixed-point"),
            parameters: lbfgs
                + linear(steps: "100000", tolerance: 1e-12)
                + [
                    MethodParameter(
                        .linearSolver, "step", .rule("the lower solver's, or from curvature"), "positive number")
                ]
                + upper,
            needs: MethodNeed.secondOrder),
        MethodPreset(
            name: "itd",
            summary: "Iterative differentiation: reverse mode through the steps of the lower solver.",
            source: "Maclaurin et al., ICML 2015; Franceschi et al., ICML 2017; Grazzi et al., ICML 2020",
            axes: [
                (.lowerSolver, "gradient-descent"), (.hypergradient, "unrolled-reverse"),
                (.upperStep, "projected-gradient"), (.estimator, "full"), (.loop, "double"),
            ],
            parameters: [
                MethodParameter(.lowerSolver, "step", .rule("auto"), ParameterRange.step),
                MethodParameter(.lowerSolver, "steps", .whole(100), ParameterRange.count),
                MethodParameter(.lowerSolver, "warm_start", .flag(false), ParameterRange.flag),
                MethodParameter(.hypergradient, "truncate", .rule("all steps"), ParameterRange.count),
            ] + upper,
            needs: MethodNeed.secondOrder),
        MethodPreset(
            name: "implicit",
            summary:
                "Every best response by Newton's method, the hypergradient by implicit differentiation through all levels.",
            source: "Sato et al., NeurIPS 2021 (n levels); Nocedal & Wright, Numerical Optimization, 2006",
            axes: [
                (.lowerSolver, "newton"), (.hypergradient, "implicit"), (.upperStep, "projected-gradient"),
                (.estimator, "full"), (.loop, "double"),
            ],
            parameters: [
                MethodParameter(
                    .lowerSolver, "tolerance", .rule("0.1 * min(tolerances.hypergradient, 1e-11)"),
                    ParameterRange.tolerance),
                MethodParameter(.lowerSolver, "warm_start", .flag(true), ParameterRange.flag),
            ] + upper,
            needs: MethodNeed.secondOrder),
    ]

    private static func implicitAxes(_ linear: String) -> [(MethodAxis, String)] {
        [
            (.lowerSolver, "l-bfgs"), (.hypergradient, "implicit"), (.linearSolver, linear),
            (.upperStep, "projected-gradient"), (.estimator, "full"), (.loop, "double"),
        ]
    }

    private static let lbfgs = [
        MethodParameter(.lowerSolver, "memory", .whole(10), ParameterRange.count + ", l-bfgs only"),
        MethodParameter(.lowerSolver, "steps", .whole(2_000), ParameterRange.count),
        MethodParameter(
            .lowerSolver, "tolerance", .rule("0.1 * min(tolerances.hypergradient, 1e-8)"), ParameterRange.tolerance),
        MethodParameter(.lowerSolver, "warm_start", .flag(true), ParameterRange.flag),
    ]

    private static func linear(steps: String, tolerance: Double) -> [MethodParameter] {
        [
            MethodParameter(.linearSolver, "steps", .rule(steps), ParameterRange.count),
            MethodParameter(.linearSolver, "tolerance", .number(tolerance), ParameterRange.tolerance + ", relative"),
            MethodParameter(.linearSolver, "warm_start", .flag(true), ParameterRange.flag),
        ]
    }

    private static let upper = [
        MethodParameter(.upperStep, "step", .rule("auto"), ParameterRange.step),
        MethodParameter(.upperStep, "momentum", .number(0), "number from 0 to below 1"),
    ]
}
