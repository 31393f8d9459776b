// What the kernel counts of this process, by proc(5).
// For `timeval` and `timespec`: its headers declare them too, and the compiler may take them from there.
import COpenSSL
import Foundation
import Glibc

/// Resources of this process at one moment.
struct ProcessStatistics: Equatable {
    let residentBytes: Int
    let processorSeconds: Double
    let openDescriptors: Int

    /// nil where /proc is not to be had.
    static func read() -> ProcessStatistics? {
        guard let memory = fields("/proc/self/statm"), memory.count > 1, let pages = Int(memory[1]),
            let processor = processorSeconds(),
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        else { return nil }
        return ProcessStatistics(
            residentBytes: pages * sysconf(CInt(_SC_PAGESIZE)), processorSeconds: processor,
            openDescriptors: descriptors)
    }

    private static func processorSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(CInt(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(microseconds) * 1e-6
    }

    private static func fields(_ path: String) -> [Substring]? {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: " ")
    }
}
