// What an answer says before its content, and how it is written, RFC 9112 §4 and §6.

/// Status and fields of an answer. Framing, Connection and Date are not among them: the connection decides those, and
/// drops fields of these names.
package struct ResponseHead: Equatable, Sendable {
    /// The first line.
    package var status: Status
    /// Without those of the connection.
    package var fields: Fields

    /// An answer of `status`.
    package init(status: Status, fields: Fields = Fields()) {
        self.status = status
        self.fields = fields
    }
}

/// How much content an answer has, as far as its maker knows.
package enum ContentLength: Equatable, Sendable {
    case known(Int)
    case unknown
}

/// How an answer's content is delimited on the wire.
enum ResponseFraming: Equatable, Sendable {
    /// No content follows, whatever the head says: HEAD, 204, 304.
    case none
    case length(remaining: Int)
    case chunked
    /// Until the connection closes: HTTP/1.0 and an unknown length.
    case untilClose
}

/// The fields that the connection adds to a head.
struct ResponseTrim: Equatable {
    enum Persistence {
        /// The default of HTTP/1.1: nothing is said.
        case implied
        /// `Connection: keep-alive`, for HTTP/1.0.
        case keepAlive
        case close
    }

    var contentLength: Int?
    var isChunked = false
    var persistence = Persistence.implied
}

extension ResponseHead {
    /// Appends the head as bytes, the empty line included.
    ///
    /// - Parameters:
    ///   - date: a complete `Date: …` line with its line end; may be empty.
    ///   - requestID: free of what could end the line.
    func encode(trim: ResponseTrim, date: [UInt8], requestID: String?, into output: inout [UInt8]) {
        output.append("HTTP/1.1 ")
        output.append(decimal: status.code)
        output.append(Byte.space)
        output.append(status.phrase)
        output.append("\r\n")
        output.append(contentsOf: date)
        if let requestID {
            output.append("X-Request-Id: ")
            output.append(contentsOf: requestID.utf8)
            output.append("\r\n")
        }
        fields.encode(into: &output)
        if let length = trim.contentLength {
            output.append("Content-Length: ")
            output.append(decimal: length)
            output.append("\r\n")
        }
        if trim.isChunked { output.append("Transfer-Encoding: chunked\r\n") }
        switch trim.persistence {
        case .implied: break
        case .keepAlive: output.append("Connection: keep-alive\r\n")
        case .close: output.append("Connection: close\r\n")
        }
        output.append("\r\n")
    }
}

extension Fields {
    /// Appends `name: value` lines, without those that the connection writes itself.
    fileprivate func encode(into output: inout [UInt8]) {
        storage.withUnsafeBufferPointer { bytes in
            for entry in entries {
                let name = bytes.slice(entry.name)
                guard !name.isFramingName else { continue }
                output.append(contentsOf: name)
                output.append(": ")
                output.append(contentsOf: bytes.slice(entry.value))
                output.append("\r\n")
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate var isFramingName: Bool {
        switch count {
        case 4: equalsIgnoringCase("date")
        case 10: equalsIgnoringCase("connection")
        case 14: equalsIgnoringCase("content-length")
        case 17: equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }
}

extension [UInt8] {
    /// Appends ASCII text that is part of the program.
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `number`, not negative, in decimal digits.
    mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// Appends `number`, not negative, in hexadecimal digits.
    mutating func append(hexadecimal number: Int) {
        if number >= 16 { append(hexadecimal: number >> 4) }
        let digit = UInt8(number & 15)
        append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}
