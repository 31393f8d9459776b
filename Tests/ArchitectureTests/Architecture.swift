// The drawing of the modules as a table: who may import whom, and what each may know of the system.

/// Where a target stands in the drawing. Columns never see each other below `Service`.
enum Column: Hashable {
    case wire
    case durable
    case mathematics
    case composition
}

/// What one target may import, and which words its sources may not contain.
struct TargetRule {
    let column: Column
    /// Targets of this package, C targets included.
    var siblings: Set<String> = []
    /// Modules of the toolchain and of other packages.
    var externals: Set<String> = []
    /// Single symbols of a module that may not be imported whole: `Glibc.exp` is mathematics, `Glibc.read` is not.
    var symbols: Set<String> = []
    /// No I/O, no clock, no global randomness, no Dispatch.
    var isPure = false
}

/// The elementary functions that pure mathematics may take from the C library, one scoped import each.
private let elementaryFunctions = Set(
    [
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "erf",
        "erfc", "exp", "exp2", "expm1", "fabs", "floor", "fma", "fmod", "hypot", "ldexp", "lgamma", "log", "log10",
        "log1p", "log2", "nextafter", "pow", "remainder", "round", "sin", "sinh", "sqrt", "tan", "tanh", "tgamma",
        "trunc",
    ].map { "Glibc.\($0)" })

/// The table. A new folder under `Sources` fails the test until it is placed here; a row may precede its folder.
let architecture: [String: TargetRule] = [
    // Mathematics.
    "COpenBLAS": TargetRule(column: .mathematics),
    "CKernels": TargetRule(column: .mathematics),
    "Tensors": TargetRule(
        column: .mathematics, siblings: ["CKernels", "COpenBLAS"], externals: ["Glibc", "Synchronization"]),
    "ExpressionGraph": TargetRule(
        column: .mathematics, siblings: ["Tensors"], externals: ["Synchronization"], symbols: elementaryFunctions,
        isPure: true),
    "ExpressionLanguage": TargetRule(
        column: .mathematics, siblings: ["ExpressionGraph"], symbols: elementaryFunctions, isPure: true),
    "Solvers": TargetRule(
        column: .mathematics, siblings: ["Tensors"], externals: ["Synchronization"], symbols: elementaryFunctions,
        isPure: true),
    "MultilevelOptimization": TargetRule(
        column: .mathematics, siblings: ["ExpressionGraph", "Solvers", "Tensors"], externals: ["Synchronization"],
        symbols: elementaryFunctions, isPure: true),
    "ProblemSpecification": TargetRule(
        column: .mathematics,
        siblings: ["ExpressionGraph", "ExpressionLanguage", "MultilevelOptimization", "Solvers", "Tensors"],
        externals: ["Yams"], symbols: elementaryFunctions),
    "DataFormats": TargetRule(
        column: .mathematics, siblings: ["CZlib", "Tensors"], symbols: elementaryFunctions),

    // The wire.
    "CZlib": TargetRule(column: .wire),
    "COpenSSL": TargetRule(column: .wire),
    "CEventLoop": TargetRule(column: .wire),
    "HTTP1": TargetRule(column: .wire, isPure: true),
    "Sockets": TargetRule(
        column: .wire, siblings: ["CEventLoop", "COpenSSL"], externals: ["Dispatch", "Glibc", "Synchronization"]),
    "HTTPServer": TargetRule(
        column: .wire, siblings: ["CZlib", "HTTP1", "Sockets"], externals: ["Dispatch", "Synchronization"]),
    "HTTPClient": TargetRule(
        column: .wire, siblings: ["CZlib", "HTTP1", "Sockets"], externals: ["Dispatch", "Synchronization"]),

    // Durable.
    "CLibPQ": TargetRule(column: .durable),
    "JobQueue": TargetRule(column: .durable, externals: ["Synchronization"]),
    "SQLiteStore": TargetRule(
        column: .durable, siblings: ["JobQueue"], externals: ["Dispatch", "GRDB", "Glibc", "Synchronization"],
        symbols: ["Foundation.Data"]),
    "PostgresStore": TargetRule(
        column: .durable, siblings: ["CLibPQ", "JobQueue"], externals: ["Dispatch", "Glibc", "Synchronization"]),

    // Composition root and commands.
    "Service": TargetRule(
        column: .composition,
        siblings: [
            "COpenSSL", "DataFormats", "ExpressionGraph", "ExpressionLanguage", "HTTP1", "HTTPClient", "HTTPServer",
            "JobQueue",
            "MultilevelOptimization", "PostgresStore", "ProblemSpecification", "SQLiteStore", "Solvers", "Sockets",
            "Tensors",
        ],
        externals: ["Dispatch", "Foundation", "Glibc", "Logging", "Synchronization"]),
    "stackelberg": TargetRule(
        column: .composition, siblings: ["Service"],
        externals: ["ArgumentParser", "Foundation", "Glibc", "Synchronization"]),
]

/// System libraries that two columns may use: they hold no idea of ours.
let sharedLibraries: Set<String> = ["CZlib"]

/// Words that name the environment, global randomness or the calendar: arguments below `Service` (style, rule 10).
let wordsForServiceOnly = ["Date()", "Date.now", ".random(", "SystemRandomNumberGenerator", "getenv", "ProcessInfo"]

/// Words that name a clock or leave the process: nowhere in a pure target.
let wordsForImpureOnly = ["ContinuousClock", "SuspendingClock", "Task.sleep", "readLine(", "CommandLine."]
