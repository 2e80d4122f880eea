import NIOCore
import NIOEmbedded
import SluiceCore
import Testing

/// Clocks that a test moves by hand.
private final class Clocks: @unchecked Sendable {
    // SAFETY: used by one test on one thread only.
    var monotonic = NIODeadline.uptimeNanoseconds(5_000_000_000)
    var seconds: Int64 = 784_111_777
}

@Suite("What everything on one loop shares")
struct LoopContextTests {
    private let clocks = Clocks()
    private let loop = EmbeddedEventLoop()

    private func context() -> LoopContext {
        LoopContext(
            loop: loop,
            random: RandomSource(seed: 1),
            clock: { [clocks] in clocks.monotonic },
            wallClock: { [clocks] in clocks.seconds }
        )
    }

    @Test("the wheel follows the clock, counted from the start of the loop, not of the machine")
    func ticks() {
        let context = context()
        #expect(context.wheel.now == 0)
        clocks.monotonic = clocks.monotonic + .milliseconds(49)
        context.tick()
        #expect(context.wheel.now == 0)
        clocks.monotonic = clocks.monotonic + .milliseconds(1)
        context.tick()
        #expect(context.wheel.now == 1)
        clocks.monotonic = clocks.monotonic + .seconds(3600)
        context.tick()
        #expect(context.wheel.now == 1 + 72_000)
        clocks.monotonic = clocks.monotonic - .seconds(7200)
        context.tick()
        #expect(context.wheel.now == 72_001, "and never back")
    }

    @Test("started, it ticks by itself; stopped, no more")
    func runs() {
        let context = context()
        context.start()
        clocks.monotonic = clocks.monotonic + .milliseconds(100)
        loop.advanceTime(by: .milliseconds(50))
        #expect(context.wheel.now == 2)
        context.stop()
        clocks.monotonic = clocks.monotonic + .milliseconds(100)
        loop.advanceTime(by: .milliseconds(500))
        #expect(context.wheel.now == 2)
    }

    @Test("clocks are those that were passed in")
    func clock() {
        let context = context()
        #expect(context.now == clocks.monotonic)
        #expect(context.secondsSince1970 == 784_111_777)
    }

    // MARK: - Scratch memory

    private func address(_ buffer: ByteBuffer) -> UnsafeRawPointer? {
        buffer.withUnsafeReadableBytes { $0.baseAddress }
    }

    @Test("scratch memory is used again")
    func reused() {
        let context = context()
        var first = context.takeScratch()
        first.writeString("first, which is long enough to be kept")
        let place = address(first)
        context.giveBack(first)
        first = ByteBuffer()
        var second = context.takeScratch()
        #expect(second.readableBytes == 0)
        second.writeString("second")
        #expect(address(second) == place)
    }

    @Test("bytes that somebody still holds are not written over")
    func held() {
        let context = context()
        var first = context.takeScratch()
        first.writeString("held by a channel")
        let held = first
        context.giveBack(first)
        var second = context.takeScratch()
        second.writeString("something else entirely")
        #expect(String(buffer: held) == "held by a channel")
        #expect(String(buffer: second) == "something else entirely")
    }

    @Test("two at a time have nothing in common")
    func nested() {
        let context = context()
        var outer = context.takeScratch()
        outer.writeString("outer")
        var inner = context.takeScratch()
        inner.writeString("inner")
        context.giveBack(inner)
        outer.writeString(" still")
        context.giveBack(outer)
        #expect(context.takeScratch().readableBytes == 0)
        #expect(String(buffer: outer) == "outer still")
    }

    @Test("memory beyond 64 KiB is let go", arguments: [(64 * 1024, true), (64 * 1024 + 1, false)])
    func large(count: Int, isKept: Bool) {
        let context = context()
        var buffer = context.takeScratch()
        buffer.writeRepeatingByte(1, count: count)
        context.giveBack(buffer)
        buffer = ByteBuffer()
        #expect((context.takeScratch().capacity >= count) == isKept)
    }

    // MARK: - Date

    @Test("the date is made once a second")
    func date() {
        let context = context()
        #expect(String(decoding: context.httpDate(), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
        clocks.seconds += 1
        #expect(
            String(decoding: context.httpDate(), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT",
            "no tick has come"
        )
        context.wheel.advance(to: 19)
        #expect(String(decoding: context.httpDate(), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
        context.wheel.advance(to: 20)
        #expect(String(decoding: context.httpDate(), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:38 GMT")
    }
}

@Suite("IMF-fixdate (RFC 9110, section 5.6.7)")
struct DateFieldTests {
    @Test(
        "dates",
        arguments: [
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"), (.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (1, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (86_399, "Thu, 01 Jan 1970 23:59:59 GMT"), (86_400, "Fri, 02 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_077_926_399, "Fri, 27 Feb 2004 23:59:59 GMT"), (1_078_012_800, "Sun, 29 Feb 2004 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (2_147_483_647, "Tue, 19 Jan 2038 03:14:07 GMT"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)]
    )
    func dates(seconds: Int64, expected: String) {
        #expect(String(decoding: DateField.format(secondsSince1970: seconds), as: UTF8.self) == expected)
    }

    @Test("each day follows the one before, for four hundred years")
    func calendar() {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var (year, month, day, weekday) = (1970, 0, 1, 3)
        for number in 0..<146_097 {
            if number % 7 == 0 || day == 1 || day >= 28 {
                let expected = "\(days[weekday]), \(day < 10 ? "0" : "")\(day) \(months[month]) \(year) 12:34:56 GMT"
                let text = String(
                    decoding: DateField.format(secondsSince1970: Int64(number) * 86_400 + 45_296),
                    as: UTF8.self
                )
                guard text == expected else {
                    Issue.record("\(text) instead of \(expected)")
                    return
                }
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
            weekday = (weekday + 1) % 7
            day += 1
            if day > length { (day, month) = (1, month + 1) }
            if month == 12 { (month, year) = (0, year + 1) }
        }
    }
}
