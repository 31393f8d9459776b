// What a person at a terminal sees. Standard output belongs to results alone.
import Foundation
import Service

/// Shows progress on standard error.
final class Console {
    private let mode: ProgressMode
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lineLength = 0

    init(mode: ProgressMode) { self.mode = mode }

    /// Shows one event.
    func show(_ event: ProgressEvent) {
        switch mode {
        case .none: break
        case .ndjson: Self.write(event.json + "\n", to: .standardError)
        case .auto: if isTerminal, let line = event.line { live(line) }
        }
    }

    /// Overwrites the live line.
    private func live(_ line: String) {
        let padding = String(repeating: " ", count: max(0, lineLength - line.count))
        Self.write("\r\(line)\(padding)", to: .standardError)
        lineLength = line.count
    }

    /// Leaves the live line standing.
    func finish() {
        if lineLength > 0 { Self.write("\n", to: .standardError) }
        lineLength = 0
    }

    /// Shows a document's warnings.
    func warn(_ job: AdmittedJob) {
        let text = job.warningText
        if !text.isEmpty { Self.say(text) }
    }

    static func say(_ text: String) { write(text + "\n", to: .standardError) }

    static func refuse(_ error: DocumentLoadError) { say(error.text) }

    static func printResult(_ json: JSONDocument) { write(json.pretty + "\n", to: .standardOutput) }

    /// A reader that went away is no reason to die loudly.
    private static func write(_ text: String, to handle: FileHandle) {
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
