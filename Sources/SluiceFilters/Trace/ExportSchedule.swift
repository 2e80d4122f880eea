import NIOCore
import SluiceCore

/// What is sent to a receiver of spans, and when: the decisions, without clock, timers or network.
///
/// Source of what is tried again, and how: the OTLP specification, "OTLP/HTTP Response", "Failures" and "Throttling".
struct ExportSchedule {
    /// What one request holds.
    struct Batch: Equatable, Sendable {
        var pieces: [SpanPiece]
        /// Tries so far.
        var tries = 0

        var count: Int { pieces.reduce(0) { $0 + $1.count } }
        var bytes: Int { pieces.reduce(0) { $0 + $1.bytes.readableBytes } }
    }

    /// What a receiver made of a batch.
    enum Outcome: Equatable, Sendable {
        /// `rejected` of the spans were not to its taste.
        case accepted(rejected: Int, message: String)
        /// Later perhaps; after that time, if it said one.
        case later(reason: String, after: TimeAmount?)
        /// It will never take it.
        case refused(reason: String)
    }

    enum Step: Equatable {
        case send(Batch)
        /// Nothing before that.
        case wait(until: NIODeadline)
        case nothing
    }

    static let batchBytes = 512 * 1024
    /// Requests under way at once.
    static let concurrency = 4
    /// A batch that failed so often is given up.
    static let maximumTries = 8
    private static let firstPause = TimeAmount.seconds(1)
    private static let longestPause = TimeAmount.seconds(30)
    /// A receiver may ask for more patience than this, but the queue is full long before.
    private static let longestAsked = TimeAmount.minutes(5)

    private var waiting: CircularBuffer<SpanPiece> = []
    private var again: [Batch] = []
    private(set) var underWay = 0
    private var pausedUntil: NIODeadline?
    private var failures = 0
    /// The end is near: what fails now has no second try, and nothing waits.
    private(set) var isLast = false

    mutating func add(_ piece: SpanPiece) { waiting.append(piece) }

    mutating func beginLast() {
        isLast = true
        pausedUntil = nil
    }

    var isDone: Bool { underWay == 0 && waiting.isEmpty && again.isEmpty }

    mutating func next(now: NIODeadline) -> Step {
        guard !waiting.isEmpty || !again.isEmpty else { return .nothing }
        // After a failure one request finds out whether all is well again.
        guard underWay < (failures > 0 ? 1 : Self.concurrency) else { return .nothing }
        if let until = pausedUntil, now < until { return .wait(until: until) }
        pausedUntil = nil
        underWay += 1
        if var batch = again.popLast() {
            batch.tries += 1
            return .send(batch)
        }
        var batch = Batch(pieces: [], tries: 1)
        var bytes = 0
        while let piece = waiting.first, batch.pieces.isEmpty || bytes + piece.bytes.readableBytes <= Self.batchBytes {
            bytes += piece.bytes.readableBytes
            batch.pieces.append(piece)
            waiting.removeFirst()
        }
        return .send(batch)
    }

    /// - Returns: whether the batch is to be tried again; otherwise it is over.
    mutating func ended(_ batch: Batch, _ outcome: Outcome, now: NIODeadline, random: inout RandomSource) -> Bool {
        underWay -= 1
        guard case .later(_, let asked) = outcome else {
            failures = 0
            return false
        }
        failures += 1
        guard !isLast else { return false }
        pausedUntil = now + (asked.map { min($0, Self.longestAsked) } ?? pause(&random))
        guard batch.tries < Self.maximumTries else { return false }
        again.append(batch)
        return true
    }

    /// Twice as long each time, and somewhere in the upper half of that.
    private func pause(_ random: inout RandomSource) -> TimeAmount {
        let doublings = Int64(min(failures - 1, 5))
        let longest = min(Self.firstPause.nanoseconds << doublings, Self.longestPause.nanoseconds)
        return .nanoseconds(longest / 2 + Int64(random.below(UInt64(longest / 2 + 1))))
    }
}
