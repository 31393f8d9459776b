// What may stand behind a chunk's size, RFC 9112 §7.1.1. Nothing here means anything to us, but where two readers disagree
// about its form they disagree about where the chunk begins.

/// Checks `*( ";" name [ "=" ( token / quoted-string ) ] )`, blanks allowed around names and values.
enum ChunkExtensions {
    /// Whether `bytes`, free of control characters but tabs, are extensions or nothing.
    static func isWellFormed(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            guard rest.popFirst() == Byte.semicolon else { return false }
            dropBlanks(&rest)
            guard dropToken(&rest) else { return false }
            dropBlanks(&rest, before: [UInt8(ascii: "="), Byte.semicolon])
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            dropBlanks(&rest)
            guard rest.first == UInt8(ascii: "\"") ? dropQuotedString(&rest) : dropToken(&rest) else { return false }
            dropBlanks(&rest, before: [Byte.semicolon])
        }
        return true
    }

    private static func dropBlanks(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) {
        rest = rest.drop(while: \.isBlank)
    }

    /// Blanks at the very end of the line stay, and are a fault there.
    private static func dropBlanks(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>, before marks: [UInt8]) {
        let behind = rest.drop(while: \.isBlank)
        if let next = behind.first, marks.contains(next) { rest = behind }
    }

    private static func dropToken(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let behind = rest.drop(while: ByteSet.token.contains)
        defer { rest = behind }
        return behind.startIndex > rest.startIndex
    }

    private static func dropQuotedString(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        rest = rest.dropFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
        }
        return false
    }
}
