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
    /// Time without progress after which a worker is killed.
    package var workerSilence = Duration.seconds(60)
    /// Host names that requests may carry besides those of the loopback address.
    package var allowedHosts: [String] = []
    /// The folder with example documents and their data sets.
    package var examples: URL
    /// This program, for workers.
    package var executable: String
    package var environment: [String: String]

    package init(
        data: URL, workers: Int, examples: URL, executable: String, environment: [String: String]
    ) {
        self.data = data
        self.workers = workers
        self.examples = examples
        self.executable = executable
        self.environment = environment
    }
}

/// Files that come with the program.
package enum ShippedFiles {
    /// The source revision that an installed program was built from.
    package static func revision(of executable: String) -> String? {
        let file = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("share/stackelberg/revision")
        let text = try? String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The folder of the examples: beside an installed program (`../share/stackelberg/examples`), or in the checkout that
    /// it was built in.
    package static func examples(of executable: String) -> URL? {
        var folder = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
        var candidates = [folder.deletingLastPathComponent().appendingPathComponent("share/stackelberg/examples")]
        while folder.path != "/" {
            candidates.append(folder.appendingPathComponent("Examples"))
            folder = folder.deletingLastPathComponent()
        }
        return candidates.first { FileManager.default.fileExists(atPath: $0.path) }
    }
}
