// Content codings of one connection: which answers leave in gzip, and how content in gzip comes in.
import HTTP1

extension Connection {
    /// Puts an answer into gzip where its reader welcomes it and it is worth it, and says so: Vary wherever the choice
    /// depends on the reader, another tag for other bytes. Long content is coded while it is sent.
    func code(_ response: inout Response, for head: RequestHead) {
        if response.status == .notModified { return codeTag(ofUnmodified: &response) }
        guard response.mayBeCoded(above: server.configuration.compressionBytes) else { return }
        // Names and values are the program's own.
        try? response.fields.append("Vary", "Accept-Encoding")
        guard !head.fields.contains("range"), head.version == .http11, ContentCoding.gzipIsWelcome(to: head.fields)
        else { return }
        switch response.body {
        case .bytes(let bytes) where bytes.count <= server.configuration.bufferedBytes:
            guard let coded = GzipEncoder(.whole)?.encode(bytes[...], flush: .end), coded.count < bytes.count else {
                return
            }
            response.body = .bytes(coded)
        case .bytes, .stream:
            encoder = GzipEncoder(response.isStream ? .stream : .whole)
            guard encoder != nil else { return }
        case .empty:
            return
        }
        try? response.fields.append("Content-Encoding", "gzip")
        response.tagAsGzip()
    }

    /// A reader that named the tag of the coded content is told that this is what it still has.
    private func codeTag(ofUnmodified response: inout Response) {
        try? response.fields.append("Vary", "Accept-Encoding")
        if exchange?.namesGzipTags == true { response.tagAsGzip() }
    }

    /// Begins to take the coding off the content of a request.
    ///
    /// - Returns: why the content cannot be read; nil when it can.
    func prepareDecoding(_ head: RequestHead, limit: Int) -> ServerFault? {
        switch ContentCoding(ofContentOf: head.fields) {
        case .identity: return nil
        case .unknown(let coding): return .unsupportedContentCoding(coding)
        case .gzip:
            decoder = GzipDecoder(limit: limit, ratio: server.configuration.decompressionRatio)
            machine.contentBytesAtOnce = GzipDecoder.bytesAtOnce
            return decoder == nil ? .tooManyHandlers : nil
        }
    }

    /// Content as it was before it was coded; answers, and returns nil, when it is not what it should be.
    func decoded(_ bytes: [UInt8]) -> [UInt8]? {
        guard let decoder else { return bytes }
        do throws(GzipFault) {
            let content = try decoder.decode(bytes)
            decodedBytes += content.count
            return content
        } catch {
            switch error {
            case .malformed: answer(.malformedContentCoding)
            case .tooLarge(let limit): answer(.contentTooLarge(limit: limit))
            case .tooDense: answer(.contentTooDense)
            }
            return nil
        }
    }
}

extension Response {
    fileprivate var isStream: Bool {
        if case .stream = body { true } else { false }
    }

    private static let compressibleTypes: Set<String> = [
        "application/json", "application/x-ndjson", "application/yaml", "application/xml", "application/javascript",
        "image/svg+xml",
    ]

    /// Whether the coding of this content depends on its reader.
    fileprivate func mayBeCoded(above limit: Int) -> Bool {
        // What costs nothing to know comes first.
        switch body {
        case .empty, .stream(.some, _): return false
        case .bytes(let bytes): if bytes.count <= limit { return false }
        case .stream(nil, _): break
        }
        guard status != .partialContent, !fields.contains("content-encoding"), isText else { return false }
        return fields["cache-control"]?.lowercased().contains("no-transform") != true
    }

    private var isText: Bool {
        guard let type = fields["content-type"]?.lowercased().prefix(while: { $0 != ";" && $0 != " " }) else {
            return false
        }
        return type.hasPrefix("text/") || type.hasSuffix("+json") || Self.compressibleTypes.contains(String(type))
    }

    fileprivate mutating func tagAsGzip() {
        guard let tag = fields["etag"].flatMap({ EntityTag(text: $0) }) else { return }
        // A tag with a suffix of letters is a tag.
        try? fields.replace("ETag", with: tag.ofGzip.text)
    }
}
