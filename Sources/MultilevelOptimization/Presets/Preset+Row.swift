// The rows of the methods that take full gradients, and SOBA's.

extension Preset {
    /// The row of the table.
    var row: MethodPreset {
        switch self {
        case .aid:
            aid(nil, "the linear system by a solver that suits its size and symmetry", "Grazzi et al., ICML 2020")
        case .aidCG:
            aid("cg", "the linear system by conjugate gradients", "Pedregosa, ICML 2016; Grazzi et al., ICML 2020")
        case .aidFixedPoint:
            implicit(
                "Approximate implicit differentiation; the linear system by fixed-point iteration.",
                "Grazzi et al., ICML 2020", "fixed-point",
                Self.linear(steps: "100000", tolerance: 1e-12) + [Self.dampingStep])
        case .aidNormalEquations:
            aid(
                "normal-equations", "the linear system by conjugate gradients on its normal equations",
                "Hestenes & Stiefel 1952; Grazzi et al., ICML 2020")
        case .aidGMRES: aid("gmres", "the linear system by restarted GMRES", "Saad & Schultz 1986")
        case .aidMINRES:
            aid("minres", "the linear system by MINRES, for symmetric matrices", "Paige & Saunders 1975")
        case .aidBiCGStab:
            aid("bicgstab", "the linear system by stabilised biconjugate gradients", "van der Vorst 1992")
        case .aidNeumann:
            implicit(
                "Approximate implicit differentiation; the inverse by a Neumann series.",
                "Lorraine, Vicol & Duvenaud, AISTATS 2020; Grazzi et al., ICML 2020", "neumann",
                [MethodParameter(.linearSolver, "steps", .whole(10), ParameterRange.count), Self.dampingStep])
        case .aidDirect: aid(nil, "the linear system by factors where it is small", "Golub & Van Loan, 2013")
        case .hoag:
            implicit(
                "Implicit differentiation with tolerances of both inner solves that fall from iteration to iteration.",
                "Pedregosa, ICML 2016", "auto", [])
        case .itd:
            itd("reverse mode through the steps of the lower solver", [truncate("all steps"), checkpoints(false)])
        case .itdTruncated: itd("reverse mode through the last steps of the lower solver", [truncate("10")])
        case .itdCheckpoints:
            itd(
                "reverse mode, with the steps between every √T-th computed again",
                [truncate("all steps"), checkpoints(true)])
        case .itdForward:
            row(
                "Iterative differentiation: forward mode through the steps of the lower solver.",
                "Franceschi et al., ICML 2017; Grazzi et al., ICML 2020", Self.unrolledAxes("unrolled-forward"),
                steps(100) + Self.upper, needs: MethodNeed.secondOrder + [.smoothLowerLevel])
        case .darts:
            first(
                "The last lower step alone, its mixed product by a difference of gradients.",
                "Liu, Simonyan & Yang, ICLR 2019", ("gradient-descent", "implicit", "identity"),
                steps(1) + [radius(0.01)])
        case .sama:
            first(
                "As darts, with Adam's step as the lower one.", "Choe et al., NeurIPS 2023",
                ("adam", "implicit", "adam-identity"), steps(10) + [radius(0.01)])
        case .iga:
            first(
                "The lower Hessian approximated by the rank-one matrix of its gradient.",
                "Liu, Liu, Yuan, Zeng & Zhang, ICML 2021", ("gradient-descent", "implicit", "rank-one"), steps(10))
        case .bome:
            first(
                "The gap between the lower objective and its value after a few steps, as a penalty.",
                "Ye et al., NeurIPS 2022", ("gradient-descent", "penalty", nil),
                steps(10) + [weight(0.5)], Self.joint)
        case .pgdo:
            first(
                "The same gap with a given, growing weight; both levels' variables move by one step.",
                "Shen & Chen, ICML 2023 (V-PBGD)", ("gradient-descent", "penalty", nil),
                steps(10) + [weight(1), growth(1.0 / 3)], Self.joint)
        case .meha:
            first(
                "The gap to the Moreau envelope of the lower objective with a growing weight; one step on each variable.",
                "Liu, Liu, Yao, Zeng & Zhang, ICML 2024", ("gradient-descent", "penalty", nil),
                [weight(1), growth(1.0 / 3), radius(1)], Self.joint)
        case .bvfim:
            first(
                "The lower level's value as a constraint, kept by a barrier that fades.",
                "Liu, Liu, Yuan, Zeng & Zhang, ICML 2021", ("gradient-descent", "penalty", nil),
                [MethodParameter(.lowerSolver, "steps", .whole(10), ParameterRange.count), weight(1), growth(1)])
        case .gda:
            itd(
                "reverse mode through steps along both objectives, the upper one's share falling as weight/(t+1)",
                [MethodParameter(.hypergradient, "weight", .number(0.5), "number above 0, at most 1")],
                "Liu, Mu, Yuan, Zeng & Zhang, ICML 2020 (BDA)")
        case .di:
            row(
                "Iterative differentiation from a lower start that is learned with x, up to the worst of the steps.",
                "Liu, Liu, Zeng & Zhang, NeurIPS 2021 (IAPTT-GM)",
                [
                    (.lowerSolver, "gradient-descent"), (.hypergradient, "unrolled-reverse"), (.upperStep, "adam"),
                    (.estimator, "full"), (.loop, "double"),
                ], steps(20) + Self.adam)
        case .pzobo:
            first(
                "Differences of the lower solver's result along random directions.", "Sow, Ji & Liang, NeurIPS 2022",
                ("gradient-descent", "zeroth-order", nil),
                steps(10) + [
                    MethodParameter(.hypergradient, "directions", .whole(10), ParameterRange.count), radius(0.1),
                ])
        case .maml:
            itd(
                "a start that is a formula learns from all derivatives of a few steps", [], steps: 5,
                "Finn, Abbeel & Levine, ICML 2017")
        case .fomaml:
            first(
                "A start that is a formula learns from the gradient after a few steps.",
                "Finn, Abbeel & Levine, ICML 2017", ("gradient-descent", "initialisation", nil), steps(5))
        case .reptile:
            first(
                "A start that is a formula moves towards where a few steps lead.", "Nichol, Achiam & Schulman 2018",
                ("gradient-descent", "initialisation", nil), steps(5))
        case .randomSearch:
            search("Uniform points of the upper box, the lower level solved.", "Bergstra & Bengio, JMLR 2012")
        case .tpe:
            search(
                "Points of the upper box by tree-structured Parzen estimators, the lower level solved.",
                "Bergstra, Bardenet, Bengio & Kégl, NeurIPS 2011")
        case .implicit:
            row(
                "Every best response by Newton's method, the hypergradient by implicit differentiation through all "
                    + "levels.",
                "Sato et al., NeurIPS 2021 (n levels); Nocedal & Wright, Numerical Optimization, 2006",
                [
                    (.lowerSolver, "newton"), (.hypergradient, "implicit"), (.upperStep, "projected-gradient"),
                    (.estimator, "full"), (.loop, "double"),
                ],
                [
                    MethodParameter(
                        .lowerSolver, "tolerance", .rule("0.1 * min(tolerances.hypergradient, 1e-11)"),
                        ParameterRange.tolerance),
                    MethodParameter(.lowerSolver, "warm_start", .flag(true), ParameterRange.flag),
                ] + Self.upper)
        case .unrolled:
            row(
                "Every level replaced by a number of its steps, the hypergradient by reverse mode through all of them; "
                    + "levels chooses for single ones.", "Sato, Tanaka and Takeda, NeurIPS 2021",
                Self.unrolledAxes("unrolled-reverse"),
                [
                    MethodParameter(.lowerSolver, "step", .rule("given"), ParameterRange.step),
                    MethodParameter(.lowerSolver, "steps", .whole(100), ParameterRange.count),
                ] + Self.upper)
        case .tsg:
            row(
                "Steps on batches at every level of three or more, each level's total derivative by linear solves at the present points.",
                "Giovannelli, Kent & Vicente, arXiv 2505.06805, 2025",
                [
                    (.lowerSolver, "sgd"), (.hypergradient, "implicit"), (.linearSolver, "auto"),
                    (.upperStep, "projected-gradient"), (.estimator, "sgd"), (.loop, "double"), (.schedule, "power"),
                ],
                [
                    MethodParameter(.lowerSolver, "step", .rule("auto, / (t+1)^0.4"), ParameterRange.sampledStep),
                    MethodParameter(.lowerSolver, "steps", .whole(1), ParameterRange.count),
                    MethodParameter(
                        .linearSolver, "steps", .whole(NestedStochasticConfiguration.defaultProducts),
                        ParameterRange.count),
                    MethodParameter(.linearSolver, "step", .rule("auto"), "positive number, neumann only"),
                    MethodParameter(
                        .upperStep, "step", .rule("auto, / (t+1)^0.6"),
                        ParameterRange.sampledStep + ", or \"line_search\""),
                ], needs: MethodNeed.secondOrder)
        case .soba:
            row(
                "Lower variables, linear system and upper variables move together, on one batch of each level.",
                "Dagréou et al., NeurIPS 2022",
                [
                    (.lowerSolver, "sgd"), (.hypergradient, "implicit"), (.linearSolver, "sgd"),
                    (.upperStep, "projected-gradient"), (.estimator, "sgd"), (.loop, "single"), (.schedule, "power"),
                ],
                [
                    MethodParameter(.lowerSolver, "step", .rule("auto, / (t+1)^0.5"), ParameterRange.sampledStep),
                    MethodParameter(.upperStep, "step", .rule("auto, / (t+1)^0.5"), ParameterRange.sampledStep),
                ], needs: MethodNeed.secondOrder + [.samples, .smoothLowerLevel])
        }
    }

    private func row(
        _ summary: String, _ source: String, _ axes: [(MethodAxis, String)], _ parameters: [MethodParameter],
        needs: [MethodNeed] = MethodNeed.secondOrder
    ) -> MethodPreset {
        MethodPreset(
            name: rawValue, summary: summary, source: source, axes: axes, parameters: parameters, needs: needs)
    }

    private func implicit(
        _ summary: String, _ source: String, _ solver: String, _ own: [MethodParameter]
    ) -> MethodPreset {
        row(summary, source, Self.implicitAxes(solver), Self.lower + own + Self.upper)
    }

    private func aid(_ solver: String?, _ words: String, _ source: String) -> MethodPreset {
        let restart = MethodParameter(.linearSolver, "restart", .whole(50), ParameterRange.count)
        return implicit(
            "Approximate implicit differentiation; \(words).", source, solver ?? "auto",
            Self.linear(steps: "max(1000, 10 * lower variables)", tolerance: 1e-13)
                + (solver == "gmres" ? [restart] : []))
    }

    private func itd(
        _ words: String, _ own: [MethodParameter], steps count: Int = 100,
        _ source: String = "Maclaurin et al., ICML 2015; Franceschi et al., ICML 2017; Grazzi et al., ICML 2020"
    ) -> MethodPreset {
        row(
            "Iterative differentiation: \(words).", source, Self.unrolledAxes("unrolled-reverse"),
            steps(count) + own + Self.upper)
    }

    private func first(
        _ summary: String, _ source: String, _ axes: (String, String, String?), _ parameters: [MethodParameter],
        _ upper: [MethodParameter] = Preset.adam
    ) -> MethodPreset {
        let linear = axes.2.map { [(MethodAxis.linearSolver, $0)] } ?? []
        return row(
            summary, source,
            [(.lowerSolver, axes.0), (.hypergradient, axes.1)] + linear
                + [
                    (.upperStep, upper == Self.adam ? "adam" : "projected-gradient"), (.estimator, "full"),
                    (.loop, "double"),
                ],
            parameters + upper, needs: [.lowerGradient, .upperGradient])
    }

    private func search(_ summary: String, _ source: String) -> MethodPreset {
        row(
            summary, source,
            [
                (.lowerSolver, "l-bfgs"), (.hypergradient, "implicit"), (.linearSolver, "auto"), (.estimator, "full"),
                (.loop, "double"),
            ], Self.lower + Self.linear(steps: "max(1000, 10 * lower variables)", tolerance: 1e-13))
    }

    private static func unrolledAxes(_ mode: String) -> [(MethodAxis, String)] {
        [
            (.lowerSolver, "gradient-descent"), (.hypergradient, mode), (.upperStep, "projected-gradient"),
            (.estimator, "full"), (.loop, "double"),
        ]
    }

    private func steps(_ count: Int) -> [MethodParameter] {
        [
            MethodParameter(.lowerSolver, "step", .rule("auto"), ParameterRange.step),
            MethodParameter(.lowerSolver, "steps", .whole(count), ParameterRange.count),
        ] + Self.momenta
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

    private func truncate(_ rule: String) -> MethodParameter {
        MethodParameter(.hypergradient, "truncate", .rule(rule), ParameterRange.count)
    }

    private func checkpoints(_ value: Bool) -> MethodParameter {
        MethodParameter(.hypergradient, "checkpoints", .flag(value), ParameterRange.flag)
    }

    private func weight(_ value: Double) -> MethodParameter {
        MethodParameter(.hypergradient, "weight", .number(value), "positive number")
    }

    private func growth(_ value: Double) -> MethodParameter {
        MethodParameter(.hypergradient, "growth", .number(value), "number from 0")
    }

    private func radius(_ value: Double) -> MethodParameter {
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

    /// Of both levels' variables.
    private static let joint = [MethodParameter(.upperStep, "step", .rule("auto"), ParameterRange.step)]

    private static let adam = [
        MethodParameter(.upperStep, "step", .rule("0.1/sqrt(t+1)"), ParameterRange.step),
        MethodParameter(.upperStep, "beta1", .number(0.9), "number from 0 to below 1"),
        MethodParameter(.upperStep, "beta2", .number(0.999), "number from 0 to below 1"),
        MethodParameter(.upperStep, "epsilon", .number(1e-8), "positive number"),
    ]
}
