// Bounds as text, and the page that names them.
import Foundation
import HTTPServer
import Service
import Testing

@Suite struct WireSettingsTests {
    private let defaults = ServerConfiguration(loops: 1, wallClock: { 0 }, requestIdentifier: { "x" })

    @Test func everyLimitStandsOnThePageWithItsDefaultAndRange() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Documentation/limits.md"), encoding: .utf8)
        for limit in ServerLimit.all {
            let row =
                "| `\(limit.name)` | \(limit.value(in: defaults)) | \(limit.unit) | "
                + "\(limit.range.lowerBound) to \(limit.range.upperBound) | "
            #expect(page.contains(row) && page.contains(" | \(limit.consequence) |\n"), "\(row)")
        }
        #expect(page.matches(of: #/\n\| `/#).count == ServerLimit.all.count)
        #expect(Set(ServerLimit.all.map(\.name)).count == ServerLimit.all.count)
    }

    @Test(arguments: ServerLimit.all.map(\.name)) func eachSetsOneNumber(_ name: String) throws {
        let limit = try #require(ServerLimit.all.first { $0.name == name })
        for value in [limit.range.lowerBound, limit.range.upperBound] {
            var configuration = defaults
            limit.set(value, in: &configuration)
            #expect(limit.value(in: configuration) == value)
            for other in ServerLimit.all where other.name != name {
                #expect(other.value(in: configuration) == other.value(in: defaults))
            }
        }
    }

    @Test(arguments: [
        ("head-secs=1", "knows no 'head-secs'"), ("head-seconds", "wants 1 to 86400, came ''"),
        ("head-seconds=0", "came '0'"), ("head-seconds=86401", "came '86401'"), ("fields=x", "wants 1 to 10000"),
    ])
    func saysWhatItWants(_ text: String, _ words: String) {
        #expect { try WireSettings(limits: [text], proxies: []) } throws: {
            ($0 as? StartError)?.reason.contains(words) == true
        }
        #expect { try WireSettings(limits: [], proxies: ["10.0.0.0/99"]) } throws: {
            ($0 as? StartError)?.reason.contains("'10.0.0.0/99'") == true
        }
    }
}
