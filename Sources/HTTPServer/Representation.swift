// Answers with stored content: conditional requests and single ranges, RFC 9110 §13 and §14.
import HTTP1

extension Response {
    /// Answers GET or HEAD of content that has a tag: 304, 412, 206, 416 or 200, as the request asks.
    ///
    /// - Parameters:
    ///   - content: all of it.
    ///   - mediaType: for Content-Type.
    ///   - tag: changes whenever the content does.
    /// - Throws: ``FieldError`` when `mediaType` cannot stand in a field.
    package static func representation(
        _ content: [UInt8], mediaType: String, tag: EntityTag, for request: Request
    ) throws -> Response {
        var response = Response()
        try response.fields.append("ETag", tag.text)
        try response.fields.append("Accept-Ranges", "bytes")
        switch Precondition(of: request.head, current: tag) {
        case .notModified:
            response.status = .notModified
            return response
        case .failed:
            response.status = .preconditionFailed
            return response
        case .proceed:
            break
        }
        switch RangeSelection(of: request.head, length: content.count, current: tag) {
        case .whole:
            response.body = .bytes(content)
        case .part(let range):
            response.status = .partialContent
            let last = range.upperBound - 1
            try response.fields.append("Content-Range", "bytes \(range.lowerBound)-\(last)/\(content.count)")
            response.body = .bytes(Array(content[range]))
        case .unsatisfiable:
            response.status = .rangeNotSatisfiable
            try response.fields.append("Content-Range", "bytes */\(content.count)")
            return response
        }
        try response.fields.append("Content-Type", mediaType)
        return response
    }
}
