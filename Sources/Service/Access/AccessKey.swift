// What is kept of a key: whose it is, what it opens, what it may use; of its secret a hash alone.
import JobQueue
import ProblemSpecification

/// What a key opens.
package enum AccessScope: String, CaseIterable, Sendable {
    /// Jobs, their events and results; data sets.
    case jobsRead = "jobs:read"
    /// Submitting, checking, stopping, changing, deleting.
    case jobsWrite = "jobs:write"
    /// Uploading and deleting data sets.
    case datasetsWrite = "datasets:write"
    /// Everything, of every owner; metrics and workers.
    case admin
}

/// What the holder of a key may use; nil for no bound.
package struct AccessLimits: Equatable, Sendable {
    /// A sixth of them at once.
    package var requestsPerMinute: Int?
    /// Jobs of the owner that have not ended.
    package var activeJobs: Int?
    /// Bytes of the owner's data sets, the same bytes counted once.
    package var storageBytes: Int?

    package init(requestsPerMinute: Int? = nil, activeJobs: Int? = nil, storageBytes: Int? = nil) {
        self.requestsPerMinute = requestsPerMinute
        self.activeJobs = activeJobs
        self.storageBytes = storageBytes
    }
}

/// One key as it is kept.
package struct AccessKey: Equatable, Sendable {
    /// The part of the key that may be shown.
    let id: String
    /// The SHA-256 of the whole key, in hexadecimal.
    let hash: String
    let owner: String
    /// Words to know it by.
    let name: String
    let scopes: Set<AccessScope>
    let limits: AccessLimits
    let createdAt: Timestamp
    /// Seconds that it was made for; nil for ever.
    let lifetime: Int?
    /// From then on it opens nothing: at the end of its lifetime, or before.
    var endsAt: Timestamp?

    /// Whether the key opens anything at `time`.
    func isValid(at time: Timestamp) -> Bool { endsAt.map { time < $0 } ?? true }

    /// Whether it opens what needs `scope`.
    func opens(_ scope: AccessScope) -> Bool { scopes.contains(scope) || scopes.contains(.admin) }
}

extension AccessKey {
    /// As it stands in the file.
    var json: JSONValue {
        var object = JSONObjectBuilder()
        object.add("id", id)
        object.add("sha256", hash)
        object.add("owner", owner)
        object.add("name", name)
        object.add("scopes", .array(scopeNames.map(JSONValue.string)))
        object.add("created_at", RFC3339.text(createdAt))
        object.add(Self.lifetimeName, lifetime.map(JSONValue.integer) ?? .null)
        if let endsAt { object.add("ends_at", RFC3339.text(endsAt)) }
        for (name, value) in limitValues { if let value { object.add(name, value) } }
        return object.value
    }

    /// Scopes in the order of their table.
    var scopeNames: [String] { AccessScope.allCases.filter(scopes.contains).map(\.rawValue) }

    private var limitValues: [(String, Int?)] {
        [
            ("requests_per_minute", limits.requestsPerMinute), ("active_jobs", limits.activeJobs),
            ("storage_bytes", limits.storageBytes),
        ]
    }

    /// Whether the limits that stand in `json` are numbers that can be kept: at no request a minute no token ever comes.
    private static func areBounds(in json: JSONValue) -> Bool {
        let least = [("requests_per_minute", 1), ("active_jobs", 0), ("storage_bytes", 0)]
        return least.allSatisfy { name, least in json[name].map { $0.int ?? -1 >= least } ?? true }
    }

    /// - Returns: nil when a member is missing or makes no sense.
    init?(_ json: JSONValue) {
        guard let id = json["id"]?.text, let hash = json["sha256"]?.text, hash.utf8.count == 64,
            let owner = json["owner"]?.text, let created = json["created_at"]?.text.flatMap(RFC3339.time),
            let words = json["scopes"]?.elements
        else { return nil }
        let scopes = words.compactMap { $0.text.flatMap(AccessScope.init(rawValue:)) }
        guard scopes.count == words.count, Self.areBounds(in: json) else { return nil }
        self.id = id
        self.hash = hash
        self.owner = owner
        name = json["name"]?.text ?? ""
        self.scopes = Set(scopes)
        limits = AccessLimits(
            requestsPerMinute: json["requests_per_minute"]?.int, activeJobs: json["active_jobs"]?.int,
            storageBytes: json["storage_bytes"]?.int)
        createdAt = created
        if let text = json["ends_at"]?.text {
            guard let time = RFC3339.time(text) else { return nil }
            endsAt = time
        }
        if let seconds = json[Self.lifetimeName] {
            lifetime = seconds.int
        } else {
            // A file of an earlier version.
            lifetime = endsAt.map { Int(($0.milliseconds - created.milliseconds) / 1_000) }
        }
    }

    private static let lifetimeName = "lifetime_seconds"
}

/// The text of a key: `sk_<id>_<secret>`, 60 and 260 bits of chance in Crockford's base 32.
package enum KeyText {
    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz")
    private static let idCount = 12
    private static let secretCount = 52

    /// A new key.
    static func make(using source: inout some RandomNumberGenerator) -> (id: String, key: String) {
        func word(_ count: Int) -> String {
            String((0..<count).map { _ in digits[Int(source.next() & 31)] })
        }
        let id = word(idCount)
        return (id, "sk_\(id)_\(word(secretCount))")
    }

    /// The id within a key; nil for text of another form.
    static func id(of key: String) -> String? {
        let parts = key.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "sk", parts[1].count == idCount, parts[2].count == secretCount else {
            return nil
        }
        return String(parts[1])
    }

    static func hash(of key: String) -> String { Digest.sha256(Array(key.utf8)) }

    /// Compares in a time that does not tell where two hashes differ.
    package static func areEqual(_ one: String, _ other: String) -> Bool {
        // `|` and `^` bind alike.
        one.utf8.count == other.utf8.count && zip(one.utf8, other.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
