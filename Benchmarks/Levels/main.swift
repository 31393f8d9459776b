// Tables about problems of several levels. `Levels robust [SPLITS]` tunes a robust regression on patients; `Levels table`
// compares derivatives of solved levels with those of followed steps. Both print Markdown.
import Foundation
import Tensors

/// One line, at once: a reader may be waiting.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// What went wrong, for the reader of the terminal.
struct LevelsError: Error, CustomStringConvertible {
    let description: String
}

BLAS.configureSingleThread()
let words = Array(CommandLine.arguments.dropFirst())
do {
    switch words.first {
    case "robust":
        try RobustTuning(root: FileManager.default.currentDirectoryPath).print(
            words.dropFirst().first.flatMap(Int.init) ?? 5)
    case "table": try LevelsTable().print()
    default:
        say("usage: Levels robust [SPLITS] | Levels table (from the folder of the package)")
        exit(2)
    }
} catch {
    say("\(error)")
    exit(1)
}
