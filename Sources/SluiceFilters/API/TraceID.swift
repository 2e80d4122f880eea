/// The id of a trace: 128 bits, of which not all are zero (W3C Trace Context, section 3.2.2.3).
package struct TraceID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// There is none.
    package static let none = TraceID(high: 0, low: 0)

    package var isValid: Bool { high | low != 0 }
}
