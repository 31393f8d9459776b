// Values that were wanted lately, a bounded number of them.

/// A dictionary that forgets what has not been asked for. Two generations: what is wanted moves to the younger one; once
/// that is full it becomes the elder, and the elder is forgotten. Every call takes constant time.
package struct RecentValues<Key: Hashable, Value> {
    private var younger: [Key: Value] = [:]
    private var elder: [Key: Value] = [:]
    private let generation: Int

    /// - Parameter limit: values kept at most, at least 2. A value stays while fewer than half as many others have been
    ///   wanted since.
    package init(limit: Int) {
        precondition(limit >= 2)
        generation = limit / 2
    }

    /// Values kept at this moment.
    package var count: Int { younger.count + elder.count }

    /// The value of `key`, which by asking is wanted; nil if it was forgotten or never there.
    package mutating func value(of key: Key) -> Value? {
        if let value = younger[key] { return value }
        guard let value = elder.removeValue(forKey: key) else { return nil }
        keep(value, for: key)
        return value
    }

    /// Keeps `value` in place of any other of `key`.
    package mutating func keep(_ value: Value, for key: Key) {
        elder[key] = nil
        younger[key] = value
        guard younger.count >= generation else { return }
        elder = younger
        younger = [:]
    }

    package mutating func forget(_ key: Key) {
        younger[key] = nil
        elder[key] = nil
    }
}

extension RecentValues: Sendable where Key: Sendable, Value: Sendable {}
