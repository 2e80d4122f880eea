#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An IPv4 or IPv6 address as a plain value; an IPv4-mapped IPv6 address is stored as IPv4.
package struct IPAddress: Hashable, Sendable {
    /// The 128 bits in network order; IPv4 lies in the last 32 behind `::ffff:0:0/96`.
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(v4: UInt32) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(v4))
    }

    package var isV4: Bool { high == 0 && low >> 32 == 0xFFFF }

    package var isLoopback: Bool { isV4 ? (low >> 24) & 0xFF == 127 : high == 0 && low == 1 }

    /// Parses `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`.
    package init?(_ text: String) {
        // As a C string the text would end at a NUL, and what stands behind it would pass unread.
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, isBracketed ? String(text.dropFirst().dropLast()) : text, &v6) == 1 else {
            return nil
        }
        let (high, low) = withUnsafeBytes(of: &v6) {
            (
                UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self.init(high: high, low: low)
    }

    /// The usual text form; IPv6 without brackets.
    package var description: String {
        if isV4 {
            return "\((low >> 24) & 0xFF).\((low >> 16) & 0xFF).\((low >> 8) & 0xFF).\(low & 0xFF)"
        }
        var bytes = (high.bigEndian, low.bigEndian)
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = withUnsafeBytes(of: &bytes) { inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN)) }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
package struct CIDR: Hashable, Sendable {
    package let base: IPAddress
    /// Bits of the 128 that count; an IPv4 network has 96 more than it is written with.
    package let prefix: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        let width = address.isV4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given), parts[1].allSatisfy(\.isNumber) else {
                return nil
            }
            length = given
        }
        self.base = address
        self.prefix = length + (address.isV4 ? 96 : 0)
    }

    package func contains(_ address: IPAddress) -> Bool {
        // `::/0` means IPv6: an IPv4 client is no part of it, or a trusted `::/0` would trust the world.
        if address.isV4, prefix < 96 { return false }
        let highMask: UInt64 = prefix >= 64 ? ~0 : prefix == 0 ? 0 : ~0 << UInt64(64 - prefix)
        let lowMask: UInt64 = prefix <= 64 ? 0 : prefix == 128 ? ~0 : ~0 << UInt64(128 - prefix)
        return (address.high ^ base.high) & highMask == 0 && (address.low ^ base.low) & lowMask == 0
    }
}
