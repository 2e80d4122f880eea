internal import SluiceCore

/// Reads an HTTP-date (RFC 9110, section 5.6.7) in each of its three forms.
///
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. Names are
/// case-sensitive, and each field has the width that the grammar gives it. That the weekday fits the date is not
/// checked: the rest says enough.
///
/// Isolation: any. Allocates: never.
package enum HTTPDate {
    /// `now`, in seconds since 1970, decides what two-digit years mean: one that would lie more than 50 years ahead is a
    /// past one.
    ///
    /// - Returns: seconds since 1970, or nil when it is no such date.
    package static func parse(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int64? {
        var scanner = Scanner(bytes: bytes)
        guard let weekday = scanner.name(of: Names.days) else { return nil }
        if scanner.skip(", ") { return parseFixdate(&scanner) }
        if scanner.skip(" ") { return parseAsctime(&scanner) }
        return scanner.skip(Names.restOfDays[weekday]) && scanner.skip(", ") ? parseRFC850(&scanner, now: now) : nil
    }

    /// `06 Nov 1994 08:49:37 GMT`
    private static func parseFixdate(_ scanner: inout Scanner) -> Int64? {
        guard let day = scanner.number(2), scanner.skip(" "), let month = scanner.name(of: Names.months),
            scanner.skip(" "), let year = scanner.number(4), scanner.skip(" "), let time = scanner.timeOfDay(),
            scanner.skip(" GMT"), scanner.isAtEnd
        else { return nil }
        return seconds(year: year, month: Int64(month + 1), day: day, time: time)
    }

    /// `06-Nov-94 08:49:37 GMT`
    private static func parseRFC850(_ scanner: inout Scanner, now: Int64) -> Int64? {
        guard let day = scanner.number(2), scanner.skip("-"), let month = scanner.name(of: Names.months),
            scanner.skip("-"), let twoDigits = scanner.number(2), scanner.skip(" "), let time = scanner.timeOfDay(),
            scanner.skip(" GMT"), scanner.isAtEnd
        else { return nil }
        let thisYear = year(of: now)
        var year = thisYear - thisYear % 100 + twoDigits
        if year > thisYear + 50 { year -= 100 }
        // Late in a century a small number means the next one.
        if year <= thisYear - 50 { year += 100 }
        return seconds(year: year, month: Int64(month + 1), day: day, time: time)
    }

    /// `Nov  6 08:49:37 1994`
    private static func parseAsctime(_ scanner: inout Scanner) -> Int64? {
        guard let month = scanner.name(of: Names.months), scanner.skip(" "),
            let day = scanner.skip(" ") ? scanner.number(1) : scanner.number(2), scanner.skip(" "),
            let time = scanner.timeOfDay(), scanner.skip(" "), let year = scanner.number(4), scanner.isAtEnd
        else { return nil }
        return seconds(year: year, month: Int64(month + 1), day: day, time: time)
    }

    // MARK: - Calendar

    private static func seconds(year: Int64, month: Int64, day: Int64, time: Int64) -> Int64? {
        guard day >= 1, day <= daysIn(month, of: year) else { return nil }
        return daysSince1970(year: year, month: month, day: day) * 86400 + time
    }

    private static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Counts from 1 March, so that the leap day is the last of its year: month lengths then follow (153 m + 2) / 5.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let y = month > 2 ? year : year - 1
        let m = month > 2 ? month - 3 : month + 9
        return 365 * y + floored(y, 4) - floored(y, 100) + floored(y, 400) + (153 * m + 2) / 5 + day - 1 - 719_468
    }

    private static func year(of seconds: Int64) -> Int64 {
        let days = floored(seconds, 86400)
        var year = 1970 + floored(days, 366)
        while daysSince1970(year: year + 1, month: 1, day: 1) <= days { year += 1 }
        return year
    }

    private static func floored(_ a: Int64, _ b: Int64) -> Int64 {
        a >= 0 ? a / b : (a + 1) / b - 1
    }

    // MARK: - Scanning

    private enum Names {
        static let days: [StaticString] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        static let restOfDays: [StaticString] = ["day", "sday", "nesday", "rsday", "day", "urday", "day"]
        static let months: [StaticString] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
    }

    private struct Scanner {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        /// Moves behind `text` if it is next.
        mutating func skip(_ text: StaticString) -> Bool {
            let count = text.utf8CodeUnitCount
            guard bytes.count - offset >= count else { return false }
            for i in 0..<count where bytes[offset + i] != text.utf8Start[i] { return false }
            offset += count
            return true
        }

        /// The place of the name that is next.
        mutating func name(of names: [StaticString]) -> Int? {
            for (index, name) in names.enumerated() where skip(name) { return index }
            return nil
        }

        /// Exactly `digits` digits.
        mutating func number(_ digits: Int) -> Int64? {
            guard bytes.count - offset >= digits else { return nil }
            var value: Int64 = 0
            for i in offset..<offset + digits {
                guard ASCII.isDigit(bytes[i]) else { return nil }
                value = value * 10 + Int64(bytes[i] - 0x30)
            }
            offset += digits
            return value
        }

        /// `08:49:37` as seconds; a leap second is legal.
        mutating func timeOfDay() -> Int64? {
            guard let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
                hour < 24, minute < 60, second <= 60
            else { return nil }
            return hour * 3600 + minute * 60 + second
        }
    }
}
