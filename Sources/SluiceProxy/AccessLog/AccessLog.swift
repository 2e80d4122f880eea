import NIOCore
package import SluiceConfig
package import SluiceCore
import SluiceFilters

/// Takes the finished lines of all loops away from them. Any thread.
package protocol LogSink: AnyObject, Sendable {
    /// Takes whole lines. Never waits: what there is no room for is dropped, and counted there.
    func take(_ bytes: ContiguousArray<UInt8>, lines: Int)
    /// Counts lines that could not be made.
    func lost(lines: Int)
}

/// The access log of one loop: lines are written into a block of memory, and the block goes to the sink when it is full
/// or a moment later.
///
/// Isolation: its loop, after it was made. Allocates: one block each time it is handed over.
package final class AccessLog: TimerNode {
    /// Bytes of a block. A larger one wakes the writer less often; where little may wait, several of the smaller ones
    /// have to find room.
    private static func blockBytes(_ queueBytes: Int) -> Int { queueBytes >= 1024 * 1024 ? 64 * 1024 : 32 * 1024 }
    /// What is left of each value in a line that would be too long.
    private static let shortValue = 128
    /// Lines wait at most this long.
    private static let patience = TimerWheel.ticks(nanoseconds: 500_000_000)

    private let format: LogSteps
    private let isJSON: Bool
    private let redaction: LogRedaction
    private let threshold: UInt64
    private let sink: any LogSink
    private let loop: LoopContext
    private let block: UnsafeMutableRawPointer
    private let size: Int
    private var used = 0
    private var lines = 0
    private var clock = LogClock()

    package init(_ model: AccessLogModel, loop: LoopContext, sink: any LogSink) {
        redaction = LogRedaction(model.redact)
        format = LogSteps(model.format.segments, redaction)
        isJSON = model.format.isJSON
        threshold = Self.threshold(model.sample)
        self.sink = sink
        self.loop = loop
        size = Self.blockBytes(model.queueBytes)
        block = .allocate(byteCount: size, alignment: 16)
    }

    deinit { block.deallocate() }

    /// Of how many requests out of 2^32.
    static func threshold(_ share: Double) -> UInt64 { UInt64(max(0, min(1, share)) * 4_294_967_296) }

    /// Writes the line of an exchange that is over, if it is to have one.
    ///
    /// - Parameter share: what its route says, as a threshold; nil: nothing.
    func write(_ exchange: Exchange, share: UInt64?) {
        let share = share ?? threshold
        guard share > 0 else { return }
        if share <= UInt64(UInt32.max), exchange.record.error == nil, exchange.loggedStatus < 500,
            loop.random.next() >> 32 >= share
        {
            return
        }
        if append(exchange, cap: .max) { return }
        handOver()
        if append(exchange, cap: .max) { return }
        // A client that sends a value which does not fit must not keep its request out of the log.
        if !append(exchange, cap: Self.shortValue) { sink.lost(lines: 1) }
    }

    private func append(_ exchange: Exchange, cap: Int) -> Bool {
        let (memory, room) = (block + used, size - used)
        let written: Int? = exchange.request.fields.bytes.withUnsafeReadableBytes { request in
            var line = LogLine(
                exchange: exchange,
                request: request,
                line: LogWriter(memory, capacity: room, isJSON: isJSON),
                cap: cap
            )
            line.write(format, redaction, &clock)
            return line.line.isComplete ? line.line.count : nil
        }
        guard let written else { return false }
        used += written
        lines += 1
        if lines == 1 { loop.wheel.arm(self, in: Self.patience) }
        return true
    }

    package override func deadlineReached() { handOver() }

    /// Gives what there is to the sink. Also at the end of a drain and when a newer configuration takes over.
    package func handOver() {
        guard used > 0 else { return }
        sink.take(ContiguousArray(UnsafeRawBufferPointer(start: block, count: used)), lines: lines)
        used = 0
        lines = 0
        disarm()
    }

    /// It is not used any more.
    package func retire() {
        handOver()
        loop.wheel.remove(self)
    }
}
