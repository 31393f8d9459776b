// A short storm: `make storm` has a hundred kills while a hundred jobs run.
import Foundation
import Testing

@Suite struct StormTests {
    @Test func nothingIsLostInAShortStorm() throws {
        let storm = Process()
        storm.executableURL = URL(fileURLWithPath: Executable.path).deletingLastPathComponent()
            .appendingPathComponent("Storm")
        storm.arguments = ["--rounds", "6", "--jobs", "6", "--seed", "8"]
        let output = Pipe()
        storm.standardOutput = output
        try storm.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        storm.waitUntilExit()
        #expect(storm.terminationStatus == 0, "\(text)")
        #expect(text.hasSuffix("every promise held\n"), "\(text)")
    }
}
