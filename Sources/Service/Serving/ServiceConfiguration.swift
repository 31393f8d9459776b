// What `serve` is told, and where it finds what it ships with.
import Foundation

/// What a service identifies itself by: paths of PEM files.
package struct TLSSettings: Equatable, Sendable {
    /// The certificate, and behind it those that lead to its root.
    package var certificate: String
    /// Its private key.
    package var key: String
    /// Roots of the certificates that clients must have; nil asks for none.
    package var clientAuthorities: String?

    package init(certificate: String, key: String, clientAuthorities: String?) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }
}

/// Whether requests need keys.
package enum Authentication: String, CaseIterable, Sendable {
    /// As soon as there is a key; while there is none, the service listens on the loopback only.
    case auto
    /// Never, wherever the service listens.
    case none
}

/// The settings of a service.
package struct ServiceConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0 picks a free one.
    package var port = 8080
    package var authentication = Authentication.auto
    /// Certificate and key; nil serves plain text.
    package var tls: TLSSettings?
    /// Bounds on connections, and whom they believe.
    package var wire = WireSettings()
    /// Bytes of a posted document.
    package var documentBytes = APILimits().documentBytes
    /// Bytes of a posted data set.
    package var datasetBytes = APILimits().uploads.bytes
    /// Where jobs, states and blobs are kept.
    package var data: URL
    /// Worker processes.
    package var workers: Int
    /// Time without progress after which a worker is killed.
    package var workerSilence = Duration.seconds(60)
    /// Host names that requests may carry besides those of the loopback address.
    package var allowedHosts: [String] = []
    /// Whom webhooks may call.
    package var callable = CallableAddresses()
    /// The folder with example documents and their data sets.
    package var examples: URL
    /// `openapi.yaml`, the contract of the API.
    package var contract: URL
    /// This program, for workers.
    package var executable: String
    package var environment: [String: String]

    package init(
        data: URL, workers: Int, examples: URL, contract: URL, executable: String, environment: [String: String]
    ) {
        self.data = data
        self.workers = workers
        self.examples = examples
        self.contract = contract
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

    /// The folder of the examples.
    package static func examples(of executable: String) -> URL? { find(["examples", "Examples"], executable) }

    /// The contract of the API.
    package static func contract(of executable: String) -> URL? { find(["openapi.yaml"], executable) }

    /// A file or folder by one of its names: beside an installed program (`../share/stackelberg`), or in the checkout that
    /// it was built in.
    private static func find(_ names: [String], _ executable: String) -> URL? {
        var folder = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
        var places = [folder.deletingLastPathComponent().appendingPathComponent("share/stackelberg")]
        while folder.path != "/" {
            places.append(folder)
            folder = folder.deletingLastPathComponent()
        }
        return places.flatMap { place in names.map(place.appendingPathComponent) }.first {
            FileManager.default.fileExists(atPath: $0.path)
        }
    }
}
