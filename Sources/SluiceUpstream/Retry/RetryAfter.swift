package import NIOCore
internal import SluiceCore

/// Reads the `Retry-After` field (RFC 9110, section 10.2.3): a number of seconds, or a date.
///
/// Isolation: any. Allocates: never.
package enum RetryAfter {
    /// A longer wait is taken as this; nobody waits for it anyway, and its nanoseconds fit 64 bits.
    private static var longestSeconds: Int64 { 1 << 32 }

    /// - Parameters:
    ///   - value: the field value; white space around it is ignored.
    ///   - now: seconds since 1970, for dates.
    /// - Returns: how long from now, 0 for a date in the past; nil when it is neither form.
    package static func parse(_ value: UnsafeRawBufferPointer, now: Int64) -> TimeAmount? {
        let value = ASCII.trimmed(value)
        guard let first = value.first else { return nil }
        if ASCII.isDigit(first) {
            var seconds: Int64 = 0
            for byte in value {
                guard ASCII.isDigit(byte) else { return nil }
                seconds = min(seconds * 10 + Int64(byte - 0x30), longestSeconds)
            }
            return .seconds(seconds)
        }
        guard let date = HTTPDate.parse(value, now: now) else { return nil }
        let (wait, isTooFar) = date.subtractingReportingOverflow(now)
        return isTooFar ? nil : .seconds(min(max(wait, 0), longestSeconds))
    }
}
