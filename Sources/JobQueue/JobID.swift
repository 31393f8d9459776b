// Names of jobs: `job_` and a ULID, 26 characters of Crockford's base 32 (github.com/ulid/spec), in upper case.

/// The name of a job. Ordered as its text is: by time of creation, then by chance.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 48 bits of milliseconds since 1970, then 80 bits of chance.
    package let bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    package static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }

    private static let prefix = "job_"
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Reads the exact form that ``description`` writes; nil for anything else, lower case and `I L O U` included.
    package init?(_ text: some StringProtocol) {
        let characters = Array(text.utf8)
        // The first of 26 digits carries three bits only: 130 bits would not fit.
        guard characters.count == 30, characters.starts(with: Self.prefix.utf8), characters[4] <= UInt8(ascii: "7")
        else { return nil }
        var bits: UInt128 = 0
        for character in characters.dropFirst(4) {
            guard let digit = Self.digits.firstIndex(of: character) else { return nil }
            bits = bits << 5 | UInt128(digit)
        }
        self.init(bits: bits)
    }

    package var description: String {
        let digits = stride(from: 125, through: 0, by: -5).map { Self.digits[Int(truncatingIfNeeded: bits >> $0) & 31] }
        return Self.prefix + String(decoding: digits, as: UTF8.self)
    }
}

/// Makes job names that never repeat and only rise, also within a millisecond and when the clock goes back.
package struct JobIDGenerator: Sendable {
    private var last: UInt128 = 0

    package init() {}

    /// A name for a job created at `time`.
    ///
    /// Within the millisecond of the name before, or before it, the answer is that name plus one.
    package mutating func next(at time: Timestamp, using source: inout some RandomNumberGenerator) -> JobID {
        let milliseconds = UInt128(UInt64(clamping: time.milliseconds) & 0xFFFF_FFFF_FFFF)
        let chance = UInt128(source.next()) << 16 | UInt128(source.next() & 0xFFFF)
        let fresh = milliseconds << 80 | chance
        last = fresh >> 80 > last >> 80 ? fresh : last + 1
        return JobID(bits: last)
    }
}
