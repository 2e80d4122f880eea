/// A number of a JSON text with all its digits, so that nothing is lost before somebody says what it is for.
package struct JSONNumber: Hashable, Sendable {
    /// As the text wrote it (RFC 8259, section 6).
    package let digits: [UInt8]

    /// The caller answers for the grammar.
    init(digits: [UInt8]) { self.digits = digits }

    package init(_ value: Int) { digits = Array(String(value).utf8) }

    package enum Rounding: Sendable {
        /// Towards negative infinity.
        case down
        /// Towards positive infinity.
        case up
    }

    /// The whole number next to it, exact; nil when its magnitude is beyond `Int64.max`.
    package func rounded(_ rounding: Rounding) -> Int64? {
        guard let (magnitude, hasFraction) = wholePart() else { return nil }
        let isNegative = digits.first == UInt8(ascii: "-")
        let grows = hasFraction && isNegative == (rounding == .down)
        let (sum, overflow) = magnitude.addingReportingOverflow(grows ? 1 : 0)
        guard !overflow else { return nil }
        return isNegative ? -sum : sum
    }

    /// The value if it is a whole number; `1e3` and `1.0` are.
    package var integer: Int64? {
        guard let (magnitude, hasFraction) = wholePart(), !hasFraction else { return nil }
        return digits.first == UInt8(ascii: "-") ? -magnitude : magnitude
    }

    /// The nearest floating-point number.
    package var double: Double? { Double(String(decoding: digits, as: UTF8.self)) }

    /// The digits before the point once the exponent has moved it, and whether anything but zeros stands behind.
    private func wholePart() -> (magnitude: Int64, hasFraction: Bool)? {
        let parts = split()
        // The point stands behind this many of the significant digits; may lie outside of them.
        let point = parts.significant.count + parts.exponent
        var magnitude: Int64 = 0
        for i in 0..<max(0, point) {
            if magnitude == 0, i >= parts.significant.count { break }
            let digit = i < parts.significant.count ? Int64(parts.significant[i]) : 0
            let (tenfold, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tenfold.addingReportingOverflow(digit)
            guard !tooLarge, !overflow else { return nil }
            magnitude = sum
        }
        let fraction = parts.significant.dropFirst(max(0, point))
        return (magnitude, fraction.contains { $0 != 0 })
    }

    /// All digits without the point, and the power of ten that they are to be multiplied with.
    private func split() -> (significant: [UInt8], exponent: Int) {
        var significant: [UInt8] = []
        var exponent = 0
        var isBehindPoint = false
        var at = digits.first == UInt8(ascii: "-") ? 1 : 0
        while at < digits.count {
            let byte = digits[at]
            at += 1
            if byte == UInt8(ascii: ".") {
                isBehindPoint = true
            } else if ASCII.isDigit(byte) {
                significant.append(byte - 0x30)
                if isBehindPoint { exponent -= 1 }
            } else {
                return (significant, exponent + Self.exponent(digits[at...]))
            }
        }
        return (significant, exponent)
    }

    /// `+12`, `-3`; beyond a million it makes no difference any more.
    private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
        var value = 0
        for byte in text where ASCII.isDigit(byte) { value = min(1_000_000, value * 10 + Int(byte - 0x30)) }
        return text.first == UInt8(ascii: "-") ? -value : value
    }
}
