// How often a key may ask: a bucket of tokens for each, refilled steadily. Source: ITU-T I.371, the generic cell rate
// algorithm in its continuous-state form.
import Synchronization

/// Counts the requests of keys.
final class RequestRate: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Duration
    }

    /// Buckets that are kept; with one more all begin anew, full.
    private static let limit = 10_000
    private let buckets = Mutex<[String: Bucket]>([:])

    /// Takes a token of `key`.
    ///
    /// - Parameters:
    ///   - perMinute: tokens that come back in a minute; a sixth of them, at least one, can be saved up.
    ///   - uptime: of a clock that only rises.
    /// - Returns: nil, or the seconds after which there is a token.
    func wait(for key: String, perMinute: Int, at uptime: Duration) -> Int? {
        let capacity = max(1, Double(perMinute) / 6)
        let perSecond = Double(perMinute) / 60
        return buckets.withLock { buckets in
            if buckets.count >= Self.limit, buckets[key] == nil { buckets.removeAll() }
            var bucket = buckets[key] ?? Bucket(tokens: capacity, filledAt: uptime)
            let elapsed = max(0, (uptime - bucket.filledAt) / .seconds(1))
            bucket.tokens = min(capacity, bucket.tokens + elapsed * perSecond)
            bucket.filledAt = uptime
            defer { buckets[key] = bucket }
            guard bucket.tokens < 1 else {
                bucket.tokens -= 1
                return nil
            }
            return max(1, Int(((1 - bucket.tokens) / perSecond).rounded(.up)))
        }
    }
}
