// Benchmarks. `Bench table` prints the ratios of the engine to work by hand; `Bench methods` what methods on batches reach
// within a number of samples; `Bench auto EXAMPLES` holds `auto` against grids of step sizes on problems with data of that
// folder; `Bench serve FOLDER [float32]` measures for the driver of `Benchmarks/peers`, which asks line by line, so that
// rounds of different programs alternate.
import DataFormats
import Foundation
import Tensors

/// One line, not held back in a buffer: the other side of the pipe waits for it.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// Seconds of `body`.
func seconds(_ body: () -> Void) -> Double {
    let begin = ContinuousClock.now
    body()
    let elapsed = begin.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
}

/// `time NAME COUNT` answers with seconds; `results NAME FOLDER` writes arrays and answers with their names.
func answer(_ words: [String], _ measurements: Measurements) throws -> String {
    switch words.first {
    case "time" where words.count == 3:
        let measurement = try measurements.measurement(words[1])
        measurement.reset()
        return "{\"seconds\": \(seconds { measurement.run(Int(words[2]) ?? 1) })}"
    case "results" where words.count == 3:
        let results = try measurements.measurement(words[1]).results()
        for (name, values) in results {
            let file = URL(filePath: words[2]).appending(path: "\(name).npy")
            try Data(NPYWriter.bytes(Tensor(shape: [values.count], values: values))).write(to: file)
        }
        return "{\"arrays\": [\(results.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", "))]}"
    default: throw BenchError(description: "wanted \"time NAME COUNT\" or \"results NAME FOLDER\"")
    }
}

func serve(_ folder: String, _ precision: Precision) {
    let names = Measurements.names.map { "\"\($0)\"" }.joined(separator: ", ")
    say(
        "{\"kernels\": \"\(Kernels.variant)\", \"blas\": \"\(BLAS.configuration)\", \"threads\": 1, "
            + "\"measurements\": [\(names)]}")
    let measurements = Measurements(DataFolder(path: folder, precision: precision))
    while let line = readLine() {
        do {
            say(try answer(line.split(separator: " ").map(String.init), measurements))
        } catch { say("{\"error\": \"\("\(error)".replacing("\"", with: "'").replacing("\n", with: " "))\"}") }
    }
}

BLAS.configureSingleThread()
switch CommandLine.arguments.dropFirst().first {
case "table": Table.print(rounds: CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 15 : 15)
case "serve" where CommandLine.arguments.count == 3: serve(CommandLine.arguments[2], .float64)
case "serve" where CommandLine.arguments.count == 4 && CommandLine.arguments[3] == Precision.float32.name:
    serve(CommandLine.arguments[2], .float32)
case "methods" where (2...4).contains(CommandLine.arguments.count):
    let words = CommandLine.arguments.dropFirst(2)
    MethodsTable.print(document: words.first, samples: words.dropFirst().first.flatMap { Int($0) } ?? 1_000_000)
case "auto" where (3...4).contains(CommandLine.arguments.count):
    AutoTable.print(
        examples: CommandLine.arguments[2], only: CommandLine.arguments.count > 3 ? CommandLine.arguments[3] : "")
default:
    say(
        "usage: Bench table [ROUNDS] | Bench methods [DOCUMENT [SAMPLES]] | Bench auto EXAMPLES [PROBLEM] | "
            + "Bench serve FOLDER [float32]")
    exit(2)
}
