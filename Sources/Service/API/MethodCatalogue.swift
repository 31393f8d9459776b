// GET /v1/methods: every method of this version, its axes, defaults, needs and source. Beside
// `ProblemSpecification.MethodResolver`, which settles them; a test holds the names against the vocabularies.
import ProblemSpecification

/// Describes methods.
enum MethodCatalogue {
    private static let choices: [(axis: String, values: [String])] = [
        ("lower_solver", LowerSolverName.allCases.map(\.rawValue)),
        ("hypergradient", HypergradientName.allCases.map(\.rawValue)),
        ("linear_solver", LinearSolverName.allCases.map(\.rawValue)),
        ("upper_step", UpperStepName.allCases.map(\.rawValue)),
        ("estimator", EstimatorName.allCases.map(\.rawValue)),
    ]

    /// The whole document.
    static var document: JSONValue {
        var axes = JSONObjectBuilder()
        for (axis, values) in choices { axes.add(axis, .array(values.map(JSONValue.string))) }
        var document = JSONObjectBuilder()
        document.add("items", .array(MethodName.allCases.map(describe)))
        document.add("axes", axes)
        document.add("parameters", parameters)
        return document.value
    }

    private static func describe(_ name: MethodName) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("name", name.rawValue)
        object.add("summary", summary(name))
        object.add("defaults", defaults(name))
        object.add("needs", .array(needs(name).map(JSONValue.string)))
        object.add("source", source(name))
        return object.value
    }

    private static func summary(_ name: MethodName) -> String {
        switch name {
        case .auto: "Chooses among the others by the sizes of the problem, and says why in the result."
        case .aidCG: "Approximate implicit differentiation; the linear system by conjugate gradients."
        case .aidFixedPoint: "Approximate implicit differentiation; the linear system by fixed-point iteration."
        case .itd: "Iterative differentiation: reverse mode through the steps of the lower solver."
        case .implicit:
            "Every best response by Newton's method, the hypergradient by implicit differentiation through all levels."
        case .soba: "Lower variables, linear system and upper variables move together, on one batch of each level."
        }
    }

    private static func source(_ name: MethodName) -> String {
        switch name {
        case .auto: "chosen per problem"
        case .aidCG: "Pedregosa, ICML 2016; Grazzi et al., ICML 2020"
        case .aidFixedPoint: "Grazzi et al., ICML 2020"
        case .itd: "Maclaurin et al., ICML 2015; Franceschi et al., ICML 2017; Grazzi et al., ICML 2020"
        case .implicit: "Sato et al., NeurIPS 2021 (n levels); Nocedal & Wright, Numerical Optimization, 2006"
        case .soba: "Dagréou et al., NeurIPS 2022"
        }
    }

    private static func needs(_ name: MethodName) -> [String] {
        let second = ["lower_gradient", "upper_gradient", "hessian_product", "mixed_product"]
        return switch name {
        case .auto, .aidCG, .aidFixedPoint: second
        case .itd, .implicit: second
        case .soba: second + ["samples"]
        }
    }

    private static func defaults(_ name: MethodName) -> JSONValue {
        switch name {
        case .auto: .object([])
        case .aidCG: implicit(linear: .cg, steps: "max(1000, 10 * lower variables)", tolerance: 1e-13)
        case .aidFixedPoint: implicit(linear: .fixedPoint, steps: "100000", tolerance: 1e-12)
        case .itd: unrolled
        case .implicit: nested
        case .soba: sampled
        }
    }

    private static func implicit(linear: LinearSolverName, steps: String, tolerance: Double) -> JSONValue {
        object([
            (
                "lower_solver",
                object([
                    ("name", .string(LowerSolverName.lbfgs.rawValue)), ("memory", .integer(10)),
                    ("steps", .integer(2_000)), ("tolerance", .string("0.1 * min(tolerances.hypergradient, 1e-8)")),
                    ("warm_start", .bool(true)),
                ])
            ),
            ("hypergradient", .string(HypergradientName.implicit.rawValue)),
            (
                "linear_solver",
                object([
                    ("name", .string(linear.rawValue)), ("steps", .string(steps)), ("tolerance", .number(tolerance)),
                    ("warm_start", .bool(true)),
                ])
            ),
            ("upper_step", lineSearch),
        ])
    }

    private static var unrolled: JSONValue {
        object([
            (
                "lower_solver",
                object([
                    ("name", .string(LowerSolverName.gradientDescent.rawValue)), ("step", .string("auto")),
                    ("steps", .integer(100)), ("warm_start", .bool(false)),
                ])
            ),
            ("hypergradient", .string(HypergradientName.unrolledReverse.rawValue)), ("upper_step", lineSearch),
        ])
    }

    private static var nested: JSONValue {
        object([
            (
                "lower_solver",
                object([
                    ("tolerance", .string("0.1 * min(tolerances.hypergradient, 1e-11)")), ("warm_start", .bool(true)),
                ])
            ),
            ("upper_step", lineSearch),
        ])
    }

    private static var sampled: JSONValue {
        object([
            ("lower_solver", object([("step", .string("auto"))])),
            ("upper_step", object([("step", .string("auto"))])),
        ])
    }

    private static var lineSearch: JSONValue {
        object([
            ("name", .string(UpperStepName.projectedGradient.rawValue)), ("step", .string("auto")),
            ("momentum", .integer(0)),
        ])
    }

    /// What every axis may be given, with ranges, as the document's decoder checks them.
    private static var parameters: JSONValue {
        object([
            (
                "lower_solver.step",
                .string("positive number, {\"initial\",\"exponent\"}, \"line-search\" or \"auto\"")
            ),
            ("lower_solver.steps", .string("whole number from 1")),
            ("lower_solver.tolerance", .string("number from 0")),
            ("lower_solver.memory", .string("whole number from 1, l-bfgs only")),
            ("lower_solver.warm_start", .string("true or false")),
            ("hypergradient.truncate", .string("whole number from 1, itd only")),
            ("linear_solver.steps", .string("whole number from 1")),
            ("linear_solver.tolerance", .string("number from 0, relative")),
            ("linear_solver.step", .string("positive number, fixed-point only")),
            ("linear_solver.warm_start", .string("true or false")),
            (
                "upper_step.step",
                .string("positive number, {\"initial\",\"exponent\"}, \"line-search\" or \"auto\"")
            ),
            ("upper_step.momentum", .string("number from 0 to below 1")),
        ])
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONMember(name: $0.0, value: $0.1) })
    }
}
