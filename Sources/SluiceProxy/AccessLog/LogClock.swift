import SluiceConfig
import SluiceCore

/// Writes points in time. What a format makes of a second is kept, so that most lines copy it and change its fraction.
///
/// Isolation: one loop. Allocates: once a second and format.
struct LogClock {
    /// A point in time as it was written last.
    private struct Written {
        var second = Int64.min
        var text: ContiguousArray<UInt8> = []
        /// Where the fraction stands in `text`.
        var fraction = 0
        var digits = 0
    }

    private var second = Int64.min
    private var year = 0, month = 0, day = 0, hour = 0, minute = 0, secondOfMinute = 0
    private var written: ContiguousArray<Written> = []

    /// - Parameters:
    ///   - nanoseconds: since 1970.
    ///   - number: of the format, among those of the log.
    mutating func write(_ nanoseconds: Int64, as format: LogTimeFormat, _ number: Int, to line: inout LogWriter) {
        let nanoseconds = max(0, nanoseconds)
        let now = nanoseconds / 1_000_000_000
        while written.count <= number { written.append(Written()) }
        if written[number].second == now {
            let start = line.count
            written[number].text.withUnsafeBytes { line.write($0) }
            let (at, digits) = (start + written[number].fraction, written[number].digits)
            line.overwrite(at: at, with: Self.fraction(nanoseconds, digits), digits: digits)
            return
        }
        writeWhole(nanoseconds, now, format, number, &line)
    }

    private mutating func writeWhole(
        _ nanoseconds: Int64,
        _ now: Int64,
        _ format: LogTimeFormat,
        _ number: Int,
        _ line: inout LogWriter
    ) {
        if now != second { resolve(now) }
        var made = Written()
        var fractions = 0
        let start = line.count
        line.begin()
        for part in format.parts {
            if case .fraction(let digits) = part {
                fractions += 1
                made.fraction = line.count - start
                made.digits = digits
            }
            write(part, nanoseconds, now, &line)
        }
        line.end()
        guard fractions <= 1, line.isComplete else { return }
        made.second = now
        made.text = ContiguousArray(line.written(from: start))
        written[number] = made
    }

    private func write(_ part: LogTimeFormat.Part, _ nanoseconds: Int64, _ now: Int64, _ line: inout LogWriter) {
        switch part {
        case .literal(let bytes): bytes.withUnsafeBytes { line.append($0) }
        case .year: line.write(year, width: 4)
        case .month: line.write(month, width: 2)
        case .day: line.write(day, width: 2)
        case .hour: line.write(hour, width: 2)
        case .minute: line.write(minute, width: 2)
        case .second: line.write(secondOfMinute, width: 2)
        case .fraction(let digits): line.write(Int(Self.fraction(nanoseconds, digits)), width: digits)
        case .epoch: line.write(now)
        }
    }

    /// So many digits behind the second.
    private static func fraction(_ nanoseconds: Int64, _ digits: Int) -> UInt64 {
        let rest = UInt64(nanoseconds % 1_000_000_000)
        return switch digits {
        case 3: rest / 1_000_000
        case 6: rest / 1000
        default: rest
        }
    }

    private mutating func resolve(_ now: Int64) {
        second = now
        let ofDay = Int(now % 86_400)
        (hour, minute, secondOfMinute) = (ofDay / 3600, ofDay / 60 % 60, ofDay % 60)
        (year, month, day) = CalendarDate.civil(fromDays: Int(now / 86_400))
    }
}
