// Names of jobs and data sets: `job_` or `ds_` and a ULID, 26 characters of Crockford's base 32 (github.com/ulid/spec), in
// upper case.

/// The name of a job. Ordered as its text is: by time of creation, then by chance.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 48 bits of milliseconds since 1970, then 80 bits of chance.
    package let bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    package static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }

    private static let prefix = "job_"

    /// Reads the exact form that ``description`` writes; nil for anything else, lower case and `I L O U` included.
    package init?(_ text: some StringProtocol) {
        guard let bits = ULIDText.bits(of: text, after: Self.prefix) else { return nil }
        self.init(bits: bits)
    }

    package var description: String { Self.prefix + ULIDText.text(bits) }
}

/// The name of a data set, made and ordered as a job's.
package struct DatasetID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// As those of ``JobID``.
    package let bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    package static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }

    /// What no name that a person gives begins with.
    package static let prefix = "ds_"

    /// Reads the exact form that ``description`` writes; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let bits = ULIDText.bits(of: text, after: Self.prefix) else { return nil }
        self.init(bits: bits)
    }

    package var description: String { Self.prefix + ULIDText.text(bits) }
}

/// 128 bits as 26 digits of five bits.
private enum ULIDText {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    static func bits(of text: some StringProtocol, after prefix: String) -> UInt128? {
        let characters = Array(text.utf8)
        guard characters.starts(with: prefix.utf8), characters.count == prefix.utf8.count + 26 else { return nil }
        let number = characters.dropFirst(prefix.utf8.count)
        // The first of 26 digits carries three bits only: 130 bits would not fit.
        guard let first = number.first, first <= UInt8(ascii: "7") else { return nil }
        var bits: UInt128 = 0
        for character in number {
            guard let digit = digits.firstIndex(of: character) else { return nil }
            bits = bits << 5 | UInt128(digit)
        }
        return bits
    }

    static func text(_ bits: UInt128) -> String {
        let characters = stride(from: 125, through: 0, by: -5).map { digits[Int(truncatingIfNeeded: bits >> $0) & 31] }
        return String(decoding: characters, as: UTF8.self)
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
