// SHA-256 of bytes, by OpenSSL's libcrypto (FIPS 180-4).
import COpenSSL

/// Content hashes.
package enum Digest {
    /// The SHA-256 of `bytes` in lower-case hexadecimal.
    package static func sha256(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let status = EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
        // SHA-256 is in every build of libcrypto, and the buffer has its size.
        precondition(status == 1 && count == 32, "libcrypto cannot compute SHA-256")
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
