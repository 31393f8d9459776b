// Making, listing, ending and rotating keys, for `stackelberg keys`.
import ExpressionLanguage
import Foundation
import JobQueue
import ProblemSpecification

/// What a new key is to be.
package struct KeyRequest: Sendable {
    package var owner: String
    package var name = ""
    package var scopes: [String] = []
    package var limits = AccessLimits()
    /// Seconds after which it ends; nil for never.
    package var lifetime: Int?

    package init(owner: String) { self.owner = owner }
}

/// Changes the keys of a data folder.
package struct KeyKeeping: Sendable {
    private let folder: URL
    private let file: KeyFile
    private let now: Timestamp

    /// Scopes of a key for which none are named.
    package static let usualScopes: [AccessScope] = [.jobsRead, .jobsWrite, .datasetsWrite]

    package init(in folder: URL, at now: Date = Date()) {
        self.folder = folder
        file = KeyFile(in: folder)
        self.now = Timestamp(milliseconds: Int64(now.timeIntervalSince1970 * 1_000))
    }

    /// Makes a key.
    ///
    /// - Returns: the key itself; it is kept nowhere.
    package func create(_ request: KeyRequest) throws(KeyFileError) -> String {
        try Self.check(owner: request.owner)
        let scopes = try Self.scopes(request.scopes)
        return try file.update { (keys) throws(KeyFileError) in
            let (key, text) = make(
                owner: request.owner, name: request.name, scopes: scopes, limits: request.limits,
                lifetime: request.lifetime)
            keys.append(key)
            return text
        }
    }

    /// What the receivers of an owner's webhooks check signatures with.
    package func webhookSecret(of owner: String) throws(KeyFileError) -> String {
        try Self.check(owner: owner)
        do throws(StartError) {
            return try WebhookSecret(in: folder).text(for: owner)
        } catch {
            throw KeyFileError(reason: error.reason)
        }
    }

    /// Ends a key at once.
    package func revoke(_ id: String) throws(KeyFileError) {
        try file.update { (keys) throws(KeyFileError) in
            let index = try Self.index(of: id, in: keys)
            if keys[index].isValid(at: now) { keys[index].endsAt = now }
        }
    }

    /// Makes a key with the owner, scopes and limits of another, which ends.
    ///
    /// - Parameter overlap: seconds for which the old one still opens.
    /// - Returns: the new key itself.
    package func rotate(_ id: String, overlap: Int) throws(KeyFileError) -> String {
        try file.update { (keys) throws(KeyFileError) in
            let index = try Self.index(of: id, in: keys)
            let old = keys[index]
            guard old.isValid(at: now) else { throw KeyFileError(reason: "the key \(id) has ended; create a new one") }
            let (key, text) = make(
                owner: old.owner, name: old.name, scopes: old.scopes, limits: old.limits, lifetime: old.lifetime)
            let end = now.advanced(by: .seconds(overlap))
            keys[index].endsAt = min(end, old.endsAt ?? end)
            keys.append(key)
            return text
        }
    }

    /// A line for the titles and one for each key, none of which opens anything.
    package func list() throws(KeyFileError) -> String {
        let titles = ["KEY", "OWNER", "SCOPES", "CREATED", "ENDS", "LIMITS", "NAME"]
        let rows = try file.read().map { key in
            [
                key.id, key.owner, key.scopeNames.joined(separator: ","), RFC3339.text(key.createdAt),
                key.endsAt.map { "\(RFC3339.text($0))\(key.isValid(at: now) ? "" : " (ended)")" } ?? "-",
                Self.limits(key.limits), key.name,
            ]
        }
        return TextTable.text([titles] + rows)
    }

    private static func limits(_ limits: AccessLimits) -> String {
        let words = [
            limits.requestsPerMinute.map { "\($0) requests/min" }, limits.activeJobs.map { "\($0) active jobs" },
            limits.storageBytes.map { "\($0) bytes" },
        ].compactMap(\.self)
        return words.isEmpty ? "-" : words.joined(separator: ", ")
    }

    private func make(
        owner: String, name: String, scopes: Set<AccessScope>, limits: AccessLimits, lifetime: Int?
    ) -> (AccessKey, String) {
        var source = SystemRandomNumberGenerator()
        let (id, text) = KeyText.make(using: &source)
        let end = lifetime.map { now.advanced(by: .seconds($0)) }
        let key = AccessKey(
            id: id, hash: KeyText.hash(of: text), owner: owner, name: Printable.text(name), scopes: scopes,
            limits: limits, createdAt: now, lifetime: lifetime, endsAt: end)
        return (key, text)
    }

    private static func scopes(_ words: [String]) throws(KeyFileError) -> Set<AccessScope> {
        var scopes: Set<AccessScope> = []
        for word in words {
            guard let scope = AccessScope(rawValue: word) else {
                let known = AccessScope.allCases.map(\.rawValue).joined(separator: ", ")
                throw KeyFileError(reason: "there is no scope \(Printable.quote(word)); there are \(known)")
            }
            scopes.insert(scope)
        }
        return scopes.isEmpty ? Set(usualScopes) : scopes
    }

    private static func check(owner: String) throws(KeyFileError) {
        guard isOwner(owner) else {
            throw KeyFileError(
                reason: "an owner is 1 to 64 letters, digits, '.', '_', '-' or '@', came \(Printable.quote(owner))")
        }
    }

    private static func isOwner(_ text: String) -> Bool {
        let others = Set("._-@".utf8)
        return (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || others.contains(byte)
            }
    }

    private static func index(of id: String, in keys: [AccessKey]) throws(KeyFileError) -> Int {
        guard let index = keys.firstIndex(where: { $0.id == id }) else {
            throw KeyFileError(reason: "there is no key \(Printable.quote(id)); stackelberg keys list shows them")
        }
        return index
    }
}
