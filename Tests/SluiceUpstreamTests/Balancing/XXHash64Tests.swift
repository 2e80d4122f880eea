import Testing

@testable import SluiceUpstream

/// Expected values from the reference implementation (the `xxhash` Python package 3.x).
@Suite struct XXHash64Tests {
    @Test(
        "matches the reference without a seed",
        arguments: [
            ("", 0xEF46_DB37_51D8_E999),
            ("a", 0xD24E_C4F1_A98C_6E5B),
            ("abc", 0x44BC_2CF5_AD77_0999),
            ("0123456789abcdef", 0x5C5B_90C3_4E37_6D0B),
            ("0123456789abcdefghijklmnopqrstu", 0x80AD_FC1D_4202_0F39),
            ("0123456789abcdefghijklmnopqrstuv", 0xBF7C_9DBE_16B5_C6E2),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)]
    )
    func matchesTheReferenceWithoutASeed(text: String, expected: UInt64) {
        #expect(XXHash64.hash(Array(text.utf8)) == expected)
    }

    @Test(
        "matches the reference with a seed",
        arguments: [
            ("", 0x782A_14FC_F8F3_4B6A),
            ("abc", 0xCB54_395B_BF89_5909),
            ("0123456789abcdefghijklmnopqrstu", 0xA4BB_C383_6A26_3B6A),
            ("0123456789abcdefghijklmnopqrstuv", 0x838A_1D66_B587_9A5C),
        ] as [(String, UInt64)]
    )
    func matchesTheReferenceWithASeed(text: String, expected: UInt64) {
        #expect(XXHash64.hash(Array(text.utf8), seed: 1_234_567) == expected)
    }

    @Test("matches the reference over several stripes and a tail of every kind")
    func matchesTheReferenceOverSeveralStripesAndATailOfEveryKind() {
        let bytes = Array(UInt8(0)...100)
        #expect(XXHash64.hash(bytes) == 0xE990_3849_5F85_381E)
        #expect(XXHash64.hash(bytes, seed: 1_234_567) == 0xCC84_507E_9EB5_256C)
    }
}

@Suite struct StickyHashTests {
    private func combined(_ keys: [String?]) -> UInt64? {
        var hash = StickyHash()
        for key in keys {
            if let key { Array(key.utf8).withUnsafeBytes { hash.combine($0) } } else { hash.combine(nil) }
        }
        return hash.value
    }

    @Test("no key gives no hash")
    func noKeyGivesNoHash() {
        #expect(combined([]) == nil)
        #expect(combined([nil, nil]) == nil)
    }

    @Test("one key is its own hash, missing ones are skipped")
    func oneKeyIsItsOwnHashMissingOnesAreSkipped() {
        let alone = XXHash64.hash(Array("alice".utf8))
        #expect(combined(["alice"]) == alone)
        #expect(combined([nil, "alice", nil]) == alone)
    }

    @Test("a second key is mixed in after a rotation")
    func aSecondKeyIsMixedInAfterARotation() {
        var hash = StickyHash()
        hash.combine(0x8000_0000_0000_0001)
        hash.combine(0x10)
        #expect(hash.value == 0x13)
    }

    @Test("order matters, and equal keys do not cancel out")
    func orderMattersAndEqualKeysDoNotCancelOut() {
        #expect(combined(["a", "b"]) != combined(["b", "a"]))
        #expect(combined(["a", "a"]) != 0)
    }
}
