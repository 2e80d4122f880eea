import NIOCore
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite struct ExportScheduleTests {
    private var random = RandomSource(seed: 1)
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func piece(_ bytes: Int, count: Int = 1) -> SpanPiece {
        SpanPiece(bytes: ByteBuffer(repeating: 7, count: bytes), count: count)
    }

    private func batch(_ step: ExportSchedule.Step) throws -> ExportSchedule.Batch {
        guard case .send(let batch) = step else { throw Unexpected(step: step) }
        return batch
    }

    private struct Unexpected: Error { let step: ExportSchedule.Step }

    private static let later = ExportSchedule.Outcome.later(reason: "x", after: nil)
    private static let taken = ExportSchedule.Outcome.accepted(rejected: 0, message: "")

    @Test func sendsPiecesTogetherUpToTheSizeOfABatch() throws {
        var schedule = ExportSchedule()
        let half = ExportSchedule.batchBytes / 2
        for size in [half, half, 10] { schedule.add(piece(size)) }
        #expect(try batch(schedule.next(now: start)).pieces.count == 2)
        #expect(try batch(schedule.next(now: start)).pieces.count == 1)
        #expect(schedule.next(now: start) == .nothing)
        #expect(!schedule.isDone)
    }

    @Test func aPieceThatIsTooLargeGoesAlone() throws {
        var schedule = ExportSchedule()
        schedule.add(piece(ExportSchedule.batchBytes + 1))
        schedule.add(piece(1))
        #expect(try batch(schedule.next(now: start)).bytes == ExportSchedule.batchBytes + 1)
    }

    @Test func onlySoManyRequestsAtOnce() throws {
        var schedule = ExportSchedule()
        var sent: [ExportSchedule.Batch] = []
        for _ in 0..<ExportSchedule.concurrency {
            schedule.add(piece(1))
            sent.append(try batch(schedule.next(now: start)))
        }
        schedule.add(piece(1))
        #expect(schedule.next(now: start) == .nothing)
        var random = random
        #expect(!schedule.ended(sent[0], Self.taken, now: start, random: &random))
        #expect(try batch(schedule.next(now: start)).tries == 1)
    }

    @Test func waitsLongerAndLongerAndGivesUpInTheEnd() throws {
        var schedule = ExportSchedule()
        var random = random
        schedule.add(piece(1))
        var now = start
        var waits: [Double] = []
        while true {
            let sent = try batch(schedule.next(now: now))
            guard schedule.ended(sent, Self.later, now: now, random: &random) else {
                #expect(sent.tries == ExportSchedule.maximumTries)
                break
            }
            guard case .wait(let until) = schedule.next(now: now) else {
                Issue.record("no wait")
                return
            }
            waits.append(Double((until - now).nanoseconds) / 1e9)
            // One nanosecond earlier there is nothing to send.
            #expect(schedule.next(now: until - .nanoseconds(1)) == .wait(until: until))
            now = until
        }
        let longest: [Double] = [1, 2, 4, 8, 16, 30, 30]
        for (wait, most) in zip(waits, longest) { #expect(wait <= most && wait >= most / 2) }
        #expect(waits.count == longest.count)
        #expect(schedule.isDone)
    }

    @Test func theReceiverSaysHowLong() throws {
        var schedule = ExportSchedule()
        var random = random
        schedule.add(piece(1))
        let sent = try batch(schedule.next(now: start))
        let asked = ExportSchedule.Outcome.later(reason: "x", after: .seconds(17))
        #expect(schedule.ended(sent, asked, now: start, random: &random))
        #expect(schedule.next(now: start) == .wait(until: start + .seconds(17)))
        #expect(try batch(schedule.next(now: start + .seconds(17))).tries == 2)
    }

    @Test func nobodyWaitsForADay() throws {
        var schedule = ExportSchedule()
        var random = random
        schedule.add(piece(1))
        let sent = try batch(schedule.next(now: start))
        let asked = ExportSchedule.Outcome.later(reason: "x", after: .hours(24))
        _ = schedule.ended(sent, asked, now: start, random: &random)
        #expect(schedule.next(now: start) == .wait(until: start + .minutes(5)))
    }

    @Test func afterAFailureOneRequestTriesWhetherAllIsWell() throws {
        var schedule = ExportSchedule()
        var random = random
        for _ in 0..<3 { schedule.add(piece(ExportSchedule.batchBytes)) }
        let sent = try batch(schedule.next(now: start))
        _ = schedule.ended(sent, .later(reason: "x", after: .zero), now: start, random: &random)
        let probe = try batch(schedule.next(now: start))
        #expect(schedule.next(now: start) == .nothing)
        _ = schedule.ended(probe, Self.taken, now: start, random: &random)
        _ = try batch(schedule.next(now: start))
        _ = try batch(schedule.next(now: start))
    }

    @Test func whatIsRefusedIsNotTriedAgain() throws {
        var schedule = ExportSchedule()
        var random = random
        schedule.add(piece(1))
        let sent = try batch(schedule.next(now: start))
        #expect(!schedule.ended(sent, .refused(reason: "x"), now: start, random: &random))
        #expect(schedule.isDone)
    }

    @Test func atTheEndNothingWaits() throws {
        var schedule = ExportSchedule()
        var random = random
        schedule.add(piece(1))
        let sent = try batch(schedule.next(now: start))
        _ = schedule.ended(sent, Self.later, now: start, random: &random)
        schedule.beginLast()
        let last = try batch(schedule.next(now: start))
        #expect(!schedule.ended(last, Self.later, now: start, random: &random))
        #expect(schedule.isDone)
    }

    // MARK: - Answers

    private func outcome(
        _ status: Int,
        _ fields: [(name: String, value: String)] = [],
        _ body: [UInt8] = []
    )
        -> ExportSchedule.Outcome
    {
        ExportAnswer.outcome(.success(FetchAnswer(status: status, fields: fields, body: body)), now: 784_111_777)
    }

    @Test func readsAnswers() {
        #expect(outcome(200) == Self.taken)
        #expect(outcome(204) == Self.taken)
        for status in [429, 502, 503, 504] {
            #expect(outcome(status) == .later(reason: "the answer was \(status)", after: nil))
        }
        for status in [301, 400, 401, 404, 413, 500, 501] {
            #expect(outcome(status) == .refused(reason: "the answer was \(status)"))
        }
        #expect(outcome(503, [("Retry-After", "7")]) == .later(reason: "the answer was 503", after: .seconds(7)))
        let date = outcome(429, [("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")])
        #expect(date == .later(reason: "the answer was 429", after: .seconds(10)))
        #expect(outcome(429, [("retry-after", "soon")]) == .later(reason: "the answer was 429", after: nil))
        let gone = ExportAnswer.outcome(.failure(FetchError("gone")), now: 0)
        #expect(gone == .later(reason: "gone", after: nil))
    }

    @Test func readsWhatWasRejected() {
        // partial_success {rejected_spans: 300, error_message: "no"}
        let body: [UInt8] = [0x0A, 0x07, 0x08, 0xAC, 0x02, 0x12, 0x02, 0x6E, 0x6F]
        #expect(outcome(200, [], body) == .accepted(rejected: 300, message: "no"))
    }

    @Test("a receiver writes no lines of its own into the operator's log")
    func messagesOfOneLine() {
        // {error_message: "\nno\e["}
        let body: [UInt8] = [0x0A, 0x07, 0x12, 0x05, 0x0A, 0x6E, 0x6F, 0x1B, 0x5B]
        #expect(outcome(200, [], body) == .accepted(rejected: 0, message: "\\u{a}no\\u{1b}["))
    }

    @Test(
        arguments: [
            [0xFF], [0x0A], [0x0A, 0x05, 0x08], [0x0A, 0x02, 0x08, 0xFF],
            [0x0A, 0x0B, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            Array("{\"partialSuccess\":{}}".utf8), [0x0B, 0x0C],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
        ] as [[UInt8]]
    )
    func garbageInAnAnswerRejectsNothing(_ body: [UInt8]) {
        #expect(outcome(200, [], body) == Self.taken)
    }

    @Test(arguments: [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("https://otlp.example.com/otlp", "https://otlp.example.com/otlp/v1/traces"),
        ("https://otlp.example.com/otlp/", "https://otlp.example.com/otlp/v1/traces"),
        ("https://a.example.com/v1/traces", "https://a.example.com/v1/traces"),
        ("https://a.example.com/x?key=1", "https://a.example.com/x?key=1"),
    ])
    func postsBelowThePathOfTheReceiver(_ text: String, _ url: String) throws {
        #expect(OTLP.url(of: try #require(FetchURL(text))).text == url)
    }
}
