// What a person at a terminal sees. Standard output belongs to results and to them alone.
import Glibc
import Service
import Synchronization

/// Shows progress on standard error.
final class Console: Sendable {
    private let mode: ProgressMode
    static let isTerminal = isatty(STDERR_FILENO) == 1
    /// Of the live line.
    private let lineLength = Mutex(0)

    init(mode: ProgressMode) { self.mode = mode }

    /// Shows one event.
    func show(_ event: ProgressEvent) {
        switch mode {
        case .none: break
        case .ndjson: Self.write(event.json + "\n", to: STDERR_FILENO)
        case .auto: if Self.isTerminal, let line = event.line { live(line) }
        }
    }

    /// Shows what a watch puts out.
    func show(_ output: WatchOutput) {
        switch output {
        case .live(let line): live(String(line.prefix(Self.columns - 1)))
        case .line(let line):
            let wasLive = lineLength.withLock { $0 > 0 }
            if wasLive { live("") }
            Self.write((wasLive ? "\r" : "") + line + "\n", to: STDERR_FILENO)
        }
    }

    /// Columns of the terminal; a line that is longer could not be written over.
    private static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : 80
    }

    /// Overwrites the live line.
    private func live(_ line: String) {
        lineLength.withLock { length in
            let padding = String(repeating: " ", count: max(0, length - line.count))
            Self.write("\r\(line)\(padding)", to: STDERR_FILENO)
            length = line.count
        }
    }

    /// Leaves the live line standing.
    func finish() {
        lineLength.withLock { length in
            if length > 0 { Self.write("\n", to: STDERR_FILENO) }
            length = 0
        }
    }

    /// Shows a document's warnings.
    func warn(_ job: AdmittedJob) {
        let text = job.warningText
        if !text.isEmpty { Self.say(text) }
    }

    static func say(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func refuse(_ error: DocumentLoadError) { say(error.text) }

    /// Prints a result. A reader that went away wants no more; anything else that keeps the result from being written,
    /// such as a full disk, is said.
    static func printResult(_ json: JSONDocument) throws { try printText(json.pretty + "\n") }

    /// Prints text that is the result.
    static func printText(_ text: String) throws {
        guard let code = write(text, to: STDOUT_FILENO), code != EPIPE else { return }
        say("error: the result cannot be written: \(String(cString: strerror(code)))")
        throw Status.refused
    }

    /// Writes all of `text`, or answers the `errno` that prevented it.
    @discardableResult private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest.removeFirst(count)
        }
        return nil
    }
}
