package import NIOCore
internal import SluiceCore

/// Reads and writes quantities with their units.
package enum Units {
    /// Longer durations are refused: nothing here waits ten years, and sums must not overflow.
    package static let longest = TimeAmount.hours(24 * 3660)

    // MARK: Durations

    /// `250ms`, `5s`, `1.5s`, `1h30m`, or `0`.
    package static func duration(_ text: String) -> Result<TimeAmount, ValueProblem> {
        let bytes = Array(text.utf8)
        if text == "0" { return .success(.zero) }
        guard !bytes.isEmpty else { return .failure(notDuration(text)) }
        var total: Int64 = 0
        var at = 0
        while at < bytes.count {
            guard let number = decimal(bytes, &at) else { return .failure(notDuration(text)) }
            guard let unit = word(bytes, &at, durationUnits) else { return .failure(notDuration(text)) }
            guard let part = number.times(unit), part <= longest.nanoseconds, total <= longest.nanoseconds - part else {
                return .failure(ValueProblem(.outOfRange, "is longer than ten years: {}"))
            }
            total += part
        }
        return .success(.nanoseconds(total))
    }

    package static func showDuration(_ amount: TimeAmount) -> String {
        let value = amount.nanoseconds
        if value == 0 { return "0" }
        for (name, unit) in durationUnits.reversed() where value % unit == 0 && name != "d" {
            return "\(value / unit)\(name)"
        }
        return "\(value)ns"
    }

    private static let durationUnits: [(name: String, size: Int64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    private static func notDuration(_ text: String) -> ValueProblem {
        if !text.isEmpty, text.utf8.allSatisfy({ ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }) {
            return ValueProblem(.unit, "needs a unit: {}", help: "write {}ms, {}s, {}m or {}h")
        }
        return ValueProblem(.unit, "is not a duration: {}", help: "durations look like 250ms, 5s, 2m, 1h or 1h30m")
    }

    // MARK: Sizes

    /// `64KiB`, `1MiB`, `10KB`, `512B`, or bytes without a unit.
    package static func size(_ text: String) -> Result<Int, ValueProblem> {
        let bytes = Array(text.utf8)
        var at = 0
        guard let number = decimal(bytes, &at) else { return .failure(notSize()) }
        if at == bytes.count {
            guard number.scale == 1 else { return .failure(notSize()) }
            guard let value = number.times(1) else { return .failure(ValueProblem(.outOfRange, "is too large: {}")) }
            return .success(Int(value))
        }
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
        guard let unit = word(bytes, &at, sizeUnits), at == bytes.count else { return .failure(notSize()) }
        guard let value = number.times(unit) else { return .failure(ValueProblem(.outOfRange, "is too large: {}")) }
        return .success(Int(value))
    }

    package static func showSize(_ bytes: Int) -> String {
        if bytes == 0 { return "0" }
        for (name, unit) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] where bytes % unit == 0 {
            return "\(bytes / unit)\(name)"
        }
        return "\(bytes)B"
    }

    private static let sizeUnits: [(name: String, size: Int64)] = [
        ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]

    private static func notSize() -> ValueProblem {
        ValueProblem(.unit, "is not a size: {}", help: "sizes look like 512B, 64KiB, 1MiB or 10MB")
    }

    // MARK: Percentages

    /// `20%`, `0.5%`; the share from 0 to 1.
    package static func percent(_ text: String) -> Result<Double, ValueProblem> {
        let bytes = Array(text.utf8)
        var at = 0
        guard let number = decimal(bytes, &at), at == bytes.count - 1, bytes[at] == UInt8(ascii: "%") else {
            let isNumber = !bytes.isEmpty && bytes.allSatisfy { ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }
            if isNumber { return .failure(ValueProblem(.unit, "needs a percent sign: {}", help: "write {}%")) }
            return .failure(ValueProblem(.unit, "is not a percentage: {}", help: "percentages look like 20%"))
        }
        return .success(number.value / 100)
    }

    package static func showPercent(_ share: Double) -> String {
        let percent = (share * 100_000).rounded() / 1_000
        return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }

    // MARK: Parts

    /// A decimal number as digits and a power of ten, so that `1.5s` is exact.
    private struct Decimal {
        var digits: Int64
        var scale: Int64

        /// The number times `unit`, rounded down; nil when that does not fit.
        func times(_ unit: Int64) -> Int64? {
            let (product, overflow) = digits.multipliedReportingOverflow(by: unit)
            return overflow ? nil : product / scale
        }

        var value: Double { Double(digits) / Double(scale) }
    }

    /// `12`, `1.5`: at most 15 digits, so that nothing overflows.
    private static func decimal(_ bytes: [UInt8], _ at: inout Int) -> Decimal? {
        var result = Decimal(digits: 0, scale: 1)
        let start = at
        var isFraction = false
        while at < bytes.count, at - start <= 15 {
            let byte = bytes[at]
            if ASCII.isDigit(byte) {
                result.digits = result.digits * 10 + Int64(byte - 0x30)
                if isFraction { result.scale *= 10 }
            } else if byte == UInt8(ascii: "."), !isFraction, at > start {
                isFraction = true
            } else {
                break
            }
            at += 1
        }
        let endsWithDot = at > start && bytes[at - 1] == UInt8(ascii: ".")
        return at == start || endsWithDot ? nil : result
    }

    /// The longest unit name that stands at `at` and is followed by no letter.
    private static func word(_ bytes: [UInt8], _ at: inout Int, _ units: [(name: String, size: Int64)]) -> Int64? {
        var end = at
        while end < bytes.count, (bytes[end] | 0x20) >= 0x61, (bytes[end] | 0x20) <= 0x7A { end += 1 }
        let name = String(decoding: bytes[at..<end], as: UTF8.self)
        guard let unit = units.first(where: { $0.name == name }) else { return nil }
        at = end
        return unit.size
    }
}
