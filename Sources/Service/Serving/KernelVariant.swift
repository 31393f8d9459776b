// One installation, one kernel variant: the BLAS variant found at the first start is recorded and given to every worker,
// so that the same job gives the same bits after a move to another processor or a restart.
import Foundation
import Tensors

/// The recorded variant of an installation.
enum KernelVariant {
    static let variable = "OPENBLAS_CORETYPE"

    /// The environment of workers: what the caller's environment says, else what the folder records, else what this
    /// process found, which is then recorded.
    static func settle(_ environment: [String: String], in folder: URL) throws(DurableFile.Failure) -> [String: String]
    {
        var settled = environment
        if environment[variable] != nil { return settled }
        let record = folder.appendingPathComponent("kernel-variant")
        if let text = try? String(contentsOf: record, encoding: .utf8) {
            settled[variable] = text.trimmingCharacters(in: .whitespacesAndNewlines)
            return settled
        }
        let found = BLAS.coreName
        try DurableFile.write(Array((found + "\n").utf8), to: record)
        settled[variable] = found
        return settled
    }
}
