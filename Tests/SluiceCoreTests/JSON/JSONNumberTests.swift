import SluiceCore
import Testing

@Suite struct JSONNumberTests {
    private func number(_ text: String) throws -> JSONNumber {
        try #require(try JSONParser.parse(Array(text.utf8)).number)
    }

    static let wholes: [(String, Int64?)] = [
        ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("1700000000", 1_700_000_000), ("1.7e9", 1_700_000_000),
        ("17000000000e-1", 1_700_000_000), ("1.0", 1), ("1e0", 1), ("1E+2", 100), ("100e-2", 1), ("0e99999999999", 0),
        ("0.000e-99999999999", 0), ("9223372036854775807", .max), ("-9223372036854775807", -.max),
        ("922337203685477580.7e1", .max), ("9223372036854775808", nil), ("1e19", nil), ("-1e400", nil),
        ("1e99999999999", nil),
        ("1.5", nil), ("1e-1", nil), ("-0.1", nil), ("1e-99999999999", nil),
    ]

    @Test(arguments: wholes)
    func knowsWholeNumbersExactly(_ text: String, _ value: Int64?) throws {
        #expect(try number(text).integer == value)
        if let value {
            #expect(try number(text).rounded(.down) == value)
            #expect(try number(text).rounded(.up) == value)
        }
    }

    static let fractions: [(String, Int64?, Int64?)] = [
        ("1.5", 1, 2), ("-1.5", -2, -1), ("0.1", 0, 1), ("-0.1", -1, 0), ("1e-99999999999", 0, 1),
        ("1700000000.999", 1_700_000_000, 1_700_000_001),
        ("12345e-3", 12, 13), ("9223372036854775806.5", .max - 1, .max), ("9223372036854775807.5", .max, nil),
        ("-9223372036854775807.5", nil, -.max), ("1e19", nil, nil), ("1e400", nil, nil),
    ]

    @Test(arguments: fractions)
    func roundsToEitherSide(_ text: String, _ down: Int64?, _ up: Int64?) throws {
        #expect(try number(text).rounded(.down) == down)
        #expect(try number(text).rounded(.up) == up)
    }

    @Test func keepsTheDigits() throws {
        #expect(try number("1.50E+01").digits == Array("1.50E+01".utf8))
        #expect(try number("1.50E+01").double == 15)
        #expect(JSONNumber(-3).integer == -3)
        #expect(try JSONParser.parse(Array("-1.50".utf8)).scalarText == Array("-1.50".utf8))
    }
}
