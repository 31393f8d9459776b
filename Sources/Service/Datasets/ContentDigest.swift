// Content-Digest of a request, RFC 9530: hashes of the content as it was sent, with its content coding.
import Foundation
import HTTP1
import HTTPServer
import Synchronization

/// The hashes that a request says its content has. Algorithms that are not known here are passed over (RFC 9530 §2).
package struct ContentDigest: Equatable, Sendable {
    /// A hash by its algorithm.
    package let expected: [DigestAlgorithm: [UInt8]]

    /// Reads a dictionary of structured fields (RFC 8941 §3.2) whose members are byte sequences.
    ///
    /// - Returns: nil for a field that is no such dictionary, or has a hash of the wrong length.
    package init?(_ fields: [String]) {
        var expected: [DigestAlgorithm: [UInt8]] = [:]
        for member in fields.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
            let parts = String(member).trimmed.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, Self.isKey(parts[0]), let bytes = Self.bytes(parts[1]) else { return nil }
            guard let algorithm = DigestAlgorithm(rawValue: parts[0]) else { continue }
            guard bytes.count == algorithm.byteCount else { return nil }
            expected[algorithm] = bytes
        }
        self.expected = expected
    }

    /// As Content-Digest carries a SHA-256.
    package static func field(ofSHA256 bytes: [UInt8]) -> String { "sha-256=:\(Data(bytes).base64EncodedString()):" }

    private static func isKey(_ text: String) -> Bool {
        guard let first = text.utf8.first, (97...122).contains(first) || first == UInt8(ascii: "*") else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (48...57).contains(byte) || "_-.*".utf8.contains(byte)
        }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        guard text.utf8.count >= 2, text.hasPrefix(":"), text.hasSuffix(":") else { return nil }
        return Data(base64Encoded: String(text.dropFirst().dropLast())).map { [UInt8]($0) }
    }
}

/// Hashes a body while it arrives.
final class DigestWitness: BodyWitness {
    private struct Digests: ~Copyable {
        let sha256 = RunningDigest(.sha256)
        let sha512 = RunningDigest(.sha512)
    }

    private let digests = Mutex(Digests())
    private let expected: [DigestAlgorithm: [UInt8]]

    /// nil where the request says nothing of its content, or nothing that can be read.
    init?(_ head: RequestHead) {
        let fields = head.fields.values(of: "content-digest")
        guard !fields.isEmpty, let digest = ContentDigest(fields), !digest.expected.isEmpty else { return nil }
        expected = digest.expected
    }

    func see(_ bytes: [UInt8]) {
        digests.withLock { digests in
            for algorithm in expected.keys {
                switch algorithm {
                case .sha256: digests.sha256.add(bytes)
                case .sha512: digests.sha512.add(bytes)
                }
            }
        }
    }

    /// The algorithm whose hash is another than the request said; nil when all are right. Called once, at the end.
    func mismatch() -> DigestAlgorithm? {
        digests.withLock { digests in
            for (algorithm, wanted) in expected {
                let found =
                    switch algorithm {
                    case .sha256: digests.sha256.finish()
                    case .sha512: digests.sha512.finish()
                    }
                if found != wanted { return algorithm }
            }
            return nil
        }
    }
}
