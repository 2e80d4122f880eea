import Atomics
package import NIOCore
import SluiceCore

/// How long a log that takes nothing is waited for.
package struct LogPatience: Sendable {
    /// Until the operator is told.
    package var untilTold = TimeAmount.seconds(5)
    /// Until an order to open the file anew, or to end, goes before what waits.
    package var untilOrders = TimeAmount.seconds(1)

    package init() {}
}

/// The thread's side of a log. Isolation: that thread.
struct LogWriter {
    /// How soon a writer that is stuck sees orders.
    private static let slice = TimeAmount.milliseconds(100)

    private let state: LogState
    private var output: LogOutput
    private let patience: LogPatience
    private let log: @Sendable (String) -> Void
    private let stall: LogCounts.Stall
    /// The system does not take lines.
    private var isLosing = false
    /// Orders to open the file anew that came in time for a writer that was stuck; their jobs are still to come.
    private var reopensDone = 0
    /// The log ends and took nothing: what is left is not tried any more.
    private var hasGivenUp = false

    init(_ state: LogState, _ output: LogOutput, _ patience: LogPatience, log: @escaping @Sendable (String) -> Void) {
        self.state = state
        self.output = output
        self.patience = patience
        self.log = log
        stall = state.counts.makeStall()
    }

    mutating func run() {
        while true {
            switch state.jobs.take() {
            case .write(let bytes, let lines):
                write(bytes, lines)
                state.waiting.wrappingDecrement(by: bytes.count, ordering: .relaxed)
                state.counts.dequeued(bytes: bytes.count)
            case .reopen:
                if reopensDone > 0 {
                    reopensDone -= 1
                } else {
                    state.reopens.wrappingDecrement(ordering: .relaxed)
                    _ = reopen()
                }
            case .tellDropped:
                state.isDropping.store(false, ordering: .relaxed)
                let lines = state.dropped.exchange(0, ordering: .relaxed)
                if lines > 0 { log("access log: \(Plural.of(lines, "line")) dropped; caught up") }
            case .flush(let done): done.post(())
            case .end:
                output.close()
                return
            }
        }
    }

    /// - Returns: whether it is another file than before.
    private mutating func reopen() -> Bool {
        do throws(LogOutput.Failure) {
            let isOther = try output.reopen()
            log("access log: opened anew")
            return isOther
        } catch {
            log("access log: cannot be opened anew, the old file stays: \(error.message)")
            return false
        }
    }

    // MARK: - Lines

    private mutating func write(_ bytes: ContiguousArray<UInt8>, _ lines: Int) {
        guard !hasGivenUp else { return state.counts.lost(lines: lines) }
        var done = 0
        stall.begin()
        defer { stall.end() }
        while done < bytes.count {
            switch output.write(bytes, from: done) {
            case .wrote(let count):
                done += count
                stall.begin()
            case .full:
                guard waitForRoom(bytes, &done) else {
                    hasGivenUp = true
                    return lose(bytes, lines, from: done, "\(output.name) takes nothing")
                }
            case .failed(let failure): return lose(bytes, lines, from: done, failure.message)
            }
        }
        state.counts.wrote(lines: lines)
        if isLosing { log("access log: written again") }
        isLosing = false
    }

    private mutating func lose(_ bytes: ContiguousArray<UInt8>, _ lines: Int, from done: Int, _ reason: String) {
        // The line that was written in part is lost, too.
        let lost = min(lines, bytes[done...].count { $0 == UInt8(ascii: "\n") })
        state.counts.wrote(lines: lines - lost)
        state.counts.lost(lines: lost)
        if !isLosing { log("access log: lines are lost: \(reason)") }
        isLosing = true
    }

    /// Waits until the log takes more, or another one has come in its place.
    ///
    /// - Parameter done: how much of `bytes` is written; less, when a line must be written again as a whole.
    /// - Returns: false when the log ends instead.
    private mutating func waitForRoom(_ bytes: ContiguousArray<UInt8>, _ done: inout Int) -> Bool {
        let begin = SystemClock.monotonic()
        var isTold = false
        while !output.waitForRoom(atMost: Self.slice) {
            let time = SystemClock.monotonic() - begin
            if time >= patience.untilTold, !isTold {
                isTold = true
                let seconds = time.nanoseconds / 1_000_000_000
                log("access log: \(output.name) has taken nothing for \(seconds) s: lines wait")
            }
            guard time >= patience.untilOrders else { continue }
            if state.isEnding.load(ordering: .relaxed) { return false }
            let orders = state.reopens.exchange(0, ordering: .relaxed)
            guard orders > 0 else { continue }
            reopensDone += orders
            guard reopen() else { continue }
            done = bytes[..<done].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            return true
        }
        if isTold { log("access log: written again") }
        return true
    }
}
