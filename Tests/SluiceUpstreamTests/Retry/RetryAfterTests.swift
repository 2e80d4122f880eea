import NIOCore
import Testing

@testable import SluiceUpstream

/// 6 November 1994, 08:49:37: the example of RFC 9110.
private let example: Int64 = 784_111_777

@Suite struct RetryAfterTests {
    private func parse(_ text: String, now: Int64 = example) -> TimeAmount? {
        Array(text.utf8).withUnsafeBytes { RetryAfter.parse($0, now: now) }
    }

    @Test(
        "RFC 9110 10.2.3 delay-seconds",
        arguments: [("0", 0), ("1", 1), ("120", 120), (" 7 ", 7), ("007", 7)] as [(String, Int64)]
    )
    func rfc91101023DelaySeconds(text: String, seconds: Int64) {
        #expect(parse(text) == .seconds(seconds))
    }

    @Test("more seconds than fit are very many")
    func moreSecondsThanFitAreVeryMany() {
        #expect(parse(String(repeating: "9", count: 400)) == .seconds(1 << 32))
    }

    @Test(
        "anything else is not a delay",
        arguments: ["", " ", "-1", "+1", "1.5", "1s", "1 2", "0x10", "soon", "1,2", "\u{0661}"]
    )
    func anythingElseIsNotADelay(text: String) {
        #expect(parse(text) == nil)
    }

    @Test("RFC 9110 10.2.3 HTTP-date, in the future and in the past")
    func rfc91101023HTTPDateInTheFutureAndInThePast() {
        #expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", now: example - 30) == .seconds(30))
        #expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", now: example + 30) == .seconds(0))
        #expect(parse("Fri, 31 Dec 9999 23:59:59 GMT") == .seconds(1 << 32))
    }
}

@Suite struct HTTPDateTests {
    private func parse(_ text: String, now: Int64 = example) -> Int64? {
        Array(text.utf8).withUnsafeBytes { HTTPDate.parse($0, now: now) }
    }

    @Test(
        "RFC 9110 5.6.7 all three forms",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ]
    )
    func rfc9110567AllThreeForms(text: String) {
        #expect(parse(text) == example)
    }

    /// Expected values from `date -u -d ... +%s`.
    @Test(
        "dates over the calendar",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600), ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Sat, 28 Feb 2026 00:00:00 GMT", 1_772_236_800), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800), ("Fri Dec 31 23:59:59 1999", 946_684_799),
        ] as [(String, Int64)]
    )
    func datesOverTheCalendar(text: String, seconds: Int64) {
        #expect(parse(text) == seconds)
    }

    /// 784,111,777 is in 1994, 1,772,236,800 in 2026.
    @Test(
        "RFC 9110 5.6.7 a two-digit year more than 50 years ahead is a past one",
        arguments: [
            ("Monday, 01-Jan-44 00:00:00 GMT", 784_111_777, 2_335_219_200),
            ("Monday, 01-Jan-45 00:00:00 GMT", 784_111_777, -788_918_400),
            ("Monday, 01-Jan-76 00:00:00 GMT", 1_772_236_800, 3_345_062_400),
            ("Monday, 01-Jan-77 00:00:00 GMT", 1_772_236_800, 220_924_800),
        ] as [(String, Int64, Int64)]
    )
    func rfc9110567ATwoDigitYearMoreThan50YearsAheadIsAPastOne(
        text: String,
        now: Int64,
        seconds: Int64
    ) {
        #expect(parse(text, now: now) == seconds)
    }

    @Test(
        "what is no such date is refused",
        arguments: [
            "", "Sun", "Sun,", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunnday, 06-Nov-94 08:49:37 GMT",
            "Monsday, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
            "Sun Nov 06 08:49:37 1994 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
        ]
    )
    func whatIsNoSuchDateIsRefused(text: String) {
        #expect(parse(text) == nil)
    }
}
