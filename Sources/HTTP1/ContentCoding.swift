// Which content codings a request takes and which its own content came in, RFC 9110 §8.4 and §12.5.3. Only gzip is known.

/// The coding of a request's content.
package enum ContentCoding: Equatable, Sendable {
    case identity
    case gzip
    /// Any other, or several; as sent.
    case unknown(String)

    /// What Content-Encoding says.
    package init(ofContentOf fields: Fields) {
        let values = fields.values(of: "content-encoding")
        let text = values.joined(separator: ", ")
        switch text.lowercased() {
        case "", "identity": self = .identity
        case "gzip", "x-gzip": self = .gzip
        default: self = .unknown(text)
        }
    }

    /// Whether an answer in gzip is taken at least as gladly as one without coding. A client that says nothing gets
    /// what it can certainly read.
    package static func gzipIsWelcome(to fields: Fields) -> Bool {
        var weights: [Substring: Double] = [:]
        for member in FieldList.members(of: fields.values(of: "accept-encoding")) {
            let parts = member.lowercased().split(separator: ";", maxSplits: 1)
                .map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first else { continue }
            weights[Substring(name)] = parts.count == 1 ? 1 : weight(parts[1])
        }
        guard let gzip = weights["gzip"] ?? weights["x-gzip"] ?? weights["*"], gzip > 0 else { return false }
        return gzip >= weights["identity", default: 0]
    }

    /// `q=` and a number of at most three decimals; nonsense is a refusal.
    private static func weight(_ parameter: String) -> Double {
        guard parameter.hasPrefix("q="), let weight = Double(parameter.dropFirst(2)), (0...1).contains(weight) else {
            return 0
        }
        return weight
    }
}

extension EntityTag {
    private static let suffix = "-gzip"

    /// The tag of the same content in gzip: other bytes need another strong tag (RFC 9110 §8.8.3.3).
    package var ofGzip: EntityTag { EntityTag(opaque: opaque + Self.suffix, isWeak: isWeak) ?? self }
}

extension Fields {
    /// Whether If-None-Match or If-Match names a tag that ``EntityTag/ofGzip`` made.
    package var nameGzipTags: Bool {
        guard contains("if-none-match") || contains("if-match") else { return false }
        return (values(of: "if-none-match") + values(of: "if-match")).contains { value in
            let bytes = Array(value.utf8)
            return Self.withPlainTags(bytes).count < bytes.count
        }
    }

    /// `-gzip` before a quote is left out. Byte by byte: a search in text takes milliseconds of a long list.
    private static func withPlainTags(_ bytes: [UInt8]) -> [UInt8] {
        let suffix = Array("-gzip\"".utf8)
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        for byte in bytes {
            plain.append(byte)
            guard byte == suffix[5], plain.count >= 6, plain[(plain.count - 6)...].elementsEqual(suffix) else {
                continue
            }
            plain.replaceSubrange((plain.count - 6)..., with: [byte])
        }
        return plain
    }

    /// The same fields with such tags led back to those they were made from: handlers know their content by one tag.
    /// If-Range stays as it is, so that no part of the plain bytes is joined to coded ones.
    package func withPlainTags() -> Fields {
        var plain = Fields()
        for line in lines {
            let isCondition = ["if-none-match", "if-match"].contains(line.name.lowercased())
            // Both parts were parts of a field before.
            let value =
                isCondition ? String(decoding: Self.withPlainTags(Array(line.value.utf8)), as: UTF8.self) : line.value
            try? plain.append(line.name, value)
        }
        return plain
    }

    /// Puts one field line in the place of all of that name.
    ///
    /// - Throws: ``FieldError``.
    package mutating func replace(_ name: String, with value: String) throws(FieldError) {
        var others = Fields()
        for line in lines where line.name.lowercased() != name.lowercased() { try others.append(line.name, line.value) }
        try others.append(name, value)
        self = others
    }
}

extension RequestHead {
    /// The same head with other fields; framing and persistence stay as they were decided.
    package func with(fields: Fields) -> RequestHead {
        RequestHead(
            method: method, target: target, version: version, fields: fields, framing: framing, rawTarget: rawTarget,
            allowsReuse: allowsReuse, expectsContinue: expectsContinue)
    }
}
