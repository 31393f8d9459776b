// Data sets: put, listed, looked at, sent back, forgotten. Everything is refused that can be before a body is read.
import DataFormats
import Foundation
import HTTP1
import HTTPServer
import JobQueue
import ProblemSpecification

/// What the endpoints of data sets work with.
package struct DatasetRoom: Sendable {
    let blobs: BlobKeeper
    let uploads: UploadRoom
    let profiler: any DatasetProfiler

    package init(blobs: BlobKeeper, uploads: UploadRoom, profiler: any DatasetProfiler) {
        self.blobs = blobs
        self.uploads = uploads
        self.profiler = profiler
    }
}

/// Everything below `/v1/datasets`.
struct DatasetEndpoints: Sendable {
    let context: APIContext

    // MARK: Coming in

    /// `POST /v1/datasets`.
    @Sendable func post(_ request: Request) async throws -> Response { try await receive(request, name: nil) }

    /// `PUT /v1/datasets/{name}`.
    @Sendable func put(_ request: Request) async throws -> Response {
        try await receive(request, name: try DatasetName.given(request.parameters["name"] ?? ""))
    }

    private func receive(_ request: Request, name: String?) async throws -> Response {
        let query = try Query(request, known: ["format"])
        let format = try UploadFormat.settle(query, request.head, name: name)
        let digests = request.fields("content-digest")
        guard ContentDigest(digests) != nil else {
            throw APIError.invalidParameter(
                "Content-Digest", wanted: "sha-256=:<base64>: or sha-512=:<base64>:",
                found: digests.joined(separator: ", "))
        }
        guard !context.status.isDraining else { throw APIError.draining }
        let caller = try context.access.caller(request.head)
        let condition = name == nil ? nil : condition(request.head)
        if let name, let condition { try await check(condition, on: name, of: caller) }
        let announced: Int? = if case .length(let length) = request.head.framing { length } else { nil }
        try await checkQuota(of: caller, announced ?? 0)
        let upload = try context.datasets.uploads.begin(announced: announced)
        return try await finish(upload, try await read(request, into: upload), format, name, caller, condition)
    }

    /// If-Match and If-None-Match, on the tag that the name's content has; nil where neither came.
    private func condition(_ head: RequestHead) -> DatasetCondition? {
        guard head.fields["if-match"] != nil || head.fields["if-none-match"] != nil else { return nil }
        return { present in
            Precondition(of: head, current: present.flatMap { EntityTag(opaque: $0) }) == .proceed
        }
    }

    /// Refuses early what the store would refuse at the end, when others may have put something else.
    private func check(_ condition: DatasetCondition, on name: String, of caller: Caller) async throws {
        let present = try await context.store.datasets(called: [name], of: caller.owner)[name]
        guard condition(present?.blob) else { throw APIError.contentChanged }
    }

    /// Refuses early what the store would refuse at the end.
    private func checkQuota(of caller: Caller, _ announced: Int) async throws {
        guard let limit = caller.limits.storageBytes, announced > limit else { return }
        throw JobStoreError.tooMuchData(limit: Int64(limit))
    }

    /// Bytes that are collected before they go to the file: pieces of a socket are small.
    private static let pieceBytes = 256 << 10

    /// - Returns: the SHA-256 of the bytes, and how many there are.
    private func read(_ request: Request, into upload: Upload) async throws -> (hash: [UInt8], byteCount: Int) {
        guard case .streamed(let body) = request.body else { throw APIError.emptyDataset }
        var waiting: [UInt8] = []
        while let piece = try await body.next() {
            waiting += piece
            guard waiting.count >= Self.pieceBytes else { continue }
            try await upload.file.append(waiting)
            waiting.removeAll(keepingCapacity: true)
        }
        if !waiting.isEmpty { try await upload.file.append(waiting) }
        let sealed = try await upload.file.seal()
        if let wrong = (body.witness as? DigestWitness)?.mismatch() { throw APIError.digestMismatch(wrong) }
        guard sealed.byteCount > 0 else { throw APIError.emptyDataset }
        return sealed
    }

    private func finish(
        _ upload: Upload, _ sealed: (hash: [UInt8], byteCount: Int), _ format: DatasetFormat, _ name: String?,
        _ caller: Caller, _ condition: DatasetCondition?
    ) async throws -> Response {
        let profile = try await profile(upload.file.path, format, sealed.byteCount)
        let hash = Digest.hexadecimal(sealed.hash)
        // Held until the row is written.
        let hold = try await upload.file.move(into: context.datasets.blobs, as: hash)
        let time = context.now().calendar
        let dataset = Dataset(
            id: DatasetID(bits: context.identifiers.next(at: time).bits), owner: caller.owner, name: name,
            createdAt: time, blob: hash, format: format.rawValue, byteCount: Int64(sealed.byteCount),
            profile: JSONWriter.bytes(profile))
        let stored = try await hold.during {
            try await context.store.put(
                dataset, storageLimit: caller.limits.storageBytes.map(Int64.init), if: condition)
        }
        let entry = try await context.store.dataset(.id(stored.dataset.id))
        return Response.json(DatasetDocument.value(entry), status: stored.isNew ? .created : .ok)
            .with("Location", DatasetDocument.path(stored.dataset.id))
    }

    private func profile(_ file: String, _ format: DatasetFormat, _ byteCount: Int) async throws -> JSONValue {
        switch await context.datasets.profiler.profile(file, format: format, byteCount: byteCount) {
        case .profile(let profile): return profile
        case .refused(let reason): throw APIError.notADataset(format, reason)
        case .exceedsLimits(let reason): throw APIError.exceedsLimits(reason)
        case .unavailable(let reason): throw APIError.admissionUnavailable(reason)
        }
    }

    // MARK: Reading

    /// `GET /v1/datasets`.
    @Sendable func list(_ request: Request) async throws -> Response {
        let parameters = try Query(request, known: ["limit", "cursor"])
        var query = DatasetQuery(owner: try context.access.caller(request.head).visibleOwner)
        query.limit = try parameters.integer("limit", in: JobLimits.pageSize) ?? query.limit
        query.cursor = try parameters.cursor { DatasetID($0) }
        let page = try await context.store.datasets(query)
        return .page(
            page.entries.map(DatasetDocument.value), next: page.next?.description, of: "/v1/datasets", parameters)
    }

    /// `GET /v1/datasets/{name}`.
    @Sendable func read(_ request: Request) async throws -> Response {
        _ = try Query(request)
        return .json(DatasetDocument.value(try await find(request)))
    }

    /// The data set that the path names, by name or id; to others than its owner there is none.
    private func find(_ request: Request) async throws -> DatasetEntry {
        let text = request.parameters["name"] ?? ""
        let caller = try context.access.caller(request.head)
        guard let id = DatasetID(text) else {
            return try await context.store.dataset(.name(text, owner: caller.owner))
        }
        let entry = try await context.store.dataset(.id(id))
        guard caller.seesAll || entry.dataset.owner == caller.owner else { throw JobStoreError.unknownDataset(text) }
        return entry
    }

    /// `GET /v1/datasets/{name}/content`.
    @Sendable func content(_ request: Request) async throws -> Response {
        _ = try Query(request)
        let dataset = try await find(request).dataset
        guard let format = DatasetFormat(rawValue: dataset.format) else {
            throw JobStoreError.storage(.corrupt("the format of \(dataset.id)"))
        }
        let file = try StoredFile(context.datasets.blobs.blobs.file(dataset.blob).path)
        return try file.response(to: request, mediaType: UploadFormat.mediaType(of: format), hash: dataset.blob)
            .with(
                "Content-Disposition", "attachment; filename=\"\(dataset.name ?? "\(dataset.id).\(format.rawValue)")\""
            )
            .with("X-Content-Type-Options", "nosniff")
    }

    // MARK: Going out

    /// `DELETE /v1/datasets/{name}`.
    @Sendable func delete(_ request: Request) async throws -> Response {
        let isForced = try Query(request, known: ["force"]).flag("force") ?? false
        try await context.store.deleteDataset(
            try await find(request).dataset.id, force: isForced, if: condition(request.head))
        return Response(status: .noContent)
    }
}
