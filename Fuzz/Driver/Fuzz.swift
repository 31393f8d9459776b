// libFuzzer's loop over one target: `Fuzz formulas CORPUS -max_total_time=60 …`.
import CLibFuzzer
import FuzzTargets

/// The target that libFuzzer's callback, which captures nothing, is to call. Set once, before the loop begins.
nonisolated(unsafe) private var target = FuzzTarget.formulas

@main enum Fuzz {
    static func main() {
        guard CommandLine.argc > 1, let chosen = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")
            fatalError("usage: Fuzz \(names) [folders and flags of libFuzzer]")
        }
        target = chosen
        // libFuzzer sees its own arguments only; what it starts again is found by the program's name, which stays.
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        CommandLine.unsafeArgv[1] = CommandLine.unsafeArgv[0]
        let status = LLVMFuzzerRunDriver(&count, &arguments) { base, count in
            do throws(Violation) {
                try target.check([UInt8](UnsafeBufferPointer(start: base, count: count)))
            } catch {
                fatalError(error.description)
            }
            return 0
        }
        precondition(status == 0, "libFuzzer ended with status \(status)")
    }
}
