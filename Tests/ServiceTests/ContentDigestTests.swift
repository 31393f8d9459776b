// Content-Digest as RFC 9530 writes it, and what is none.
import Foundation
import HTTP1
import Service
import Testing

@Suite struct ContentDigestTests {
    /// RFC 9530, appendix B.1: the hash of {"hello": "world"} and a line feed.
    private static let sha256 = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="

    @Test func readsTheExampleOfTheRFC() throws {
        let digest = try #require(ContentDigest(["sha-256=:\(Self.sha256):"]))
        #expect(digest.expected[.sha256] == Array(try #require(Data(base64Encoded: Self.sha256))))
        #expect(digest.expected[.sha512] == nil)
        let content = Array("{\"hello\": \"world\"}\n".utf8)
        let running = RunningDigest(.sha256)
        for byte in content { running.add([byte]) }
        #expect(running.finish() == digest.expected[.sha256])
        #expect(ContentDigest.field(ofSHA256: try #require(digest.expected[.sha256])) == "sha-256=:\(Self.sha256):")
    }

    @Test func passesOverWhatItDoesNotKnow() {
        #expect(ContentDigest([])?.expected.isEmpty == true)
        #expect(ContentDigest(["md5=:AAAA:"])?.expected.isEmpty == true)
        #expect(ContentDigest(["md5=:AAAA:, sha-256=:\(Self.sha256):"])?.expected.count == 1)
        #expect(ContentDigest(["md5=:AAAA:", " sha-256=:\(Self.sha256): "])?.expected.count == 1)
    }

    @Test(arguments: [
        "", "sha-256", "sha-256=", "sha-256=::", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:\(sha256)", "=:AAAA:",
        "SHA-256=:\(sha256):", "sha-256=:\(sha256):,", "sha-256=:\(sha256):;a", "sha-256=:!!!!:", "sha-512=:\(sha256):",
        "sha-256:\(sha256)",
    ])
    func refuses(_ field: String) {
        #expect(ContentDigest([field]) == nil)
    }
}
