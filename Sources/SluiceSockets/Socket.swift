import CPlatform
import Glibc
public import NIOCore
public import SluiceCore

/// One connected stream on one loop: reads into memory of the loop, writes at once what the system takes and queues the
/// rest, and tells what happens by calling what subclasses override.
///
/// **Callbacks** come from the loop only, never from within a function that the owner calls, and none after `ended` or
/// `closeChannel`. Inside of them everything is allowed: writing, pausing, closing, handing over. The order: `bytesCame` as
/// often as bytes came, `readDone`, then `inputEnded` once if the peer has ended its direction, then perhaps `ended`.
///
/// **Writing** that fails does not end the connection there and then: what the peer has sent before is still read, and
/// `ended` follows later in the same turn.
///
/// **Reading** stops with `pauseReading`, at once. The end of the peer's direction, or of everything, is still noticed, and
/// what came before it is delivered all the same, unless `readsToEndWhilePaused` is off.
///
/// A base class rather than a member, so that a connection is one object. Isolation: one loop. Allocates: only for writes
/// that do not fit.
open class Socket: TimerNode {
    /// -1: not connected, or not any more.
    package private(set) final var descriptor: CInt = -1
    // SAFETY: set while the loop's table holds this socket; the loop ends all of them before it goes.
    private final var home: Unmanaged<SocketLoop>?
    final var key: UInt64 = 0
    /// What epoll was told.
    final var interest: UInt32 = 0
    final var state = SocketState()
    /// How much is asked for at once; see `ReadMemory`.
    final var readLevel: UInt8 = 0
    /// What the system did not take yet.
    final var queue = WriteQueue()
    final var waiters: [(position: UInt64, done: () -> Void)] = []
    final var connecting: SocketConnect?
    /// What the next callback ends the connection with; 0: nothing.
    final var failure: CInt = 0
    /// Whether the end of the peer's direction is read up to though reading is paused.
    package final var readsToEndWhilePaused = true

    package override init() { super.init() }

    // MARK: - To override

    /// It has its connection, or has taken it over.
    open func opened() {}
    open func bytesCame(_ bytes: inout ByteBuffer) {}
    /// All that was readable for now has been delivered.
    open func readDone() {}
    /// The peer has ended its direction.
    open func inputEnded() {}
    /// What is queued has become little.
    open func becameWritable() {}
    /// The peer has taken something of what was queued.
    open func progressed() {}
    /// The connection is over; nothing can be written any more.
    open func ended(reset: Bool) {}
    /// `callAtEndOfTurn` asked for it.
    open func turnEnds() {}

    // MARK: - Life

    /// Takes over a connected descriptor, which is closed with this object's connection.
    ///
    /// - Throws: when the system has no room to watch it; it stays the caller's then.
    package final func attach(_ descriptor: CInt, to loop: SocketLoop) throws(SocketError) {
        guard self.descriptor < 0 else { throw .closed }
        try watch(descriptor, SocketEvents.reading, on: loop)
        opened()
    }

    final func watch(_ descriptor: CInt, _ events: UInt32, on loop: SocketLoop) throws(SocketError) {
        guard let key = loop.watch(descriptor, events, for: self) else { throw .system(errno) }
        self.descriptor = descriptor
        self.key = key
        interest = events
        // SAFETY: see `home`.
        home = Unmanaged.passUnretained(loop)
    }

    package final var isConnected: Bool { descriptor >= 0 && connecting == nil }

    /// Runs `body` with the loop, while there is one.
    @inline(__always)
    final func withLoop(_ body: (SocketLoop) -> Void) {
        // SAFETY: see `home`.
        home?._withUnsafeGuaranteedRef { body($0) }
    }

    /// Makes the close that follows a reset instead of an orderly end.
    package final func closeWithReset() {
        guard descriptor >= 0 else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Closes both directions at once. Nothing is told any more; what is queued is lost.
    package final func closeNow() {
        guard descriptor >= 0 else { return }
        let attempt = connecting
        leave()
        if let attempt { attempt.close() }
    }

    /// Gives up descriptor, place and everything queued.
    private final func leave() {
        let key = key
        closeDescriptor()
        queue = WriteQueue()
        waiters = []
        connecting = nil
        failure = 0
        state = SocketState()
        withLoop { $0.forget(key) }
        home = nil
    }

    final func closeDescriptor() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// The connection is over; from the loop only.
    final func end(reset: Bool) {
        guard descriptor >= 0 else { return }
        guard connecting == nil else { return closeNow() }
        let late = waiters
        leave()
        for waiter in late { waiter.done() }
        ended(reset: reset)
    }

    /// Lets another socket go on with this connection, behind what is queued.
    package final func handOverSocket(to next: Socket) {
        guard descriptor >= 0, connecting == nil, next.descriptor < 0 else { return }
        next.descriptor = descriptor
        next.key = key
        next.interest = interest
        next.state = state
        let isDue = state.isCalled
        next.state.isCalled = false
        next.readLevel = readLevel
        next.failure = failure
        next.home = home
        swap(&next.queue, &queue)
        swap(&next.waiters, &waiters)
        descriptor = -1
        state = SocketState()
        failure = 0
        let key = key
        withLoop { $0.replace(key, by: next) }
        home = nil
        next.opened()
        // What was due to this one is due to the next.
        if isDue { next.callAtEndOfTurn() }
    }

    // MARK: - Later in this turn

    /// Has `turnEnds` called when the loop has done what it is at.
    package final func callAtEndOfTurn() {
        guard descriptor >= 0, !state.isCalled else { return }
        state.isCalled = true
        withLoop { $0.callLater(self) }
    }

    /// From the loop only.
    final func calledBack(_ loop: SocketLoop) {
        guard descriptor >= 0, state.isCalled else { return }
        state.isCalled = false
        if failure != 0 { return failed(loop) }
        tellWritable()
        guard descriptor >= 0 else { return }
        turnEnds()
    }

    /// A write failed: what the peer has sent before that still counts.
    private final func failed(_ loop: SocketLoop) {
        let key = key
        read(loop, .everything)
        guard descriptor >= 0, self.key == key else { return }
        end(reset: true)
    }
}

/// What a socket has to remember in single bits.
struct SocketState {
    var isPaused = false
    /// The peer's direction has ended, and that was told.
    var inputIsOver = false
    /// Our direction has ended, or does as soon as nothing is queued.
    var outputIsOver = false
    /// It waits for `calledBack`.
    var isCalled = false
}

/// Masks for epoll.
enum SocketEvents {
    static let reading = SLUICE_READABLE | SLUICE_PEER_ENDED
    /// After any of these there is an end to be read.
    static let ends = SLUICE_PEER_ENDED | SLUICE_HUNG_UP | SLUICE_BROKEN
    /// Told whether one asks for it or not.
    static let over = SLUICE_HUNG_UP | SLUICE_BROKEN
}
