// Bad clients by the hundred beside honest ones: the job must come out right, the honest must get everything, answers
// must stay quick, and what was taken must be given back. `Abuse --seconds 20 --clients 256 --streams 100 --seed 1`
import Foundation
import Glibc
import ServiceHarness

@main enum Abuse {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments)
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("abuse-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let faults = try Siege(options, folder: folder).run()
            for fault in faults { print(fault) }
            print(faults.isEmpty ? "every promise held" : "\(faults.count) promises broken; see \(folder.path)")
            if faults.isEmpty { try FileManager.default.removeItem(at: folder) }
            exit(faults.isEmpty ? 0 : 1)
        } catch {
            print("abuse: \(error)")
            exit(2)
        }
    }
}
