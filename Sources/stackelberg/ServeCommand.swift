// `stackelberg serve`: the HTTP service in the foreground, until SIGTERM or SIGINT.
import ArgumentParser
import Foundation
import Service

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API and solve the jobs that are posted to it.",
        discussion: """
            The first line of standard output is the URL. SIGTERM and SIGINT drain: running jobs are suspended and go on \
            at the next start, streams are told, and the process ends with status 0. A second signal ends it at once.
            """)

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 picks a free one.")
    var port = 8080

    @Option(
        help: """
            Whether requests need keys: auto (as soon as there is one; without, the service listens on the loopback only) or none.
            """)
    var auth: Authentication = .auto

    @Option(
        help: ArgumentHelp(
            "The certificate chain in PEM; with it the service speaks TLS only. SIGHUP reads it and the key again.",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The private key of the certificate, in PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Roots in PEM: clients must then present a certificate that leads to one of them.", valueName: "file"))
    var tlsClientAuthorities: String?

    @Option(
        help: ArgumentHelp(
            "A bound on what connections may do; Documentation/limits.md names them all.", valueName: "name=number"))
    var limit: [String] = []

    @Option(
        help: ArgumentHelp(
            "A proxy, or a block as 10.0.0.0/8, that is believed about whom it asks for (X-Forwarded-For).",
            valueName: "address"))
    var trustedProxies: [String] = []

    @Option(help: ArgumentHelp("The largest document that may be posted.", valueName: "bytes"))
    var documentBytes = 16 << 20

    @Option(help: ArgumentHelp("The largest data set that may be uploaded.", valueName: "bytes"))
    var datasetBytes = 256 << 20

    @Option(help: ArgumentHelp("Where jobs and their states are kept.", valueName: "folder"))
    var data = "./var"

    @Option(help: "Worker processes; one per core unless said.")
    var workers: Int?

    @Option(help: ArgumentHelp("Time without progress after which a worker is killed.", valueName: "seconds"))
    var workerSilence = 60

    @Option(help: ArgumentHelp("A host name that requests may use besides localhost.", valueName: "name"))
    var allowedHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "An address, or a block as 10.0.0.0/8, that webhooks may call although it is not public.",
            valueName: "address"))
    var webhookAllow: [String] = []

    @Option(
        help: ArgumentHelp(
            "Examples and their data sets; those shipped with the program unless said.", valueName: "folder"))
    var examples: String?

    func validate() throws {
        _ = try tls()
        _ = try wire()
        _ = try callable()
        if !(1...16 << 20).contains(documentBytes) {
            throw ValidationError("--document-bytes wants 1 to 16777216, came \(documentBytes)")
        }
        if !(1...4 << 30).contains(datasetBytes) {
            throw ValidationError("--dataset-bytes wants 1 to 4294967296, came \(datasetBytes)")
        }
        if !(0...65_535).contains(port) { throw ValidationError("--port wants 0 to 65535, came \(port)") }
        if let workers, !(1...256).contains(workers) {
            throw ValidationError("--workers wants 1 to 256, came \(workers)")
        }
        if !(1...86_400).contains(workerSilence) {
            throw ValidationError("--worker-silence wants 1 to 86400, came \(workerSilence)")
        }
    }

    /// - Throws: a usage error when certificate and key do not come together.
    private func tls() throws -> TLSSettings? {
        switch (tlsCertificate, tlsKey) {
        case (.some(let certificate), .some(let key)):
            return TLSSettings(certificate: certificate, key: key, clientAuthorities: tlsClientAuthorities)
        case (nil, nil) where tlsClientAuthorities == nil: return nil
        case (nil, _): throw ValidationError("--tls-certificate is missing: TLS wants a certificate and its key")
        case (_, nil): throw ValidationError("--tls-key is missing: TLS wants a certificate and its key")
        }
    }

    /// - Throws: a usage error for a bound that does not exist or a number outside its range.
    private func wire() throws -> WireSettings {
        do {
            return try WireSettings(limits: limit, proxies: trustedProxies)
        } catch {
            throw ValidationError(error.reason)
        }
    }

    /// - Throws: a usage error for what is no address.
    private func callable() throws -> CallableAddresses {
        do {
            return try CallableAddresses(allowing: webhookAllow)
        } catch {
            throw ValidationError(error.reason)
        }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        KernelEnvironment.pin(environment)
        guard let executable = KernelEnvironment.executable,
            let shipped = examples.map(URL.init(fileURLWithPath:)) ?? ShippedFiles.examples(of: executable),
            let contract = ShippedFiles.contract(of: executable)
        else {
            Console.say("error: openapi.yaml and the examples are not beside the program")
            throw Status.refused
        }
        var configuration = ServiceConfiguration(
            data: URL(fileURLWithPath: data), workers: workers ?? ProcessInfo.processInfo.activeProcessorCount,
            examples: shipped, contract: contract, executable: executable, environment: environment)
        configuration.host = host
        configuration.port = port
        configuration.authentication = auth
        configuration.tls = try tls()
        configuration.wire = try wire()
        configuration.documentBytes = documentBytes
        configuration.datasetBytes = datasetBytes
        configuration.workerSilence = .seconds(workerSilence)
        configuration.allowedHosts = allowedHost
        configuration.callable = try callable()
        ServiceProcess.run(configuration)
    }
}

extension Authentication: ExpressibleByArgument {}
