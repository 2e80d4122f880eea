import SluiceHTTP
import Testing

/// `grpc-timeout`, read and written.
@Suite struct GRPCTimeoutTests {
    private func parse(_ text: String) -> UInt64? { Array(text.utf8).withUnsafeBytes { GRPCTimeout.parse($0) } }

    private func text(_ nanoseconds: UInt64) -> String {
        var bytes: [UInt8] = []
        GRPCTimeout.text(nanoseconds: nanoseconds).eachByte { bytes.append($0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    static let valid: [(String, UInt64)] = [
        ("1n", 1), ("99999999n", 99_999_999), ("3u", 3000), ("250m", 250_000_000), ("5S", 5_000_000_000),
        ("2M", 120_000_000_000), ("1H", 3_600_000_000_000), ("00000001S", 1_000_000_000), ("0S", 0),
        ("5000000H", 18_000_000_000_000_000_000), ("99999999H", .max),
    ]

    @Test(arguments: valid)
    func reads(value: String, nanoseconds: UInt64) { #expect(parse(value) == nanoseconds) }

    @Test(arguments: [
        "", "S", "1", "1s", "1h", "-1S", "+1S", "1 S", " 1S", "1S ", "100000000S", "1.5S", "0x1S", "1SS", "９S",
        "1\u{0}S",
    ])
    func refuses(_ value: String) { #expect(parse(value) == nil) }

    static let written: [(UInt64, String)] = [
        (0, "1u"), (1, "1u"), (999, "1u"), (1000, "1u"), (1999, "1u"), (250_000_000, "250000u"),
        (99_999_999_000, "99999999u"), (99_999_999_999, "99999999u"), (100_000_000_000, "100000m"),
        (99_999_999_999_999, "99999999m"), (100_000_000_000_000, "100000S"), (.max, "5124095H"),
    ]

    @Test(arguments: written)
    func writes(nanoseconds: UInt64, value: String) {
        #expect(text(nanoseconds) == value)
    }

    @Test("what is written is never more than what was meant, and hardly less")
    func roundTrip() throws {
        var length: UInt64 = 1000
        while length < 1 << 62 {
            for value in [length, length + length / 3, length + 1] {
                let again = try #require(parse(text(value)))
                #expect(again <= value && value - again <= max(1000, value / 1000))
            }
            length *= 7
        }
    }
}
