package import NIOCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The only place that reads the machine's clocks; everything else is given one of these.
package enum SystemClock {
    package static let monotonic: @Sendable () -> NIODeadline = { NIODeadline.now() }

    package static let secondsSince1970: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    package static let nanosecondsSince1970: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// IMF-fixdate (RFC 9110, section 5.6.7) without a locale or a time zone database.
package enum DateField {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    package static func format(secondsSince1970 seconds: Int64) -> [UInt8] {
        // A machine whose clock was never set may be before 1970.
        let seconds = max(0, seconds)
        let day = Int(seconds / 86_400)
        let second = Int(seconds % 86_400)
        let (year, month, monthDay) = CalendarDate.civil(fromDays: day)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return Array("\(days[day % 7]), \(two(monthDay)) \(months[month - 1]) \(year) \(time) GMT".utf8)
    }
}

/// Days to dates, without a time zone database.
package enum CalendarDate {
    /// The Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
    package static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = z / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
