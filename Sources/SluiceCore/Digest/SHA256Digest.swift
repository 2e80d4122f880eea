/// A SHA-256 digest (FIPS 180-4), such as a stored credential is compared by.
///
/// Our own instead of a library's, since the configuration needs no more of cryptography than this, and requests need
/// it without an allocation. No branch and no place in memory depends on the bytes, only on their number.
package struct SHA256Digest: Sendable {
    /// The eight words of the digest, two in each.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Allocates: never.
    package init(of bytes: UnsafeRawBufferPointer) { words = SHA256.digest(of: bytes) }

    package init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { SHA256Digest(of: $0) } }

    /// Reads 64 hexadecimal digits, in either case.
    package init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, digit) in digits.enumerated() {
            guard let value = ASCII.hexValue(digit) else { return nil }
            words[index / 16] = words[index / 16] << 4 | UInt64(value)
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// 64 hexadecimal digits in lower case.
    package var hexadecimal: String {
        [words.0, words.1, words.2, words.3].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    @inline(__always)
    package func isSame(as other: SHA256Digest) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }

    /// Adds it to a hash.
    package func add(to hash: inout SipHash) {
        hash.add(words.0)
        hash.add(words.1)
        hash.add(words.2)
        hash.add(words.3)
    }
}

extension SHA256Digest: Hashable {
    package static func == (a: SHA256Digest, b: SHA256Digest) -> Bool { a.isSame(as: b) }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension SHA256Digest: CustomStringConvertible, CustomReflectable {
    /// A credential that is easy to guess is found from its digest, so that no log and no dump shows it.
    package var description: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .none) }
}

/// The function itself.
private enum SHA256 {
    /// The round constants (section 4.2.2).
    static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]

    /// The eight working variables.
    struct State {
        var a: UInt32 = 0x6a09_e667
        var b: UInt32 = 0xbb67_ae85
        var c: UInt32 = 0x3c6e_f372
        var d: UInt32 = 0xa54f_f53a
        var e: UInt32 = 0x510e_527f
        var f: UInt32 = 0x9b05_688c
        var g: UInt32 = 0x1f83_d9ab
        var h: UInt32 = 0x5be0_cd19
    }

    static func digest(of bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64, UInt64) {
        var state = State()
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
            var at = 0
            while bytes.count &- at >= 64 {
                compress(UnsafeRawBufferPointer(rebasing: bytes[at..<at &+ 64]), &state, schedule)
                at &+= 64
            }
            finish(UnsafeRawBufferPointer(rebasing: bytes[at...]), total: bytes.count, &state, schedule)
        }
        func pair(_ high: UInt32, _ low: UInt32) -> UInt64 { UInt64(high) << 32 | UInt64(low) }
        return (pair(state.a, state.b), pair(state.c, state.d), pair(state.e, state.f), pair(state.g, state.h))
    }

    /// The last bytes with a one bit behind them, zeros, and the number of bits (section 5.1.1).
    private static func finish(
        _ rest: UnsafeRawBufferPointer,
        total: Int,
        _ state: inout State,
        _ schedule: UnsafeMutableBufferPointer<UInt32>
    ) {
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { block in
            block.initializeMemory(as: UInt8.self, repeating: 0)
            block.copyMemory(from: rest)
            block[rest.count] = 0x80
            let size = rest.count < 56 ? 64 : 128
            block.storeBytes(of: (UInt64(total) &* 8).bigEndian, toByteOffset: size &- 8, as: UInt64.self)
            for start in stride(from: 0, to: size, by: 64) {
                compress(UnsafeRawBufferPointer(rebasing: block[start..<start &+ 64]), &state, schedule)
            }
        }
    }

    /// One block of 64 bytes (section 6.2.2).
    private static func compress(
        _ block: UnsafeRawBufferPointer,
        _ state: inout State,
        _ w: UnsafeMutableBufferPointer<UInt32>
    ) {
        for i in 0..<16 { w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self)) }
        for i in 16..<64 {
            let (early, late) = (w[i &- 15], w[i &- 2])
            let s0 = rotate(early, 7) ^ rotate(early, 18) ^ early &>> 3
            let s1 = rotate(late, 17) ^ rotate(late, 19) ^ late &>> 10
            w[i] = w[i &- 16] &+ s0 &+ w[i &- 7] &+ s1
        }
        var s = state
        constants.withUnsafeBufferPointer { k in
            for i in stride(from: 0, to: 64, by: 8) {
                // The variables change places instead of values.
                round(s.a, s.b, s.c, &s.d, s.e, s.f, s.g, &s.h, k[i] &+ w[i])
                round(s.h, s.a, s.b, &s.c, s.d, s.e, s.f, &s.g, k[i &+ 1] &+ w[i &+ 1])
                round(s.g, s.h, s.a, &s.b, s.c, s.d, s.e, &s.f, k[i &+ 2] &+ w[i &+ 2])
                round(s.f, s.g, s.h, &s.a, s.b, s.c, s.d, &s.e, k[i &+ 3] &+ w[i &+ 3])
                round(s.e, s.f, s.g, &s.h, s.a, s.b, s.c, &s.d, k[i &+ 4] &+ w[i &+ 4])
                round(s.d, s.e, s.f, &s.g, s.h, s.a, s.b, &s.c, k[i &+ 5] &+ w[i &+ 5])
                round(s.c, s.d, s.e, &s.f, s.g, s.h, s.a, &s.b, k[i &+ 6] &+ w[i &+ 6])
                round(s.b, s.c, s.d, &s.e, s.f, s.g, s.h, &s.a, k[i &+ 7] &+ w[i &+ 7])
            }
        }
        state.a &+= s.a
        state.b &+= s.b
        state.c &+= s.c
        state.d &+= s.d
        state.e &+= s.e
        state.f &+= s.f
        state.g &+= s.g
        state.h &+= s.h
    }

    @inline(__always)
    private static func round(
        _ a: UInt32,
        _ b: UInt32,
        _ c: UInt32,
        _ d: inout UInt32,
        _ e: UInt32,
        _ f: UInt32,
        _ g: UInt32,
        _ h: inout UInt32,
        _ word: UInt32
    ) {
        let sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        let choice = g ^ (e & (f ^ g))
        let sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
        let majority = (a & b) | (c & (a | b))
        let first = h &+ sum1 &+ choice &+ word
        d &+= first
        h = first &+ sum0 &+ majority
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word &>> bits | word &<< (32 &- bits) }
}
