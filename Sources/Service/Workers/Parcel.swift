// Documents and results on their way between supervisor and worker: short ones in the frame, long ones in a file.
import Foundation
import ProblemSpecification

/// Bytes of text, or where they are.
package enum Parcel: Sendable, Equatable {
    case inline([UInt8])
    /// A path.
    case file(String)

    /// Bytes of the longest text that goes to a worker in a frame: an order is sent at once or not at all.
    static let orderBytes = 32 << 10
    /// Bytes of the longest text that comes from a worker in a frame; escaped, it is at most six times as long.
    static let reportBytes = 128 << 10

    /// Packs `bytes`; writes them to `file` if there are more than `limit`.
    init(_ bytes: [UInt8], limit: Int, file: URL) throws {
        if bytes.count <= limit {
            self = .inline(bytes)
        } else {
            try Data(bytes).write(to: file)
            self = .file(file.path)
        }
    }

    /// The bytes.
    func open() throws -> [UInt8] {
        switch self {
        case .inline(let bytes): bytes
        case .file(let path): [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        }
    }

    /// How many bytes they are; 0 where the file is gone.
    var count: Int {
        switch self {
        case .inline(let bytes): bytes.count
        case .file(let path): (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        }
    }

    /// As a member of a message.
    var json: JSONValue {
        switch self {
        case .inline(let bytes):
            .object([JSONMember(name: "text", value: .string(String(decoding: bytes, as: UTF8.self)))])
        case .file(let path): .object([JSONMember(name: "file", value: .string(path))])
        }
    }

    init?(_ json: JSONValue?) {
        if let text = json?["text"]?.text {
            self = .inline(Array(text.utf8))
        } else if let path = json?["file"]?.text {
            self = .file(path)
        } else {
            return nil
        }
    }
}
