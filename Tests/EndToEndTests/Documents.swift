// JSON that the executable printed, and folders that tests write documents into.
import Foundation
import Testing

/// A JSON value, read by Foundation: not by the parser under test.
struct JSON {
    private let value: Any

    init(_ text: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }

    private init(value: Any) { self.value = value }

    /// A member of an object.
    subscript(name: String) -> JSON? { (value as? [String: Any])?[name].map(JSON.init(value:)) }

    subscript(index: Int) -> JSON? {
        guard let elements = value as? [Any], elements.indices.contains(index) else { return nil }
        return JSON(value: elements[index])
    }

    var number: Double? { (value as? NSNumber)?.doubleValue }
    var integer: Int? { number.flatMap(Int.init(exactly:)) }
    var text: String? { value as? String }
    /// A number as one entry, an array of numbers as many.
    var numbers: [Double] { number.map { [$0] } ?? (value as? [Any] ?? []).flatMap { JSON(value: $0).numbers } }
}

/// What `solve` left behind.
struct Solved {
    let finished: Finished
    /// The result document; `nil` when none was printed.
    let result: JSON?
    /// The events on standard error.
    let events: [JSON]

    /// - Parameter finished: of a run with `--progress ndjson`.
    init(_ finished: Finished) throws {
        self.finished = finished
        result = finished.output.isEmpty ? nil : try JSON(finished.output)
        events = try finished.errors.split(separator: "\n").filter { $0.hasPrefix("{") }.map { try JSON(String($0)) }
    }

    var hash: String? { result?["result_sha256"]?.text }
    var iterations: Int? { result?["iterations"]?.integer }
    var objective: Double { result?["objective"]?["upper"]?.number ?? .nan }

    func variable(_ name: String) -> [Double] { result?["variables"]?[name]?.numbers ?? [] }

    /// The data of the progress event of an iteration.
    func point(_ iteration: Int) -> JSON? {
        events.lazy.filter { $0["type"]?.text == "progress" }.compactMap { $0["data"] }
            .first { $0["iteration"]?.integer == iteration }
    }

    /// The numbers of the events.
    var sequence: [Int] { events.compactMap { $0["seq"]?.integer } }
    var types: [String] { events.compactMap { $0["type"]?.text } }
}

/// Runs `solve` with events.
func solve(_ document: String, _ options: String..., in folder: URL = Repository.root) throws -> Solved {
    try Solved(Executable.run(["solve", document, "--progress", "ndjson"] + options, in: folder))
}

/// A folder of its own, removed with the last reference.
final class Scratch {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "stackelberg-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Writes a file and answers its path.
    func write(_ text: String, as name: String) throws -> String { try write(Data(text.utf8), as: name) }

    func write(_ data: Data, as name: String) throws -> String {
        try data.write(to: folder.appending(path: name))
        return path(name)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }
    func read(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }
}

/// Whether two numbers agree as closely as closed forms are held: |a − b| ≤ tolerance · max(1, |b|).
func agrees(_ found: Double, _ expected: Double, within tolerance: Double = 1e-9) -> Bool {
    abs(found - expected) <= tolerance * max(1, abs(expected))
}

func agrees(_ found: [Double], _ expected: [Double], within tolerance: Double = 1e-9) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { agrees($0, $1, within: tolerance) }
}
