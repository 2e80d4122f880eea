/// The secret of a `SipHash`.
package struct SipKey: Sendable {
    fileprivate let low: UInt64
    fileprivate let high: UInt64

    /// A known key; the halves are those of the specification, read as little-endian numbers.
    package init(_ low: UInt64, _ high: UInt64) {
        self.low = low
        self.high = high
    }

    /// One that nobody can guess, from the operating system.
    package static func secret() -> SipKey { SipKey(RandomSource.secret(), RandomSource.secret()) }
}

/// SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF", with the wide output of the
/// authors' reference code).
///
/// For tables whose keys peers choose: without the secret nobody can make two inputs of one hash, nor inputs that fall
/// into one slot. Two inputs by chance have the same 128 bits as often as never. It is no digest: whoever knows the
/// secret makes collisions at will.
///
/// Pieces follow each other without borders, so that whoever adds several says where each ends. Allocates: never.
package struct SipHash: Sendable {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    /// Bytes that do not make up a word yet, the first one in the lowest bits, and how many they are.
    private var tail: UInt64 = 0
    private var tailCount: UInt64 = 0
    private var count: UInt64 = 0

    package init(_ key: SipKey) {
        v0 = key.low ^ 0x736F_6D65_7073_6575
        v1 = key.high ^ 0x646F_7261_6E64_6F6D ^ 0xEE
        v2 = key.low ^ 0x6C79_6765_6E65_7261
        v3 = key.high ^ 0x7465_6462_7974_6573
    }

    /// Adds the eight bytes of a number, the lowest first.
    @inline(__always)
    package mutating func add(_ word: UInt64) {
        count &+= 8
        guard tailCount > 0 else { return compress(word) }
        let shift = tailCount &* 8
        compress(tail | word &<< shift)
        tail = word &>> (64 &- shift)
    }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        // A copy of its own stays in registers from word to word.
        var hash = self
        defer { self = hash }
        var at = 0
        while at &+ 8 <= bytes.count {
            hash.add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            at &+= 8
        }
        var rest: UInt64 = 0
        var shift: UInt64 = 0
        while at < bytes.count {
            rest |= UInt64(bytes[at]) &<< shift
            shift &+= 8
            at &+= 1
        }
        if shift > 0 { hash.add(rest, bytes: shift &>> 3) }
    }

    /// Adds less than a word.
    @inline(__always)
    private mutating func add(_ rest: UInt64, bytes: UInt64) {
        count &+= bytes
        let (shift, sum) = (tailCount &* 8, tailCount &+ bytes)
        tail |= rest &<< shift
        tailCount = sum & 7
        guard sum >= 8 else { return }
        compress(tail)
        // What did not fit. The word was not empty before, or less than a word would not have filled it.
        tail = rest &>> (64 &- shift)
    }

    /// The first half of the hash alone.
    package consuming func finishLow() -> UInt64 {
        compress(tail | count &<< 56)
        v2 ^= 0xEE
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    /// The hash of all that was added.
    package consuming func finish() -> (low: UInt64, high: UInt64) {
        compress(tail | count &<< 56)
        v2 ^= 0xEE
        for _ in 0..<4 { round() }
        let low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xDD
        for _ in 0..<4 { round() }
        return (low, v0 ^ v1 ^ v2 ^ v3)
    }

    @inline(__always)
    private mutating func compress(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 &+= v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    @inline(__always)
    private static func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 &- bits) }
}

extension SipHash {
    /// The hash of one piece.
    package static func hash(_ bytes: UnsafeRawBufferPointer, _ key: SipKey) -> (low: UInt64, high: UInt64) {
        var hash = SipHash(key)
        hash.add(bytes)
        return hash.finish()
    }
}
