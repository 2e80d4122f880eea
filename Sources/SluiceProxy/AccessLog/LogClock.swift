import SluiceConfig
import SluiceCore

/// Writes points in time; the calendar is worked out once a second.
struct LogClock {
    private var second = Int64.min
    private var year = 0, month = 0, day = 0, hour = 0, minute = 0, secondOfMinute = 0

    /// - Parameter nanoseconds: since 1970.
    mutating func write(_ nanoseconds: Int64, as format: LogTimeFormat, to line: inout LogWriter) {
        let nanoseconds = max(0, nanoseconds)
        let now = nanoseconds / 1_000_000_000
        if now != second { resolve(now) }
        line.begin()
        for part in format.parts {
            switch part {
            case .literal(let bytes): bytes.withUnsafeBytes { line.append($0) }
            case .year: line.write(year, width: 4)
            case .month: line.write(month, width: 2)
            case .day: line.write(day, width: 2)
            case .hour: line.write(hour, width: 2)
            case .minute: line.write(minute, width: 2)
            case .second: line.write(secondOfMinute, width: 2)
            case .fraction(let digits): writeFraction(nanoseconds % 1_000_000_000, digits, &line)
            case .epoch: line.write(now)
            }
        }
        line.end()
    }

    private func writeFraction(_ nanoseconds: Int64, _ digits: Int, _ line: inout LogWriter) {
        switch digits {
        case 3: line.write(Int(nanoseconds / 1_000_000), width: 3)
        case 6: line.write(Int(nanoseconds / 1000), width: 6)
        default: line.write(Int(nanoseconds), width: 9)
        }
    }

    private mutating func resolve(_ now: Int64) {
        second = now
        let ofDay = Int(now % 86_400)
        (hour, minute, secondOfMinute) = (ofDay / 3600, ofDay / 60 % 60, ofDay % 60)
        (year, month, day) = CalendarDate.civil(fromDays: Int(now / 86_400))
    }
}
