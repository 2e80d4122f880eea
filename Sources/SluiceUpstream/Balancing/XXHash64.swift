/// xxHash64 with seed 0 by default: the hash behind sticky endpoint choices.
///
/// Chosen because Envoy uses it for its ring and maglev tables, it passes the usual quality suites, and it costs a few
/// nanoseconds on the short inputs met here. It is not keyed: all processes of a fleet must agree on the result, so a
/// client that picks its own key can pick its endpoint, as with every consistent hash.
/// Source: the xxHash specification, version 0.1.1, section "XXH64 algorithm description".
///
/// Isolation: any. Allocates: never.
package enum XXHash64 {
    private static var prime1: UInt64 { 0x9E37_79B1_85EB_CA87 }
    private static var prime2: UInt64 { 0xC2B2_AE3D_27D4_EB4F }
    private static var prime3: UInt64 { 0x1656_67B1_9E37_79F9 }
    private static var prime4: UInt64 { 0x85EB_CA77_C2B2_AE63 }
    private static var prime5: UInt64 { 0x27D4_EB2F_1656_67C5 }

    /// The hash of `bytes`; an empty buffer has one too.
    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var offset = 0
        var h = seed &+ prime5
        if bytes.count >= 32 { h = stripes(bytes, seed: seed, offset: &offset) }
        h &+= UInt64(bytes.count)
        while bytes.count - offset >= 8 {
            h = rotated(h ^ round(0, word(bytes, offset)), 27) &* prime1 &+ prime4
            offset += 8
        }
        if bytes.count - offset >= 4 {
            let half = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            h = rotated(h ^ (half &* prime1), 23) &* prime2 &+ prime3
            offset += 4
        }
        while offset < bytes.count {
            h = rotated(h ^ (UInt64(bytes[offset]) &* prime5), 11) &* prime1
            offset += 1
        }
        h = (h ^ (h >> 33)) &* prime2
        h = (h ^ (h >> 29)) &* prime3
        return h ^ (h >> 32)
    }

    /// The hash of an array of bytes.
    package static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { hash($0, seed: seed) }
    }

    /// Digests all whole blocks of 32 bytes and leaves `offset` behind them.
    private static func stripes(_ bytes: UnsafeRawBufferPointer, seed: UInt64, offset: inout Int) -> UInt64 {
        var a = seed &+ prime1 &+ prime2
        var b = seed &+ prime2
        var c = seed
        var d = seed &- prime1
        while bytes.count - offset >= 32 {
            a = round(a, word(bytes, offset))
            b = round(b, word(bytes, offset + 8))
            c = round(c, word(bytes, offset + 16))
            d = round(d, word(bytes, offset + 24))
            offset += 32
        }
        var h = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
        h = merged(h, a)
        h = merged(h, b)
        h = merged(h, c)
        return merged(h, d)
    }

    @inline(__always)
    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotated(lane &+ input &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func merged(_ h: UInt64, _ lane: UInt64) -> UInt64 {
        (h ^ round(0, lane)) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private static func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
        value << count | value >> (64 - count)
    }
}
