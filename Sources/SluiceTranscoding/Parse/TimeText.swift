import SluiceCore

/// Seconds and nanoseconds as `google.protobuf.Timestamp` and `Duration` hold them, and their text forms in JSON.
///
/// Allocates: never beyond the array written to.
struct TimeValue: Equatable {
    var seconds: Int64
    var nanos: Int32

    init(seconds: Int64, nanos: Int32) {
        self.seconds = seconds
        self.nanos = nanos
    }

    /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z (google/protobuf/timestamp.proto).
    static let timestampRange: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
    /// Ten thousand years (google/protobuf/duration.proto).
    static let durationLimit: Int64 = 315_576_000_000

    var isTimestamp: Bool { Self.timestampRange.contains(seconds) && (0...999_999_999).contains(nanos) }

    var isDuration: Bool {
        guard seconds.magnitude <= Self.durationLimit.magnitude, nanos.magnitude <= 999_999_999 else { return false }
        return seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
    }

    // MARK: - Timestamp

    /// `1972-01-01T10:00:20.021Z`, also with another offset (RFC 3339, upper case `T` and `Z` only); nil otherwise.
    init?(timestamp text: UnsafeRawBufferPointer) {
        var scan = TextScan(text)
        guard let year = scan.number(digits: 4), scan.take("-"), let month = scan.number(digits: 2), scan.take("-"),
            let day = scan.number(digits: 2), scan.take("T"), let hour = scan.number(digits: 2), scan.take(":"),
            let minute = scan.number(digits: 2), scan.take(":"), let second = scan.number(digits: 2),
            let nanos = scan.fraction(), let offset = scan.offset(), scan.isAtEnd
        else { return nil }
        guard year >= 1, (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year), hour <= 23,
            minute <= 59, second <= 59
        else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.nanos = nanos
        guard isTimestamp else { return nil }
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 in the Gregorian calendar. Years begin with March here, so that leap days come last.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        // 0000-03-01 is 719,468 days before the epoch; all years here are above it.
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// Writes it with as many digits of the second as it needs: 0, 3, 6 or 9. It must be a timestamp.
    func appendTimestamp(to out: inout [UInt8]) {
        // From here on all is positive: the first day is 0000-03-01.
        let total = seconds + 719_468 * 86_400
        let (day, second) = total.quotientAndRemainder(dividingBy: 86_400)
        appendDate(day, to: &out)
        out.append(UInt8(ascii: "T"))
        JSONText.append(UInt64(second / 3600), width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        JSONText.append(UInt64(second / 60 % 60), width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        JSONText.append(UInt64(second % 60), width: 2, to: &out)
        appendFraction(to: &out)
        out.append(UInt8(ascii: "Z"))
    }

    /// The inverse of `daysSinceEpoch`, for days since 0000-03-01.
    private func appendDate(_ day: Int64, to out: inout [UInt8]) {
        let era = day / 146_097
        let dayOfEra = day % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        JSONText.append(UInt64(year), width: 4, to: &out)
        out.append(UInt8(ascii: "-"))
        JSONText.append(UInt64(month), width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        JSONText.append(UInt64(dayOfMonth), width: 2, to: &out)
    }

    // MARK: - Duration

    /// `3s`, `-1.5s`, up to nine digits behind the point; nil otherwise.
    init?(duration text: UnsafeRawBufferPointer) {
        var scan = TextScan(text)
        let isNegative = scan.take("-")
        guard let whole = scan.number(atMost: 12), let fraction = scan.fraction(), scan.take("s"), scan.isAtEnd else {
            return nil
        }
        seconds = isNegative ? -whole : whole
        nanos = isNegative ? -fraction : fraction
        guard isDuration else { return nil }
    }

    /// Writes it; it must be a duration.
    func appendDuration(to out: inout [UInt8]) {
        if seconds < 0 || nanos < 0 { out.append(UInt8(ascii: "-")) }
        JSONText.append(seconds.magnitude, to: &out)
        appendFraction(to: &out)
        out.append(UInt8(ascii: "s"))
    }

    private func appendFraction(to out: inout [UInt8]) {
        let value = UInt64(nanos.magnitude)
        guard value > 0 else { return }
        out.append(UInt8(ascii: "."))
        if value % 1_000_000 == 0 {
            JSONText.append(value / 1_000_000, width: 3, to: &out)
        } else if value % 1000 == 0 {
            JSONText.append(value / 1000, width: 6, to: &out)
        } else {
            JSONText.append(value, width: 9, to: &out)
        }
    }
}

/// Takes a short text apart from the left.
private struct TextScan {
    private let text: UnsafeRawBufferPointer
    private var at = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    var isAtEnd: Bool { at == text.count }

    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard at < text.count, text[at] == UInt8(ascii: byte) else { return false }
        at += 1
        return true
    }

    private mutating func digit() -> Int64? {
        guard at < text.count, ASCII.isDigit(text[at]) else { return nil }
        defer { at += 1 }
        return Int64(text[at] - 0x30)
    }

    /// Exactly so many digits.
    mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// One digit at least; 18 always fit.
    mutating func number(atMost digits: Int) -> Int64? {
        guard var value = digit() else { return nil }
        for _ in 1..<digits {
            guard let digit = digit() else { break }
            value = value * 10 + digit
        }
        return value
    }

    /// `.123` in nanoseconds, 0 when there is none, nil when it has no digit or more than nine.
    mutating func fraction() -> Int32? {
        guard take(".") else { return 0 }
        let start = at
        guard var value = number(atMost: 9) else { return nil }
        for _ in (at - start)..<9 { value *= 10 }
        return Int32(value)
    }

    /// `Z` or `+08:00`, in seconds east of Greenwich.
    mutating func offset() -> Int64? {
        if take("Z") { return 0 }
        let isWest = take("-")
        guard isWest || take("+"), let hours = number(digits: 2), take(":"), let minutes = number(digits: 2),
            hours <= 23, minutes <= 59
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return isWest ? -seconds : seconds
    }
}
