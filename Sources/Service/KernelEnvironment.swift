// The numerical environment of this process: one BLAS thread, one kernel variant, said in every result.
import Foundation
import Glibc
import Tensors

/// Settles and describes the numerical environment.
package enum KernelEnvironment {
    /// OpenBLAS reads its number of threads before `main`: a process that was started without it starts itself again.
    ///
    /// - Parameter environment: the process's variables.
    /// - Returns: only when nothing had to be changed, or when the process could not be started again.
    package static func pin(_ environment: [String: String]) {
        guard environment["OPENBLAS_NUM_THREADS"] == nil, let path = executable else { return }
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv(path, &arguments)
        // Still here: go on with the library's own default, cut to one thread below.
        for argument in arguments { free(argument) }
    }

    /// The path of this program.
    package static var executable: String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    /// The memory of this machine.
    package static let memoryBytes = Int(clamping: ProcessInfo.processInfo.physicalMemory)

    /// Where results come from.
    package static func provenance(documentSHA256: String, precision: Precision) -> Provenance {
        BLAS.configureSingleThread()
        return Provenance(
            version: Version.number, revision: Version.revision, blas: BLAS.configuration,
            kernels: Kernels.variant, threads: 1, precision: precision.name, documentSHA256: documentSHA256)
    }
}

/// What this program is.
package enum Version {
    package static let number = "0.1.0"
    /// The source revision, where the installation tells it (`../share/stackelberg/revision` beside the program).
    package static let revision = KernelEnvironment.executable.flatMap(ShippedFiles.revision) ?? "unknown"
}
