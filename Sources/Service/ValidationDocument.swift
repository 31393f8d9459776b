// The validation report: shapes, sizes, method, curvature, derivative checks, warnings; or every fault.
import ExpressionGraph
import ExpressionLanguage
import MultilevelOptimization
import ProblemSpecification
import Tensors

/// Composes validation reports.
package enum ValidationDocument {
    /// The smallest ratio of extreme curvatures that is not called badly scaled.
    private static let worstConditioning = 1e-12

    /// The report of an admitted job.
    package static func compose(_ job: AdmittedJob, _ report: StartReport) -> JSONValue {
        var document = description(of: job)
        if let curvature = report.curvature { document.add("lower_curvature", self.curvature(curvature)) }
        document.add("start", start(report))
        document.add("kinks", kinks(report.kinks))
        document.add("derivative_checks", .array(report.derivativeChecks.map { check($0).value }))
        document.add("warnings", .array(warnings(job, report)))
        return document.value
    }

    /// The report of an admitted job without measurements.
    static func composeUnmeasured(_ job: AdmittedJob) -> JSONValue {
        var document = description(of: job)
        document.add("warnings", .array(job.warnings.kept.filter { $0.severity == .warning }.map(fault)))
        return document.value
    }

    /// What can be told without evaluating anything.
    private static func description(of job: AdmittedJob) -> JSONObjectBuilder {
        let problem = job.built.problem
        var document = JSONObjectBuilder()
        document.add("valid", true)
        document.add("document_sha256", job.documentSHA256)
        document.add("shapes", shapes(job.built))
        if !job.built.expressions.isEmpty {
            document.add("expressions", .array(job.built.expressions.map { expression($0.formula, $0.shape).value }))
        }
        document.add("levels", .array(problem.levels.map { level($0).value }))
        document.add("samples", .array(problem.axes.map { axis($0).value }))
        document.add("method", method(job))
        document.add("memory", memory(job.price))
        document.add("cost", cost(MethodPlan(problem, job.method)))
        if let ensemble = job.ensemble {
            document.add("members", .array(ensemble.members.map { EnsembleDocument.announcement($0).value }))
        }
        return document
    }

    /// The report of a refused document.
    package static func refuse(_ diagnostics: Diagnostics) -> JSONValue {
        var document = JSONObjectBuilder()
        document.add("valid", false)
        document.add("errors", .array(diagnostics.kept.map(fault)))
        if diagnostics.omittedCount > 0 { document.add("omitted", diagnostics.omittedCount) }
        return document.value
    }

    /// One fault, as errors of the service carry it.
    package static func fault(_ diagnostic: Diagnostic) -> JSONValue {
        var object = JSONObjectBuilder()
        object.add("pointer", diagnostic.pointer)
        if let line = diagnostic.line { object.add("line", line) }
        if let column = diagnostic.column { object.add("column", column) }
        object.add("code", diagnostic.code.rawValue)
        object.add("detail", diagnostic.message)
        if let hint = diagnostic.hint { object.add("hint", hint) }
        return object.value
    }

    private static func shapes(_ built: BuiltProblem) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        for entry in built.shapes { object.add(entry.name, entry.shape) }
        return object
    }

    private static func expression(_ formula: String, _ shape: String) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("formula", formula)
        object.add("shape", shape)
        return object
    }

    private static func level(_ level: Level) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", level.name)
        object.add("sense", level.sense.rawValue)
        object.add("variables", level.dimension)
        object.add("names", .array(level.variables.map { .string($0.name) }))
        return object
    }

    /// What one upper iteration takes at the most, and each program that it runs.
    private static func cost(_ plan: MethodPlan) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("iteration_at_most", cost(plan.iterationCost))
        object.add("programs", .array(plan.programs.map { program($0).value }))
        return object
    }

    private static func cost(_ cost: Cost) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("operations", cost.operations)
        object.add("bytes", cost.bytes)
        return object
    }

    private static func program(_ program: MethodProgram) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", program.name)
        object.add("precision", program.plan.precision.name)
        object.add("runs_at_most", program.runs)
        object.add("first_run", cost(program.plan.cost))
        object.add("at_another_point", cost(program.plan.changingCost))
        object.add("at_the_same_point", cost(program.plan.everyRunCost))
        object.add("memory_bytes", program.plan.memoryBytes)
        return object
    }

    private static func axis(_ axis: MultilevelOptimization.SampleAxis) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", axis.name)
        object.add("rows", axis.rows)
        object.add("batch", axis.batch)
        return object
    }

    private static func method(_ job: AdmittedJob) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", job.method.name)
        object.add("reason", job.method.reason)
        object.add("derivatives", .array(derivatives(job.method).map(JSONValue.string)))
        return object
    }

    /// The derivatives that a method needs.
    private static func derivatives(_ method: MethodConfiguration) -> [String] {
        switch method.algorithm {
        case .doubleLoop(let axes):
            return lowerValue(axes.lower) + ["lower_gradient", "upper_gradient"] + products(axes)
        case .stochastic(let axes):
            if case .penalty = axes.hypergradient { return ["lower_gradient", "upper_gradient"] }
            return ["lower_gradient", "upper_gradient", "hessian_product", "mixed_product"]
        case .soba, .nested, .nestedStochastic:
            return ["lower_gradient", "upper_gradient", "hessian_product", "mixed_product"]
        }
    }

    private static func lowerValue(_ solver: LowerSolver) -> [String] {
        switch solver {
        case .lbfgs, .accelerated, .newtonCG: ["lower_value"]
        case .gradientDescent, .rule, .anderson, .closedForm: []
        }
    }

    /// Products with second derivatives, in the hypergradient or in the lower solver.
    private static func products(_ axes: DoubleLoopConfiguration) -> [String] {
        switch axes.hypergradient {
        case .implicit, .unrolledReverse, .unrolledForward, .aggregated, .learnedStart:
            return ["hessian_product", "mixed_product"]
        case .rankOne, .differenced, .zerothOrder, .valueGap, .moreauEnvelope, .barrier, .initialisation: break
        }
        switch axes.lower {
        case .newtonCG, .closedForm: return ["hessian_product"]
        case .gradientDescent, .lbfgs, .accelerated, .rule, .anderson: return []
        }
    }

    private static func memory(_ price: MemoryPrice) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("data_bytes", price.dataBytes)
        object.add("program_bytes", price.programBytes)
        object.add("vector_bytes", price.vectorBytes)
        return object
    }

    private static func curvature(_ curvature: Measurement<Curvature>) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        switch curvature {
        case .value(let curvature):
            object.add("min", curvature.smallest)
            object.add("max", curvature.largest)
            object.add("exact", curvature.isExact)
        case .skipped(let reason): object.add("skipped", reason)
        }
        return object
    }

    private static func start(_ report: StartReport) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        switch report.values {
        case .value(let values)?:
            object.add("objective", values.objective)
            object.add("hypergradient_norm", values.hypergradientNorm)
        case .skipped(let reason)?: object.add("skipped", reason)
        case nil: break
        }
        return object
    }

    private static func kinks(_ kinks: Measurement<[Kink]>) -> JSONValue {
        switch kinks {
        case .value(let found): return .array(found.map { kink($0).value })
        case .skipped(let reason):
            var object = JSONObjectBuilder()
            object.add("skipped", reason)
            return object.value
        }
    }

    private static func kink(_ kink: Kink) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("level", kink.level)
        object.add("function", kink.function)
        object.add("formula", kink.formula)
        object.add("entries", kink.entries)
        object.add("on_kink", kink.ties)
        return object
    }

    private static func check(_ check: DerivativeCheck) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", check.name)
        object.add("verdict", check.verdict.rawValue)
        switch check.relativeError {
        case .value(let error): object.add("relative_error", error)
        case .skipped(let reason): object.add("reason", reason)
        }
        return object
    }

    private static func warnings(_ job: AdmittedJob, _ report: StartReport) -> [JSONValue] {
        var found = job.warnings.kept.filter { $0.severity == .warning }
        if case .value(let curvature)? = report.curvature { found += warnings(on: curvature) }
        if case .value(let kinks) = report.kinks { found += kinks.map(warning) }
        found += report.derivativeChecks.compactMap(warning)
        if report.values == nil {
            found.append(
                warning(.notFinite, "the objective is not finite at the start", at: "/problem/levels/0"))
        }
        return found.map(fault)
    }

    private static func warning(
        _ code: DiagnosticCode, _ message: String, at pointer: String, hint: String? = nil
    ) -> Diagnostic {
        Diagnostic(pointer: pointer, code: code, message: message, hint: hint, severity: .warning)
    }

    private static func warnings(on curvature: Curvature) -> [Diagnostic] {
        if curvature.smallest <= 0 {
            let message = "the lower level is not strongly convex at its start (curvature \(curvature.smallest))"
            return [warning(.notStronglyConvex, message, at: "/problem/levels/1")]
        }
        if curvature.smallest < worstConditioning * curvature.largest {
            let message =
                "the curvature of the lower level runs from \(curvature.smallest) to \(curvature.largest)"
            return [warning(.badlyScaled, message, at: "/problem/levels/1")]
        }
        return []
    }

    private static func warning(_ kink: Kink) -> Diagnostic {
        let share = kink.entries == 1 ? "the value" : "\(kink.ties) of \(kink.entries) entries"
        return warning(
            .nonsmoothPoint,
            "\(share) of \(kink.formula) \(kink.ties == 1 ? "is" : "are") exactly on the kink of \(kink.function) at the start",
            at: "/problem/levels/\(kink.level)",
            hint: "derivatives there are a choice: start elsewhere, or use a smooth function")
    }

    private static func warning(_ check: DerivativeCheck) -> Diagnostic? {
        let finding: String
        switch (check.verdict, check.relativeError) {
        case (.differs, .value(let error)): finding = "differs from its central difference by \(error), relatively"
        case (.undefined, _): finding = "or its central difference is not a number"
        case (.agrees, _), (.skipped, _), (.differs, .skipped): return nil
        }
        return warning(
            .derivativeMismatch, "\(check.name) \(finding): the objective may not be smooth near the start",
            at: "/problem")
    }
}
