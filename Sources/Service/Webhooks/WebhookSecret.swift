// What webhooks are signed with. Signatures and secrets are those of https://www.standardwebhooks.com: HMAC-SHA256
// (RFC 2104) over `id.timestamp.body`, so that a receiver may use any of its libraries.
import COpenSSL
import Foundation
import Glibc

/// The secret of a data folder, from which each owner has one of their own.
package struct WebhookSecret: Sendable {
    private let root: [UInt8]
    private static let fileName = "webhook-key"
    private static let byteCount = 32

    /// Reads the folder's secret; makes it first where there is none.
    ///
    /// - Throws: ``StartError`` when it can be neither read nor made.
    package init(in folder: URL) throws(StartError) {
        let file = folder.appendingPathComponent(Self.fileName)
        if !FileManager.default.fileExists(atPath: file.path) { try Self.make(file) }
        guard let data = try? Data(contentsOf: file), data.count == Self.byteCount else {
            throw StartError(reason: "\(file.path) cannot be read as \(Self.byteCount) bytes")
        }
        root = [UInt8](data)
    }

    /// - Parameter root: any bytes.
    package init(root: [UInt8]) { self.root = root }

    /// Whole or not there, readable by its owner alone; of two that make it at once, the first one's stays.
    private static func make(_ file: URL) throws(StartError) {
        var source = SystemRandomNumberGenerator()
        let bytes = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &source) }
        let draft = file.deletingLastPathComponent().appendingPathComponent("\(fileName).\(getpid())")
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try DurableFile.write(bytes, to: draft, mode: 0o600)
        } catch {
            throw StartError(reason: "\(file.path) cannot be made: \(FileFault.describe(error))")
        }
        defer { unlink(draft.path) }
        guard link(draft.path, file.path) == 0 || errno == EEXIST else {
            throw StartError(reason: "\(file.path) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// What an owner's receivers check signatures with, as the libraries take it.
    package func text(for owner: String) -> String { "whsec_" + Data(key(for: owner)).base64EncodedString() }

    /// The value of `Webhook-Signature`.
    ///
    /// - Parameter timestamp: seconds of the attempt, as `Webhook-Timestamp` tells it.
    package func signature(for owner: String, id: String, timestamp: Int64, body: [UInt8]) -> String {
        let message = Array("\(id).\(timestamp).".utf8) + body
        return "v1," + Data(Self.code(of: message, key: key(for: owner))).base64EncodedString()
    }

    private func key(for owner: String) -> [UInt8] { Self.code(of: Array("webhook \(owner)".utf8), key: root) }

    private static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
        // SHA-256 is in every build of libcrypto, and the buffer has its size.
        precondition(made != nil && count == 32, "libcrypto cannot compute HMAC-SHA-256")
        return code
    }
}
