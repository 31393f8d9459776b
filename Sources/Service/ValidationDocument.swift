// The validation report: shapes, sizes, method, curvature, derivative checks, warnings; or every fault.
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
        let problem = job.built.problem
        var document = JSONObjectBuilder()
        document.add("valid", true)
        document.add("document_sha256", job.documentSHA256)
        document.add("shapes", shapes(job.built))
        document.add("levels", .array(job.built.problem.levels.map { level($0).value }))
        document.add("samples", .array(problem.axes.map { axis($0).value }))
        document.add("method", method(job))
        document.add("memory", memory(job.price))
        if let curvature = report.curvature { document.add("lower_curvature", self.curvature(curvature)) }
        document.add("start", start(report))
        document.add("derivative_checks", .array(report.derivativeChecks.map { check($0).value }))
        document.add("warnings", .array(warnings(job, report)))
        return document.value
    }

    /// The report of an admitted job without measurements.
    static func composeUnmeasured(_ job: AdmittedJob) -> JSONValue {
        let problem = job.built.problem
        var document = JSONObjectBuilder()
        document.add("valid", true)
        document.add("document_sha256", job.documentSHA256)
        document.add("shapes", shapes(job.built))
        document.add("levels", .array(problem.levels.map { level($0).value }))
        document.add("samples", .array(problem.axes.map { axis($0).value }))
        document.add("method", method(job))
        document.add("memory", memory(job.price))
        document.add("warnings", .array(job.warnings.kept.filter { $0.severity == .warning }.map(fault)))
        return document.value
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

    private static func level(_ level: Level) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", level.name)
        object.add("sense", level.sense.rawValue)
        object.add("variables", level.dimension)
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
            var needs = ["lower_gradient", "upper_gradient", "hessian_product", "mixed_product"]
            switch axes.lower {
            case .lbfgs, .accelerated: needs.insert("lower_value", at: 0)
            case .gradientDescent: break
            }
            return needs
        case .soba, .nested: return ["lower_gradient", "upper_gradient", "hessian_product", "mixed_product"]
        }
    }

    private static func memory(_ price: MemoryPrice) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("data_bytes", price.dataBytes)
        object.add("program_bytes", price.programBytes)
        object.add("vector_bytes", price.vectorBytes)
        return object
    }

    private static func curvature(_ curvature: Curvature) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("min", curvature.smallest)
        object.add("max", curvature.largest)
        return object
    }

    private static func start(_ report: StartReport) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("objective", report.objective)
        object.add("hypergradient_norm", report.hypergradientNorm)
        return object
    }

    private static func check(_ check: DerivativeCheck) -> JSONObjectBuilder {
        var object = JSONObjectBuilder()
        object.add("name", check.name)
        object.add("relative_error", check.relativeError)
        object.add("passes", check.passes)
        return object
    }

    private static func warnings(_ job: AdmittedJob, _ report: StartReport) -> [JSONValue] {
        var found = job.warnings.kept.filter { $0.severity == .warning }
        func warn(_ code: DiagnosticCode, _ message: String, at pointer: String = "/problem/levels/1") {
            found.append(Diagnostic(pointer: pointer, code: code, message: message, severity: .warning))
        }
        if let curvature = report.curvature {
            if curvature.smallest <= 0 {
                warn(
                    .notStronglyConvex,
                    "the lower level is not strongly convex at its start (curvature \(curvature.smallest))")
            } else if curvature.smallest < worstConditioning * curvature.largest {
                warn(
                    .badlyScaled,
                    "the curvature of the lower level runs from \(curvature.smallest) to \(curvature.largest)")
            }
        }
        for check in report.derivativeChecks where !check.passes {
            warn(
                .derivativeMismatch,
                "\(check.name) differs from its central difference by \(check.relativeError), relatively: the objective "
                    + "may not be smooth near the start", at: "/problem")
        }
        if report.objective == nil {
            warn(.notFinite, "the objective is not finite at the start", at: "/problem/levels/0")
        }
        return found.map(fault)
    }
}
