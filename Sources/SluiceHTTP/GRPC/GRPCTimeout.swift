import SluiceCore

/// The value of `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").
package enum GRPCTimeout {
    /// Nanoseconds; `max` for what is longer than that can say, nil for what is malformed.
    package static func parse(_ value: UnsafeRawBufferPointer) -> UInt64? {
        guard value.count >= 2, value.count <= 9, let unit = value.last.flatMap(nanoseconds) else { return nil }
        var number: UInt64 = 0
        for byte in value.dropLast() {
            guard ASCII.isDigit(byte) else { return nil }
            number = number &* 10 &+ UInt64(byte &- 0x30)
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }

    private static func nanoseconds(of unit: UInt8) -> UInt64? {
        switch unit {
        case UInt8(ascii: "n"): 1
        case UInt8(ascii: "u"): 1000
        case UInt8(ascii: "m"): 1_000_000
        case UInt8(ascii: "S"): 1_000_000_000
        case UInt8(ascii: "M"): 60_000_000_000
        case UInt8(ascii: "H"): 3_600_000_000_000
        default: nil
        }
    }

    /// The value for so many nanoseconds in the finest unit that eight digits allow, rounded down, but never 0: who reads
    /// it would take that for no limit at all, or for a malformed one.
    package static func text(nanoseconds: UInt64) -> InlineText {
        let units: [5 of (letter: UInt8, length: UInt64)] = [
            (UInt8(ascii: "u"), 1000), (UInt8(ascii: "m"), 1_000_000), (UInt8(ascii: "S"), 1_000_000_000),
            (UInt8(ascii: "M"), 60_000_000_000), (UInt8(ascii: "H"), 3_600_000_000_000),
        ]
        for i in units.indices where nanoseconds / units[i].length <= 99_999_999 {
            return InlineText(max(1, nanoseconds / units[i].length), units[i].letter)
        }
        return InlineText(99_999_999, UInt8(ascii: "H"))
    }

    /// At most nine bytes.
    package struct InlineText {
        private var bytes = InlineArray<9, UInt8>(repeating: 0)
        private var start = 9

        fileprivate init(_ number: UInt64, _ unit: UInt8) {
            var rest = number
            bytes[8] = unit
            start = 8
            repeat {
                start -= 1
                bytes[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
                rest /= 10
            } while rest > 0 && start > 0
        }

        package func eachByte(_ body: (UInt8) -> Void) {
            for i in start..<9 { body(bytes[i]) }
        }
    }
}
