// What /proc says of a server and its workers.
import Foundation
import Glibc

/// Looks into /proc.
package enum ProcessTable {
    /// The children of a process, workers among them.
    package static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { entry($0)?.parent == parent }.sorted()
    }

    /// Whether the process exists and is more than a name: one that ended and was not collected yet is gone.
    package static func isAlive(_ process: Int32) -> Bool { entry(process).map { $0.state != "Z" } ?? false }

    /// Whether all of them are gone within `seconds`.
    package static func areGone(_ processes: [Int32], within seconds: Double) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while processes.contains(where: isAlive) {
            if ContinuousClock.now >= deadline { return false }
            usleep(5_000)
        }
        return true
    }

    package static func descriptors(of process: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
    }

    /// Resident memory in bytes.
    package static func residentBytes(of process: Int32) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return pages * 4_096
    }

    /// State letter and parent; the name before them may hold anything, so they are looked for behind its bracket.
    private static func entry(_ process: Int32) -> (state: String, parent: Int32)? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let words = text[text.index(after: end)...].split(separator: " ")
        guard words.count > 1, let parent = Int32(words[1]) else { return nil }
        return (String(words[0]), parent)
    }
}
