// Why a text is no acceptable document: one fault with its place, as the 400 answer `malformed-json` wants it.

import ExpressionLanguage

/// The first fault of a JSON or YAML text.
package struct JSONError: Error, Equatable {
    /// What kind of fault it is.
    package enum Kind: Equatable, Sendable {
        /// The text is not of the grammar.
        case malformed
        /// The bytes are not UTF-8.
        case invalidUTF8
        /// A name occurs twice in one object.
        case duplicateKey
        /// Arrays and objects are nested deeper than the limit.
        case nestingTooDeep
        /// A number overflows to infinity.
        case numberOverflow
        /// The text, or what its aliases expand to, is larger than the limit.
        case tooLarge
    }

    /// What kind of fault it is.
    package let kind: Kind
    /// 1-based line; lines end with LF.
    package let line: Int
    /// 1-based column in Unicode scalars.
    package let column: Int
    /// What was wanted and what came.
    package let message: String

    /// A fault at a known place.
    package init(_ kind: Kind, line: Int, column: Int, message: String) {
        self.kind = kind
        self.line = line
        self.column = column
        self.message = message
    }

    /// A fault at byte `offset` of `text`. O(offset).
    init(_ kind: Kind, at offset: Int, of text: UnsafeBufferPointer<UInt8>, message: String) {
        var line = 1
        var column = 1
        for byte in text[..<min(offset, text.count)] {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.init(kind, line: line, column: column, message: message)
    }

    /// The same fault as the validation report shows it: the whole document's pointer, the place in the sentence.
    package var diagnostic: Diagnostic {
        let code: DiagnosticCode =
            switch kind {
            case .malformed, .invalidUTF8: .malformedJSON
            case .duplicateKey: .duplicateKey
            case .nestingTooDeep: .nestingTooDeep
            case .numberOverflow: .notFinite
            case .tooLarge: .limitExceeded
            }
        return Diagnostic(pointer: "", code: code, message: "line \(line), column \(column): \(message)")
    }
}
