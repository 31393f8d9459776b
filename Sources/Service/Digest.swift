// Hashes of bytes, by OpenSSL's libcrypto (FIPS 180-4).
import COpenSSL

/// Content hashes.
package enum Digest {
    /// The SHA-256 of `bytes` in lower-case hexadecimal.
    package static func sha256(_ bytes: [UInt8]) -> String {
        let digest = RunningDigest(.sha256)
        digest.add(bytes)
        return hexadecimal(digest.finish())
    }

    /// Bytes as lower-case hexadecimal.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// The algorithms of RFC 9530 that are active.
package enum DigestAlgorithm: String, CaseIterable, Sendable {
    case sha256 = "sha-256"
    case sha512 = "sha-512"

    var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha512: 64
        }
    }
}

/// A hash of bytes that come piece by piece.
package struct RunningDigest: ~Copyable {
    private let context: OpaquePointer
    private let algorithm: DigestAlgorithm

    package init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        // Both algorithms are in every build of libcrypto.
        guard let context = EVP_MD_CTX_new(),
            EVP_DigestInit_ex(context, algorithm == .sha256 ? EVP_sha256() : EVP_sha512(), nil) == 1
        else { preconditionFailure("libcrypto cannot compute \(algorithm.rawValue)") }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next piece.
    package func add(_ bytes: [UInt8]) { precondition(EVP_DigestUpdate(context, bytes, bytes.count) == 1) }

    /// The hash; called once, after the last piece.
    package func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: algorithm.byteCount)
        precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1)
        return digest
    }
}
