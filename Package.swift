// swift-tools-version: 6.1
// The targets of the architecture. A target exists only because its allowed imports differ from its neighbours';
// `ArchitectureTests` holds every `import` line against the same drawing.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-warnings-as-errors"]),
    // Debug builds check it while they are tested.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

// The mathematics is optimised in debug builds too: their tests then check thousands of random graphs in seconds, and code
// as it ships.
let optimised = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

// `-O3` in every configuration: a debug build of the kernels would only test other code than the one that ships.
let kernelFlags: [CSetting] = [
    .unsafeFlags([
        "-O3", "-std=c17", "-Wall", "-Wextra", "-Werror", "-mprefer-vector-width=512", "-fno-math-errno",
        "-ffp-contract=off",
    ])
]

let executableLinking: [LinkerSetting] = [.linkedLibrary("m"), .unsafeFlags(["-use-ld=lld"])]

func library(_ name: String, uses dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func mathematics(_ name: String, uses dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: optimised)
}

func tests(
    of name: String, uses dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + dependencies, resources: resources,
        swiftSettings: strict, linkerSettings: executableLinking)
}

let package = Package(
    name: "stackelberg",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Mathematics.
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "CKernels", cSettings: kernelFlags),
        mathematics("Tensors", uses: ["CKernels", "COpenBLAS"]),
        mathematics("ExpressionGraph", uses: ["Tensors"]),
        mathematics("ExpressionLanguage", uses: ["ExpressionGraph"]),
        mathematics("Solvers", uses: ["Tensors"]),
        mathematics("MultilevelOptimization", uses: ["ExpressionGraph", "Solvers", "Tensors"]),
        mathematics(
            "ProblemSpecification",
            uses: [
                "ExpressionGraph", "ExpressionLanguage", "MultilevelOptimization", "Solvers", "Tensors",
                .product(name: "Yams", package: "Yams"),
            ]),
        mathematics("DataFormats", uses: ["Tensors"]),

        // The wire.
        .systemLibrary(name: "CEventLoop"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        library("HTTP1", uses: []),
        library("Sockets", uses: ["CEventLoop", "COpenSSL"]),
        library("HTTPServer", uses: ["CZlib", "HTTP1", "Sockets"]),
        library("HTTPClient", uses: ["HTTP1", "Sockets"]),

        // Durable.
        library("JobQueue", uses: []),
        library("SQLiteStore", uses: ["JobQueue", .product(name: "GRDB", package: "GRDB.swift")]),

        // Composition root and commands.
        library(
            "Service",
            uses: [
                "COpenSSL", "DataFormats", "ExpressionGraph", "ExpressionLanguage", "HTTP1", "HTTPClient",
                "HTTPServer", "JobQueue", "MultilevelOptimization", "ProblemSpecification", "Solvers", "Sockets",
                "SQLiteStore", "Tensors",
            ]),
        .executableTarget(
            name: "stackelberg",
            dependencies: ["Service", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict, linkerSettings: executableLinking),

        // Speed: built and run by hand, see the README beside each.
        .executableTarget(
            name: "W1SOBA",
            dependencies: [
                "ExpressionLanguage", "MultilevelOptimization", "ProblemSpecification", "Solvers", "Tensors",
            ], path: "Benchmarks/W1SOBA",
            exclude: ["README.md", "compare.py", "data.py", "deterministic.json", "expected.json"],
            swiftSettings: strict, linkerSettings: executableLinking),
        .executableTarget(
            name: "W2SOBA",
            dependencies: [
                "ExpressionLanguage", "MultilevelOptimization", "ProblemSpecification", "Solvers", "Tensors",
            ], path: "Benchmarks/W2SOBA", exclude: ["README.md", "data.py", "fast.json", "gentle.json"],
            swiftSettings: strict, linkerSettings: executableLinking),

        .executableTarget(
            name: "BenchServer", dependencies: ["HTTP1", "HTTPServer", "Sockets"], path: "Benchmarks/http/Server",
            swiftSettings: strict, linkerSettings: executableLinking),

        // What is fuzzed, as ordinary code: `FuzzTests` replays the corpus. The fuzzer itself stands at the end.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "DataFormats", "ExpressionGraph", "ExpressionLanguage", "HTTP1", "MultilevelOptimization",
                "ProblemSpecification", "Tensors",
            ], path: "Fuzz/Targets", swiftSettings: strict),
        .target(
            name: "CByHand", dependencies: ["CKernels"], path: "Benchmarks/CByHand",
            cSettings: kernelFlags + [.headerSearchPath("../../Sources/CKernels")]),
        .executableTarget(
            name: "Bench",
            dependencies: [
                "CByHand", "COpenBLAS", "DataFormats", "ExpressionGraph", "ExpressionLanguage",
                "MultilevelOptimization",
                "ProblemSpecification", "Solvers", "Tensors",
            ], path: "Benchmarks/Bench", swiftSettings: strict, linkerSettings: executableLinking),

        .executableTarget(
            name: "Levels",
            dependencies: [
                "ExpressionLanguage", "MultilevelOptimization", "ProblemSpecification", "Tensors",
            ], path: "Benchmarks/Levels", exclude: ["splits.json"], swiftSettings: strict,
            linkerSettings: executableLinking),

        // Tests mirror the sources.
        tests(of: "Tensors"),
        tests(of: "ExpressionGraph", uses: ["Tensors"]),
        tests(of: "ExpressionLanguage", uses: ["ExpressionGraph", "Tensors"]),
        tests(of: "Solvers", uses: ["Tensors"]),
        tests(of: "MultilevelOptimization", uses: ["ExpressionGraph", "Solvers", "Tensors"]),
        tests(
            of: "ProblemSpecification", uses: ["ExpressionLanguage", "MultilevelOptimization", "Solvers", "Tensors"],
            resources: [.copy("Fixtures")]),
        tests(of: "DataFormats", uses: ["Tensors"]),
        tests(of: "HTTP1", resources: [.copy("Golden")]),
        tests(of: "Sockets"),
        .target(name: "CMutexAnnotations", path: "Tests/CMutexAnnotations"),
        tests(
            of: "HTTPServer", uses: ["CMutexAnnotations", "COpenSSL", "CZlib", "HTTP1", "Sockets"],
            resources: [.copy("Certificates")]),
        tests(of: "HTTPClient", uses: ["HTTP1", "HTTPServer", "Sockets"]),
        .target(
            name: "JobStoreConformance", dependencies: ["JobQueue"], path: "Tests/JobStoreConformance",
            swiftSettings: strict),
        .executableTarget(
            name: "StoreCrashWriter", dependencies: ["JobQueue", "SQLiteStore"], path: "Tests/StoreCrashWriter",
            swiftSettings: strict, linkerSettings: executableLinking),
        tests(of: "JobQueue"),
        tests(
            of: "SQLiteStore",
            uses: [
                "JobQueue", "JobStoreConformance", "StoreCrashWriter", .product(name: "GRDB", package: "GRDB.swift"),
            ], resources: [.copy("Fixtures")]),
        // Depends on the executable so that it is built: worker processes are real ones.
        tests(
            of: "Service",
            uses: [
                "DataFormats", "HTTP1", "HTTPClient", "HTTPServer", "JobQueue", "MultilevelOptimization",
                "ProblemSpecification", "SQLiteStore", "Sockets", "Tensors", "stackelberg",
                .product(name: "Yams", package: "Yams"),
            ]),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: strict, linkerSettings: executableLinking),
        .testTarget(name: "ArchitectureTests", swiftSettings: strict),
        // Puts its own malloc before the system's in whatever it is linked into: tests only.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "AllocationTests",
            dependencies: ["CAllocationCounter", "ExpressionGraph", "MultilevelOptimization", "Solvers", "Tensors"],
            swiftSettings: strict, linkerSettings: executableLinking),
        // Starts the executable that stands beside the program that uses it, and talks to it over a socket.
        .target(name: "ServiceHarness", path: "Tests/ServiceHarness", swiftSettings: strict),
        .executableTarget(
            name: "Storm", dependencies: ["ServiceHarness", .product(name: "GRDB", package: "GRDB.swift")],
            path: "Tests/Storm", swiftSettings: strict, linkerSettings: executableLinking),
        .executableTarget(
            name: "JobBench", dependencies: ["ServiceHarness"], path: "Benchmarks/Jobs", swiftSettings: strict,
            linkerSettings: executableLinking),
        .executableTarget(
            name: "Abuse", dependencies: ["ServiceHarness"], path: "Tests/Abuse", swiftSettings: strict,
            linkerSettings: executableLinking),
        // Depends on the executables so that they are built; the tests start them as processes.
        .testTarget(
            name: "EndToEndTests", dependencies: ["ServiceHarness", "Storm", "stackelberg"], swiftSettings: strict,
            linkerSettings: executableLinking),
    ]
)

// `make fuzz` only: libFuzzer's loop needs the toolchain's fuzzer runtime, and code built for its coverage.
if Context.environment["STACKELBERG_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Fuzz/CLibFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: ["CLibFuzzer", "FuzzTargets"], path: "Fuzz/Driver",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: executableLinking + [.linkedLibrary("stdc++")]),
    ]
}

// `make sanitize` only: the wire and its tests, so that nothing else is built once more for each sanitizer.
if Context.environment["STACKELBERG_SANITIZE"] != nil {
    let wire: Set = [
        "CEventLoop", "CMutexAnnotations", "COpenSSL", "CZlib", "HTTP1", "HTTP1Tests", "HTTPClient", "HTTPClientTests",
        "HTTPServer", "HTTPServerTests", "Sockets", "SocketsTests",
    ]
    package.targets.removeAll { !wire.contains($0.name) }
}
