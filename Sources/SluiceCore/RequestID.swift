/// Request ids in the form of a random UUID (RFC 9562, version 4).
package enum RequestID {
    /// 36 bytes: `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`.
    package static func make(_ random: inout RandomSource) -> [UInt8] {
        let high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return [UInt8](unsafeUninitializedCapacity: 36) { bytes, count in
            var place = 0
            for i in 0..<32 {
                if i == 8 || i == 12 || i == 16 || i == 20 {
                    bytes[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = i < 16 ? high : low
                let digit = UInt8(truncatingIfNeeded: word >> UInt64((15 - i % 16) * 4)) & 15
                bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
                place += 1
            }
            count = place
        }
    }
}
