// Calendar times as text, RFC 3339: written in UTC with milliseconds, read with any offset.
import JobQueue

/// Writes and reads times.
package enum RFC3339 {
    private static let dayMilliseconds: Int64 = 86_400_000

    /// `2026-11-21T08:33:21.045Z`. Years outside 0 to 9999, which no clock of ours shows, are clamped.
    package static func text(_ time: Timestamp) -> String {
        let clamped = min(max(time.milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let day = clamped >= 0 ? clamped / dayMilliseconds : (clamped + 1) / dayMilliseconds - 1
        let rest = clamped - day * dayMilliseconds
        let date = civilDate(daysSince1970: day)
        var text = ""
        pad(date.year, 4, into: &text)
        text += "-"
        pad(date.month, 2, into: &text)
        text += "-"
        pad(date.day, 2, into: &text)
        text += "T"
        pad(rest / 3_600_000, 2, into: &text)
        text += ":"
        pad(rest / 60_000 % 60, 2, into: &text)
        text += ":"
        pad(rest / 1_000 % 60, 2, into: &text)
        text += "."
        pad(rest % 1_000, 3, into: &text)
        return text + "Z"
    }

    private static func pad(_ number: Int64, _ width: Int, into text: inout String) {
        let digits = String(number)
        for _ in 0..<max(0, width - digits.utf8.count) { text += "0" }
        text += digits
    }

    /// Reads `date T time [fraction] (Z | ±hh:mm)`; digits beyond milliseconds are dropped. nil for anything else, and
    /// for days that no month has; second 60 counts as the next minute's first.
    package static func time(_ text: String) -> Timestamp? {
        var rest = Array(text.utf8)[...]
        guard let year = number(4, &rest), take("-", &rest), let month = number(2, &rest), take("-", &rest),
            let day = number(2, &rest), take("Tt ", &rest), let hour = number(2, &rest), take(":", &rest),
            let minute = number(2, &rest), take(":", &rest), let second = number(2, &rest)
        else { return nil }
        guard let milliseconds = fraction(&rest), let offset = offset(&rest), rest.isEmpty,
            (1...12).contains(month), hour <= 23, minute <= 59, second <= 60
        else { return nil }
        let days = daysSince1970(year: year, month: month, day: day)
        guard civilDate(daysSince1970: days) == (year, month, day) else { return nil }
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60
        return Timestamp(milliseconds: seconds * 1_000 + milliseconds)
    }

    private static func number(_ width: Int, _ rest: inout ArraySlice<UInt8>) -> Int64? {
        guard rest.count >= width else { return nil }
        var value: Int64 = 0
        for byte in rest.prefix(width) {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        rest = rest.dropFirst(width)
        return value
    }

    private static func take(_ choices: String, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let byte = rest.first, choices.utf8.contains(byte) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        guard take(".", &rest) else { return 0 }
        let digits = rest.prefix { (48...57).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        return (digits.prefix(3) + Array(repeating: 48, count: max(0, 3 - digits.count))).reduce(0) {
            $0 * 10 + Int64($1 - 48)
        }
    }

    /// Minutes east of Greenwich.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if take("Zz", &rest) { return 0 }
        // A plus sign in a query that was not escaped arrives as a space.
        let isWest = rest.first == UInt8(ascii: "-")
        guard take("+- ", &rest), let hours = number(2, &rest), take(":", &rest), let minutes = number(2, &rest),
            hours <= 23, minutes <= 59
        else { return nil }
        return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }

    /// - Source: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    private static func civilDate(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let civilMonth = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, dayOfYear - (153 * month + 2) / 5 + 1)
    }

    /// - Source: the same, `days_from_civil`.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
