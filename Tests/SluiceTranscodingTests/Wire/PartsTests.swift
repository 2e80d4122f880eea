import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

/// The small parts, held against what the standard library or a simple way says.
@Suite struct PartsTests {
    // MARK: - Numbers

    private func decimal(_ text: String) -> (integer: Int64?, unsigned: UInt64?, double: Double?, float: Float?)? {
        Array(text.utf8).withUnsafeBytes { bytes in
            DecimalNumber(bytes).map {
                ($0.integer(Int64.self), $0.integer(UInt64.self), $0.double, $0.float)
            }
        }
    }

    @Test func `floating-point numbers are the nearest ones`() throws {
        var random = RandomSource(seed: 3)
        for _ in 0..<20_000 {
            let digits = String(random.next() >> random.below(60))
            let point = Int(random.below(UInt64(digits.count) + 1))
            var text = (random.below(2) == 0 ? "-" : "")
            let whole = String(digits.prefix(point))
            text += whole.isEmpty || whole.hasPrefix("0") ? "0" : whole
            if point < digits.count { text += "." + digits.dropFirst(point) }
            if random.below(2) == 0 { text += "e\(Int(random.below(80)) - 40)" }
            let number = try #require(decimal(text), "\(text)")
            #expect(number.double?.bitPattern == Double(text)?.bitPattern, "\(text)")
            let float = try #require(Float(text))
            #expect(number.float?.bitPattern == (float.isFinite ? float.bitPattern : nil), "\(text)")
        }
    }

    static let wholes: [(String, Int64?, UInt64?)] = [
        ("0", 0, 0), ("-0", 0, 0), ("1", 1, 1), ("-1", -1, nil), ("1.0", 1, 1), ("1.5", nil, nil), ("1e3", 1000, 1000),
        ("1.5e1", 15, 15), ("15e-1", nil, nil), ("150e-1", 15, 15),
        ("9223372036854775807", .max, 9_223_372_036_854_775_807),
        ("9223372036854775808", nil, 9_223_372_036_854_775_808), ("-9223372036854775808", .min, nil),
        ("-9223372036854775809", nil, nil), ("18446744073709551615", nil, .max), ("18446744073709551616", nil, nil),
        ("184467440737095516150", nil, nil), ("184467440737095516150e-1", nil, .max),
        ("1.8446744073709551615e19", nil, .max),
        ("1e19", nil, 10_000_000_000_000_000_000), ("1e20", nil, nil), ("0e999999999999", 0, 0),
        ("1e-999999999999", nil, nil),
        ("0.000000000000000000000000001e27", 1, 1), ("100000000000000000000000e-23", 1, 1),
    ]

    @Test(arguments: wholes) func `whole numbers are exact`(
        _ text: String,
        _ signed: Int64?,
        _ unsigned: UInt64?
    ) throws {
        let number = try #require(decimal(text))
        #expect(number.integer == signed)
        #expect(number.unsigned == unsigned)
    }

    @Test(arguments: [
        "", "-", "+1", "01", "1.", ".1", "1e", "1e+", " 1", "1 ", "0x1", "1_0", "--1", "1.1.1", "1e1e1", "Infinity",
    ])
    func `what is no number`(_ text: String) { #expect(decimal(text) == nil) }

    // MARK: - UTF-8

    @Test func `UTF-8 is what the standard library takes for it`() {
        var random = RandomSource(seed: 4)
        let bytes: [UInt8] = [
            0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
            0x9F, 0xA0, 0x8F, 0x90,
        ]
        for _ in 0..<100_000 {
            var text = Array("plain ascii".utf8.prefix(Int(random.below(12))))
            for _ in 0..<random.below(6) { text.append(bytes[Int(random.below(UInt64(bytes.count)))]) }
            let expected = String(validating: text, as: UTF8.self) != nil
            #expect(text.withUnsafeBytes { UTF8Check.isValid($0) } == expected, "\(Hex.text(text))")
        }
    }

    // MARK: - Times

    @Test func `times go both ways`() throws {
        var random = RandomSource(seed: 6)
        let span = UInt64(TimeValue.timestampRange.upperBound - TimeValue.timestampRange.lowerBound)
        var seconds = [TimeValue.timestampRange.lowerBound, TimeValue.timestampRange.upperBound, 0, -1, 951_782_400]
        for _ in 0..<5000 { seconds.append(TimeValue.timestampRange.lowerBound + Int64(random.below(span))) }
        for second in seconds {
            let time = TimeValue(seconds: second, nanos: Int32(random.below(1_000_000_000)))
            var text: [UInt8] = []
            time.appendTimestamp(to: &text)
            #expect(text.withUnsafeBytes { TimeValue(timestamp: $0) } == time, "\(second)")
        }
    }

    static let timestamps: [(Int64, Int32, String)] = [
        (0, 0, "1970-01-01T00:00:00Z"), (-1, 999_000_000, "1969-12-31T23:59:59.999Z"),
        (951_782_400, 1000, "2000-02-29T00:00:00.000001Z"), (4_107_542_400, 1, "2100-03-01T00:00:00.000000001Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00Z"), (253_402_300_799, 120_000_000, "9999-12-31T23:59:59.120Z"),
    ]

    @Test(arguments: timestamps) func `times that everybody knows`(_ seconds: Int64, _ nanos: Int32, _ text: String) {
        var out: [UInt8] = []
        TimeValue(seconds: seconds, nanos: nanos).appendTimestamp(to: &out)
        #expect(String(decoding: out, as: UTF8.self) == text)
    }

    // MARK: - Wire

    @Test func `varints and their sizes`() throws {
        for shift in UInt64(0)..<64 {
            for value: UInt64 in [1 << shift, (1 << shift) - 1, UInt64.max >> shift] {
                var bytes: [UInt8] = []
                bytes.appendVarint(value)
                #expect(bytes.count == Wire.size(ofVarint: value))
                let read = try bytes.withUnsafeBytes { all in
                    var reader = WireReader(all)
                    return try reader.varint()
                }
                #expect(read == value)
                #expect(Wire.zigzag(Wire.unzigzag(value)) == value)
            }
        }
    }

    /// Lengths inside each other, some taken back, against messages that are put together from inside out.
    @Test func `lengths are right wherever they are, also when some are taken back`() {
        var random = RandomSource(seed: 7)
        for _ in 0..<300 {
            var buffer = MessageBuffer()
            let expected = Self.build(&buffer, &random, 0)
            var out = ByteBuffer()
            #expect(buffer.size == expected.count)
            buffer.write(to: &out)
            #expect(Array(out.readableBytesView) == expected)
        }
    }

    private static func build(_ buffer: inout MessageBuffer, _ random: inout RandomSource, _ depth: Int) -> [UInt8] {
        var expected: [UInt8] = []
        for _ in 0..<random.below(4) {
            switch random.below(depth < 5 ? 4 : 1) {
            case 0:
                let bytes = [UInt8](repeating: UInt8(random.below(256)), count: Int(random.below(200)))
                buffer.bytes += bytes
                expected += bytes
            case 1:
                let mark = buffer.mark
                buffer.openLength()
                _ = build(&buffer, &random, depth + 1)
                if random.below(2) == 0 { buffer.closeLength() }
                buffer.rollBack(to: mark)
            default:
                buffer.openLength()
                let inner = build(&buffer, &random, depth + 1)
                #expect(buffer.isOpenEmpty == inner.isEmpty)
                buffer.closeLength()
                expected.appendVarint(UInt64(inner.count))
                expected += inner
            }
        }
        return expected
    }

    @Test func `keys are told apart by their map`() {
        var keys = KeySet(secret: SipKey(1, 2))
        let maps = [keys.newMap(), keys.newMap()]
        for round in 0..<2 {
            for map in maps {
                for number in 0..<1000 {
                    let isNew = Array("key \(number)".utf8).withUnsafeBytes { keys.insert($0, into: map) }
                    #expect(isNew == (round == 0))
                }
            }
        }
        keys.reset()
        #expect(Array("key 1".utf8).withUnsafeBytes { keys.insert($0, into: maps[0]) })
    }

    @Test func `a table of names tells scopes apart`() {
        var table = NameTable()
        for scope in 0..<20 {
            for name in 0..<50 {
                let isNew = table.add("name\(name)", scope: scope, value: scope * 100 + name)
                #expect(isNew)
            }
        }
        let isNewAgain = table.add("name5", scope: 5, value: 0)
        #expect(!isNewAgain)
        for scope in 0..<20 {
            for name in 0..<50 {
                #expect(
                    Array("name\(name)".utf8).withUnsafeBytes { table.find($0, scope: scope) } == scope * 100 + name
                )
            }
            #expect(Array("name50".utf8).withUnsafeBytes { table.find($0, scope: scope) } == nil)
        }
        #expect(Array("name1".utf8).withUnsafeBytes { table.find($0, scope: 20) } == nil)
    }

    // MARK: - Escapes of URLs

    @Test func `escapes go both ways`() {
        let all = (UInt8.min...UInt8.max).map { $0 }
        var text: [UInt8] = []
        all.withUnsafeBytes { PercentCoding.encode($0, into: &text) }
        var back: [UInt8] = []
        #expect(text.withUnsafeBytes { PercentCoding.decode($0, into: &back) })
        #expect(back == all)
    }

    @Test(arguments: ["%", "%4", "%zz", "a%4", "%%41", "%-1"]) func `escapes that are none`(_ text: String) {
        var out: [UInt8] = []
        #expect(!Array(text.utf8).withUnsafeBytes { PercentCoding.decode($0, into: &out) })
    }
}
