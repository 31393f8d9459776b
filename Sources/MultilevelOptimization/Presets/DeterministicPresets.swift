// The rows of the methods that take full gradients.

/// Methods with full gradients.
enum DeterministicPresets {
    static let rows: [MethodPreset] = implicit + unrolled + approximate + initialisation + searches + nested

    private static let implicit: [MethodPreset] = [
        aid("aid", nil, "the linear system by a solver that suits its size and symmetry", "Grazzi et al., ICML 2020"),
        aid(
            "aid-cg", "cg", "the linear system by conjugate gradients", "Pedregosa, ICML 2016; Grazzi et al., ICML 2020"
        ),
        MethodPreset(
            name: "aid-fixed-point",
            summary: "Approximate implicit differentiation; the linear system by fixed-point iteration.",
            source: "Grazzi et al., ICML 2020", axes: implicitAxes("fixed-point"),
            parameters: lower + linear(steps: "100000", tolerance: 1e-12) + [dampingStep] + upper,
            needs: MethodNeed.secondOrder),
        aid(
            "aid-normal-equations", "normal-equations",
            "the linear system by conjugate gradients on its normal equations",
            "Hestenes & Stiefel 1952; Grazzi et al., ICML 2020"),
        aid("aid-gmres", "gmres", "the linear system by restarted GMRES", "Saad & Schultz 1986"),
        aid("aid-minres", "minres", "the linear system by MINRES, for symmetric matrices", "Paige & Saunders 1975"),
        aid("aid-bicgstab", "bicgstab", "the linear system by stabilised biconjugate gradients", "van der Vorst 1992"),
        MethodPreset(
            name: "aid-neumann",
            summary: "Approximate implicit differentiation; the inverse by a Neumann series.",
            source: "Lorraine, Vicol & Duvenaud, AISTATS 2020; Grazzi et al., ICML 2020", axes: implicitAxes("neumann"),
            parameters: lower
                + [MethodParameter(.linearSolver, "steps", .whole(10), ParameterRange.count), dampingStep] + upper,
            needs: MethodNeed.secondOrder),
        aid("aid-direct", nil, "the linear system by factors where it is small", "Golub & Van Loan, 2013"),
        MethodPreset(
            name: "hoag",
            summary:
                "Implicit differentiation with tolerances of both inner solves that fall from iteration to iteration.",
            source: "Pedregosa, ICML 2016", axes: implicitAxes("auto"), parameters: lower + upper,
            needs: MethodNeed.secondOrder),
    ]

    private static let unrolled: [MethodPreset] = [
        itd("itd", "reverse mode through the steps of the lower solver", [truncate("all steps"), checkpoints(false)]),
        itd("itd-truncated", "reverse mode through the last steps of the lower solver", [truncate("10")]),
        itd(
            "itd-checkpoints", "reverse mode, with the steps between every √T-th computed again",
            [truncate("all steps"), checkpoints(true)]),
        MethodPreset(
            name: "itd-forward",
            summary: "Iterative differentiation: forward mode through the steps of the lower solver.",
            source: "Franceschi et al., ICML 2017; Grazzi et al., ICML 2020", axes: unrolledAxes("unrolled-forward"),
            parameters: steps(100) + upper, needs: MethodNeed.secondOrder + [.smoothLowerLevel]),
    ]

    private static let approximate: [MethodPreset] = [
        first(
            "darts", "The last lower step alone, its mixed product by a difference of gradients.",
            "Liu, Simonyan & Yang, ICLR 2019", ("gradient-descent", "implicit", "identity"), steps(1) + [radius(0.01)]),
        first(
            "sama", "As darts, with Adam's step as the lower one.", "Choe et al., NeurIPS 2023",
            ("adam", "implicit", "adam-identity"), steps(10) + [radius(0.01)]),
        first(
            "iga", "The lower Hessian approximated by the rank-one matrix of its gradient.",
            "Liu, Liu, Yuan, Zeng & Zhang, ICML 2021", ("gradient-descent", "implicit", "rank-one"), steps(10)),
        first(
            "bome", "The gap between the lower objective and its value after a few steps, as a penalty.",
            "Ye et al., NeurIPS 2022", ("gradient-descent", "penalty", nil),
            steps(10) + [MethodParameter(.hypergradient, "weight", .number(0.5), "positive number")]),
        first(
            "pzobo", "Differences of the lower solver's result along random directions.",
            "Sow, Ji & Liang, NeurIPS 2022",
            ("gradient-descent", "zeroth-order", nil),
            steps(10) + [
                MethodParameter(.hypergradient, "directions", .whole(10), ParameterRange.count), radius(0.1),
            ]),
    ]

    private static let initialisation: [MethodPreset] = [
        itd(
            "maml", "a start that is a formula learns from all derivatives of a few steps", [], steps: 5,
            "Finn, Abbeel & Levine, ICML 2017"),
        first(
            "fomaml", "A start that is a formula learns from the gradient after a few steps.",
            "Finn, Abbeel & Levine, ICML 2017", ("gradient-descent", "initialisation", nil), steps(5)),
        first(
            "reptile", "A start that is a formula moves towards where a few steps lead.",
            "Nichol, Achiam & Schulman 2018",
            ("gradient-descent", "initialisation", nil), steps(5)),
    ]

    private static let searches: [MethodPreset] = [
        search(
            "random-search", "Uniform points of the upper box, the lower level solved.", "Bergstra & Bengio, JMLR 2012"),
        search(
            "tpe", "Points of the upper box by tree-structured Parzen estimators, the lower level solved.",
            "Bergstra, Bardenet, Bengio & Kégl, NeurIPS 2011"),
    ]

    private static let nested: [MethodPreset] = [
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
        MethodPreset(
            name: "unrolled",
            summary:
                "Every level replaced by a number of its steps, the hypergradient by reverse mode through all of them; levels chooses for single ones.",
            source: "Sato, Tanaka and Takeda, NeurIPS 2021",
            axes: [
                (.lowerSolver, "gradient-descent"), (.hypergradient, "unrolled-reverse"),
                (.upperStep, "projected-gradient"), (.estimator, "full"), (.loop, "double"),
            ],
            parameters: [
                MethodParameter(.lowerSolver, "step", .rule("given"), ParameterRange.step),
                MethodParameter(.lowerSolver, "steps", .whole(100), ParameterRange.count),
            ] + upper,
            needs: MethodNeed.secondOrder),
    ]

    private static func aid(_ name: String, _ solver: String?, _ words: String, _ source: String) -> MethodPreset {
        let restart = MethodParameter(.linearSolver, "restart", .whole(50), ParameterRange.count)
        return MethodPreset(
            name: name, summary: "Approximate implicit differentiation; \(words).", source: source,
            axes: implicitAxes(solver ?? "auto"),
            parameters: lower + linear(steps: "max(1000, 10 * lower variables)", tolerance: 1e-13)
                + (solver == "gmres" ? [restart] : []) + upper,
            needs: MethodNeed.secondOrder)
    }

    private static func itd(
        _ name: String, _ words: String, _ own: [MethodParameter], steps count: Int = 100,
        _ source: String = "Maclaurin et al., ICML 2015; Franceschi et al., ICML 2017; Grazzi et al., ICML 2020"
    ) -> MethodPreset {
        MethodPreset(
            name: name, summary: "Iterative differentiation: \(words).", source: source,
            axes: unrolledAxes("unrolled-reverse"), parameters: steps(count) + own + upper,
            needs: MethodNeed.secondOrder)
    }

    private static func first(
        _ name: String, _ summary: String, _ source: String, _ axes: (String, String, String?),
        _ parameters: [MethodParameter]
    ) -> MethodPreset {
        let linear = axes.2.map { [(MethodAxis.linearSolver, $0)] } ?? []
        return MethodPreset(
            name: name, summary: summary, source: source,
            axes: [(.lowerSolver, axes.0), (.hypergradient, axes.1)] + linear
                + [(.upperStep, "adam"), (.estimator, "full"), (.loop, "double")],
            parameters: parameters + adam, needs: [.lowerGradient, .upperGradient])
    }

    private static func search(_ name: String, _ summary: String, _ source: String) -> MethodPreset {
        MethodPreset(
            name: name, summary: summary, source: source,
            axes: [
                (.lowerSolver, "l-bfgs"), (.hypergradient, "implicit"), (.linearSolver, "auto"), (.estimator, "full"),
                (.loop, "double"),
            ],
            parameters: lower + linear(steps: "max(1000, 10 * lower variables)", tolerance: 1e-13),
            needs: MethodNeed.secondOrder)
    }

    private static func unrolledAxes(_ mode: String) -> [(MethodAxis, String)] {
        [
            (.lowerSolver, "gradient-descent"), (.hypergradient, mode), (.upperStep, "projected-gradient"),
            (.estimator, "full"), (.loop, "double"),
        ]
    }

    private static func steps(_ count: Int) -> [MethodParameter] {
        [
            MethodParameter(.lowerSolver, "step", .rule("auto"), ParameterRange.step),
            MethodParameter(.lowerSolver, "steps", .whole(count), ParameterRange.count),
        ] + momenta
    }

    private static let momenta = [
        MethodParameter(
            .lowerSolver, "momentum", .rule("0.9 of heavy-ball, t/(t+3) of nesterov"),
            "number from 0 to below 1, heavy-ball and nesterov only"),
        MethodParameter(.lowerSolver, "beta1", .number(0.9), "number from 0 to below 1, adam only"),
        MethodParameter(.lowerSolver, "beta2", .number(0.999), "number from 0 to below 1, adam only"),
        MethodParameter(.lowerSolver, "epsilon", .number(1e-8), "positive number, adam only"),
    ]

    private static let dampingStep = MethodParameter(
        .linearSolver, "step", .rule("the lower solver's, or from curvature"), "positive number")

    private static func truncate(_ rule: String) -> MethodParameter {
        MethodParameter(.hypergradient, "truncate", .rule(rule), ParameterRange.count)
    }

    private static func checkpoints(_ value: Bool) -> MethodParameter {
        MethodParameter(.hypergradient, "checkpoints", .flag(value), ParameterRange.flag)
    }

    private static func radius(_ value: Double) -> MethodParameter {
        MethodParameter(.hypergradient, "radius", .number(value), "positive number")
    }

    private static func implicitAxes(_ linear: String) -> [(MethodAxis, String)] {
        [
            (.lowerSolver, "l-bfgs"), (.hypergradient, "implicit"), (.linearSolver, linear),
            (.upperStep, "projected-gradient"), (.estimator, "full"), (.loop, "double"),
        ]
    }

    private static let lower = [
        MethodParameter(
            .lowerSolver, "memory", .rule("10 of l-bfgs, 5 of anderson"), ParameterRange.count + ", l-bfgs and anderson"
        ),
        MethodParameter(
            .lowerSolver, "steps", .rule("2000 of l-bfgs, 200 of newton-cg, else 100000"), ParameterRange.count),
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
        MethodParameter(.upperStep, "memory", .whole(10), ParameterRange.count + ", l-bfgs only"),
    ]

    private static let adam = [
        MethodParameter(.upperStep, "step", .rule("0.1/sqrt(t+1)"), ParameterRange.step),
        MethodParameter(.upperStep, "beta1", .number(0.9), "number from 0 to below 1"),
        MethodParameter(.upperStep, "beta2", .number(0.999), "number from 0 to below 1"),
        MethodParameter(.upperStep, "epsilon", .number(1e-8), "positive number"),
    ]
}
