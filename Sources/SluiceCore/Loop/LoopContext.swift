package import NIOCore

/// What everything on one event loop shares: time, randomness, scratch memory.
///
/// Isolation: its loop.
package final class LoopContext {
    package let loop: any EventLoop
    package let wheel = TimerWheel()
    package var random: RandomSource
    private let clock: @Sendable () -> NIODeadline
    private let startedAt: NIODeadline
    private var tickTask: RepeatedTask?
    package let memory = LoopMemory()
    private var dateTick = UInt64.max
    private var dateText = HeadMemory()
    private let wallClock: @Sendable () -> Int64
    private let nanoClock: @Sendable () -> Int64
    private var distanceTick = UInt64.max
    private var distance: Int64 = 0

    /// - Parameters:
    ///   - clock: monotonic time.
    ///   - wallClock: seconds since 1970.
    ///   - nanoClock: nanoseconds since 1970.
    package init(
        loop: any EventLoop,
        random: RandomSource = RandomSource(),
        clock: @escaping @Sendable () -> NIODeadline = SystemClock.monotonic,
        wallClock: @escaping @Sendable () -> Int64 = SystemClock.secondsSince1970,
        nanoClock: @escaping @Sendable () -> Int64 = SystemClock.nanosecondsSince1970
    ) {
        self.loop = loop
        self.random = random
        self.clock = clock
        self.startedAt = clock()
        self.wallClock = wallClock
        self.nanoClock = nanoClock
    }

    /// Exact monotonic time; costs a system call's worth, so the hot path reads `wheel.now` instead.
    package var now: NIODeadline { clock() }

    /// Wall clock time.
    package var secondsSince1970: Int64 { wallClock() }

    /// Wall clock time of a moment of the monotonic clock, in nanoseconds since 1970.
    ///
    /// The distance of the two clocks is measured once a second, so that neighbouring moments never change places.
    package func nanosecondsSince1970(at monotonic: UInt64) -> Int64 {
        let second = wheel.now / UInt64(1000 / TimerWheel.tickMilliseconds)
        if second != distanceTick {
            distanceTick = second
            distance = nanoClock() &- Int64(truncatingIfNeeded: clock().uptimeNanoseconds)
        }
        return Int64(truncatingIfNeeded: monotonic) &+ distance
    }

    /// Starts the ticking of the wheel.
    package func start() {
        let tick = TimeAmount.milliseconds(TimerWheel.tickMilliseconds)
        let bound = NIOLoopBound(self, eventLoop: loop)
        tickTask = loop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in bound.value.tick() }
    }

    package func stop() {
        tickTask?.cancel()
        tickTask = nil
    }

    /// Brings the wheel up to the clock.
    package func tick() {
        let elapsed = (clock() - startedAt).nanoseconds
        wheel.advance(to: UInt64(max(0, elapsed) / (TimerWheel.tickMilliseconds * 1_000_000)))
    }

    /// An empty buffer to build bytes in; see `LoopMemory.takeBuffer`.
    @inline(__always)
    package func takeScratch() -> ByteBuffer { memory.takeBuffer() }

    /// An empty buffer for something small that may have to wait; see `LoopMemory.takePiece`.
    @inline(__always)
    package func takePiece() -> ByteBuffer { memory.takePiece() }

    @inline(__always)
    package func giveBack(_ buffer: consuming ByteBuffer) { memory.giveBack(buffer) }

    // MARK: - Date

    /// The current `Date` value (RFC 9110, section 5.6.7), made at most once a second; valid until the next call.
    package func httpDate() -> UnsafeRawBufferPointer {
        let second = wheel.now / UInt64(1000 / TimerWheel.tickMilliseconds)
        if second != dateTick || dateText.count == 0 {
            dateTick = second
            dateText.clear(keeping: .max)
            DateField.format(secondsSince1970: wallClock()).withUnsafeBytes { dateText.append($0) }
        }
        return dateText.bytes
    }
}
