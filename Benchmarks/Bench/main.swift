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

/// The command line without the variant of the kernels, which is taken into use.
func takeVariant(_ words: [String]) -> [String] {
    words.filter { word in
        guard let variant = Kernels.Variant.allCases.first(where: { $0.name == word }) else { return true }
        if !Kernels.use(variant) {
            say("this processor cannot run \(word)")
            exit(2)
        }
        return false
    }
}

BLAS.configureSingleThread()
let words = takeVariant(Array(CommandLine.arguments.dropFirst()))
switch (words.first, words.count) {
case ("table", 1...2): Table.print(rounds: words.count > 1 ? Int(words[1]) ?? 15 : 15)
case ("serve", 2): serve(words[1], .float64)
case ("serve", 3) where words[2] == Precision.float32.name: serve(words[1], .float32)
case ("methods", 1...3):
    let samples = words.count > 2 ? Int(words[2]) : nil
    MethodsTable.print(document: words.count > 1 ? words[1] : nil, samples: samples ?? 1_000_000)
case ("auto", 2...3): AutoTable.print(examples: words[1], only: words.count > 2 ? words[2] : "")
case ("auto", 4): AutoTable.follow(examples: words[1], problem: words[2], method: words[3])
default:
    say(
        "usage: Bench table [ROUNDS] | Bench methods [DOCUMENT [SAMPLES]] | Bench auto EXAMPLES [PROBLEM [METHOD]] | "
            + "Bench serve FOLDER [float32]; "
            + "\(Kernels.Variant.allCases.map(\.name).joined(separator: ", ")) chooses the kernels")
    exit(2)
}
