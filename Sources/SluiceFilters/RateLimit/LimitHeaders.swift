import SluiceCore

/// Tells clients about their limit. Sources: draft-ietf-httpapi-ratelimit-headers-06 for `RateLimit-*`; `X-RateLimit-*` as
/// Kong and others send them. Both with the seconds until the reset. Allocates: only while the table grows.
struct LimitHeaders {
    /// Each style: limit, remaining, reset.
    private let styles: [NumberFields]
    private let limit: UInt64

    init?(_ style: RateLimitConfiguration.HeaderStyle, limit: UInt64) {
        let prefixes: [String]
        switch style {
        case .none: return nil
        case .standard: prefixes = ["RateLimit"]
        case .legacy: prefixes = ["X-RateLimit"]
        case .both: prefixes = ["RateLimit", "X-RateLimit"]
        }
        styles = prefixes.map { NumberFields("\($0)-Limit", "\($0)-Remaining", "\($0)-Reset") }
        self.limit = limit
    }

    /// What an upstream says about a limit of its own gives way to a stricter one only.
    func write(_ notice: LimitNotice, to fields: inout HeaderTable) {
        for style in styles {
            if style.mayBe(in: &fields) {
                if let told = Self.number(style.value(of: 1, in: &fields), in: fields), told <= notice.remaining {
                    continue
                }
                style.remove(from: &fields)
            }
            style.append([limit, notice.remaining, Self.seconds(notice.reset)], to: &fields)
        }
    }

    private static func number(_ range: ByteRange?, in fields: HeaderTable) -> UInt64? {
        guard let range else { return nil }
        return fields.withBytes(range) { bytes in
            // 18 digits always fit.
            guard (1...18).contains(bytes.count), bytes.allSatisfy(ASCII.isDigit) else { return nil }
            return bytes.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
        }
    }

    /// Whole seconds, rounded up.
    static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest > 0 ? whole + 1 : whole
    }
}
