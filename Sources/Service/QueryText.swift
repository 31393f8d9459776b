// Percent-encoding of parts of a target, RFC 3986 §2.1.
import HTTP1

/// Text as a part of a path or a query holds it.
enum QueryText {
    /// Everything but unreserved characters as escapes.
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, byte in
            if ByteSet.unreserved.contains(byte) {
                result.append(Character(UnicodeScalar(byte)))
            } else {
                result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
