import SluiceCore
import Testing

@testable import SluiceFilters

/// W3C Trace Context level 2, section 3.2.
@Suite struct TraceParentTests {
    private func parse(_ text: String) -> TraceContext? {
        Array(text.utf8).withUnsafeBytes { TraceParent.parse($0) }
    }

    private static let good = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"

    @Test(arguments: [
        ("00-\(good)-00", false, false), ("00-\(good)-01", true, false), ("00-\(good)-02", false, true),
        ("00-\(good)-03", true, true), ("00-\(good)-ff", true, true), ("00-\(good)-fc", false, false),
        ("01-\(good)-01", true, false), ("cc-\(good)-01-what-the-future-will-be-like", true, false),
        ("fe-\(good)-01-", true, false),
    ])
    func readsContexts(_ text: String, _ isSampled: Bool, _ isRandom: Bool) throws {
        let context = try #require(parse(text))
        #expect(context.id == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
        #expect(context.parent == 0x00f0_67aa_0ba9_02b7)
        #expect(context.isSampled == isSampled)
        #expect(context.isRandom == isRandom)
    }

    @Test(arguments: [
        "", "00", "00-", "00-\(good)", "00-\(good)-", "00-\(good)-0", "00-\(good)-001", "00-\(good)-01-",
        "00-\(good)-01.",
        "00-\(good)-01-what-the-future-will-be-like", "cc-\(good)-01.what-the-future-will-be-like", "cc-\(good)-011",
        "ff-\(good)-01", "FE-\(good)-01", ".0-\(good)-01", "0.-\(good)-01", "0-\(good)-01", "000-\(good)-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01",
        "00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-.0f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47361-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b71-01",
        "00-\(good)-0g", "00-\(good)-.1", "00-\(good)-0A", "00_\(good)-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", "00-\(good)_01", "00 \(good) 01",
        "00-\(good)-01,00-\(good)-01",
    ])
    func restartsOnAnythingElse(_ text: String) { #expect(parse(text) == nil) }

    @Test(arguments: [UInt32(0), 1, 0x0123_4567, 0x89AB_CDEF, 0xFFFF_FFFF, 0x9A9A_A9A9, 0x0000_000A])
    func writesDigits(_ number: UInt32) {
        let digits = withUnsafeBytes(of: HexDigits.of(number).bigEndian) { String(decoding: $0, as: UTF8.self) }
        let plain = String(number, radix: 16)
        #expect(digits == String(repeating: "0", count: 8 - plain.count) + plain)
    }

    @Test func everyByteHasTwoDigits() {
        for byte in UInt8.min ... .max {
            let digits = withUnsafeBytes(of: HexDigits.of(byte).bigEndian) { Array($0) }
            #expect(digits.withUnsafeBytes { HexDigits.byte($0, at: 0) } == byte)
        }
    }
}
