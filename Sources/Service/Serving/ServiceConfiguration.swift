// What `serve` is told, and where it finds what it ships with.
import Foundation

/// The settings of a service.
package struct ServiceConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 picks a free one.
    package var port = 8080
    /// Where jobs, states and blobs are kept.
    package var data: URL
    /// Worker processes.
    package var workers: Int
    /// Host names that requests may carry besides those of the loopback address.
    package var allowedHosts: [String] = []
    /// The folder with `openapi.yaml` and `examples`.
    package var resources: ServiceResources
    /// This program, for workers.
    package var executable: String
    package var environment: [String: String]

    package init(
        data: URL, workers: Int, resources: ServiceResources, executable: String, environment: [String: String]
    ) {
        self.data = data
        self.workers = workers
        self.resources = resources
        self.executable = executable
        self.environment = environment
    }
}

/// Files that come with the program.
package struct ServiceResources: Sendable, Equatable {
    /// Documents with their data sets.
    package let examples: URL
    /// The contract of the API.
    package let contract: URL

    private init(examples: URL, contract: URL) {
        self.examples = examples
        self.contract = contract
    }

    /// A folder that holds `openapi.yaml` and `Examples` (or `examples`).
    package init(folder: URL) {
        let examples = ["Examples", "examples"].map(folder.appendingPathComponent)
        self.init(
            examples: examples.first { FileManager.default.fileExists(atPath: $0.path) } ?? examples[0],
            contract: folder.appendingPathComponent("openapi.yaml"))
    }

    /// Beside an installed program (`../share/stackelberg`), or in the checkout that it was built in.
    package static func find(executable: String) -> ServiceResources? {
        let program = URL(fileURLWithPath: executable).resolvingSymlinksInPath()
        var folder = program.deletingLastPathComponent()
        var candidates = [folder.deletingLastPathComponent().appendingPathComponent("share/stackelberg")]
        while folder.path != "/" {
            candidates.append(folder)
            folder = folder.deletingLastPathComponent()
        }
        return candidates.map(ServiceResources.init(folder:)).first {
            FileManager.default.fileExists(atPath: $0.contract.path)
        }
    }
}
