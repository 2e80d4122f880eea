import SluiceCore

/// A number as text, taken apart once: JSON's grammar (RFC 8259, section 6), whatever type it is for.
///
/// Allocates: never, but for floating-point numbers that need more than 19 digits or a large exponent.
struct DecimalNumber {
    private let text: UnsafeRawBufferPointer
    private let isNegative: Bool
    /// The digits without point, zeros in front left out; as many as 64 bits hold.
    private let mantissa: UInt64
    /// The power of ten that the mantissa is to be multiplied with.
    private let exponent: Int
    /// Digits other than zero that the mantissa has no room for.
    private let isCut: Bool

    /// Nil when the text is no number of JSON: blanks, a plus sign, zeros in front, a point without digits.
    init?(_ text: UnsafeRawBufferPointer) {
        var scan = Scan(text: text)
        guard scan.run() else { return nil }
        self.text = text
        isNegative = scan.isNegative
        mantissa = scan.mantissa
        exponent = scan.exponent
        isCut = scan.isCut
    }

    // MARK: - Whole numbers

    /// The value with its sign; nil when it is not whole or beyond 64 bits. `1e3` and `1.0` are whole.
    var integer: (isNegative: Bool, magnitude: UInt64)? {
        guard !isCut else { return nil }
        var magnitude = mantissa
        var power = exponent
        guard magnitude != 0 else { return (isNegative, 0) }
        // No more than 20 rounds either way: then the number is out of range or the remainder is found.
        while power > 0 {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            magnitude = product
            power -= 1
        }
        while power < 0 {
            let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { return nil }
            magnitude = quotient
            power += 1
        }
        return (isNegative, magnitude)
    }

    /// The value as a type, or nil when it is not whole or out of range.
    func integer<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard let (isNegative, magnitude) = integer else { return nil }
        guard isNegative else { return Number(exactly: magnitude) }
        if magnitude <= UInt64(Int64.max) { return Number(exactly: -Int64(magnitude)) }
        return magnitude == Int64.min.magnitude ? Number(exactly: Int64.min) : nil
    }

    // MARK: - Floating point

    /// The nearest number; nil when it is beyond the largest.
    var double: Double? {
        // Both factors are exact, so the one rounding of the product is right (Clinger's fast path).
        if !isCut, mantissa <= 1 << 53, abs(exponent) <= 22 {
            let power = Self.power(abs(exponent))
            let value = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
            return isNegative ? -value : value
        }
        guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    var float: Float? {
        if !isCut, mantissa <= 1 << 24, abs(exponent) <= 10 {
            let power = Float(Self.power(abs(exponent)))
            let value = exponent < 0 ? Float(mantissa) / power : Float(mantissa) * power
            return isNegative ? -value : value
        }
        guard let value = Float(String(decoding: text, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    private static func power(_ exponent: Int) -> Double {
        var value = 1.0
        for _ in 0..<exponent { value *= 10 }
        return value
    }
}

/// One pass over the text of a number.
private struct Scan {
    let text: UnsafeRawBufferPointer
    var at = 0
    var isNegative = false
    var mantissa: UInt64 = 0
    var exponent = 0
    var isCut = false
    /// Whether the mantissa has no room any more; then all further digits are left out.
    private var isFull = false

    init(text: UnsafeRawBufferPointer) { self.text = text }

    private var current: UInt8? { at < text.count ? text[at] : nil }

    /// Whether the whole text is a number.
    mutating func run() -> Bool {
        if current == UInt8(ascii: "-") {
            isNegative = true
            at += 1
        }
        if current == UInt8(ascii: "0") {
            at += 1
        } else if !run(isFraction: false) {
            return false
        }
        if current == UInt8(ascii: ".") {
            at += 1
            guard run(isFraction: true) else { return false }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            at += 1
            guard power() else { return false }
        }
        return at == text.count
    }

    /// One digit or more.
    private mutating func run(isFraction: Bool) -> Bool {
        let start = at
        while let byte = current, ASCII.isDigit(byte) {
            take(UInt64(byte - 0x30), isFraction)
            at += 1
        }
        return at > start
    }

    private mutating func take(_ digit: UInt64, _ isFraction: Bool) {
        let (tenfold, tooLarge) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, overflow) = tenfold.addingReportingOverflow(digit)
        if isFull || tooLarge || overflow {
            isFull = true
            if digit != 0 { isCut = true }
            if !isFraction { exponent += 1 }
        } else {
            mantissa = sum
            if isFraction { exponent -= 1 }
        }
    }

    private mutating func power() -> Bool {
        let isMinus = current == UInt8(ascii: "-")
        if isMinus || current == UInt8(ascii: "+") { at += 1 }
        let start = at
        var value = 0
        while let byte = current, ASCII.isDigit(byte) {
            // Beyond a million it makes no difference any more.
            value = min(1_000_000, value * 10 + Int(byte - 0x30))
            at += 1
        }
        exponent += isMinus ? -value : value
        return at > start
    }
}
