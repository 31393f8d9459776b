// Which format an upload has: what the query says, else the media type, else the ending of the name.
import DataFormats
import HTTP1
import HTTPServer

/// Settles formats.
enum UploadFormat {
    /// The media types that are taken, and what they stand for.
    static let mediaTypes: [(type: String, format: DatasetFormat)] = [
        ("text/csv", .csv), ("application/csv", .csv), ("application/x-npy", .npy), ("text/x-libsvm", .libsvm),
        ("application/x-libsvm", .libsvm),
    ]
    private static let endings: [(ending: String, format: DatasetFormat)] = [
        (".csv", .csv), (".npy", .npy), (".libsvm", .libsvm), (".svm", .libsvm),
    ]
    /// Types that say nothing: what a client sends that does not know better. Not that of curl's forms, which changes line
    /// ends.
    private static let vague: Set<String> = ["application/octet-stream", "binary/octet-stream"]

    /// - Throws: ``APIError/unsupportedDataset(_:)``, ``APIError/invalidParameter(_:wanted:found:)``.
    static func settle(_ query: Query, _ head: RequestHead, name: String?) throws(APIError) -> DatasetFormat {
        let types = head.fields.values(of: "content-type")
        guard types.count < 2 else { throw .unsupportedDataset(types.joined(separator: ", ")) }
        let type = types.first.map { MediaType($0).essence }
        let byType = type.flatMap { type in mediaTypes.first { $0.type == type }?.format }
        if let type, byType == nil, !vague.contains(type) { throw .unsupportedDataset(type) }
        if let text = query["format"] { return try Query.word("format", text, as: DatasetFormat.self) }
        if let byType { return byType }
        let lowercased = name?.lowercased() ?? ""
        guard let known = endings.first(where: { lowercased.hasSuffix($0.ending) }) else {
            throw .unsupportedDataset(type)
        }
        return known.format
    }

    /// The type that a data set is sent back with.
    static func mediaType(of format: DatasetFormat) -> String {
        switch format {
        case .csv: "text/csv"
        case .npy: "application/x-npy"
        case .libsvm: "text/x-libsvm"
        }
    }
}
