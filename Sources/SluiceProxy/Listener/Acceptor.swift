import Atomics
import Glibc
package import SluiceCore
import SluiceSockets
package import SluiceUpstream

/// A connection that was accepted and belongs to nobody yet.
package struct AcceptedSocket: Sendable {
    let descriptor: CInt
    let peer: IPAddress?
    /// 0 for a Unix socket.
    let port: UInt16
    let listener: ListenerState

    func close() { Glibc.close(descriptor) }
}

/// The one thread that accepts: hands each new connection to the loop that holds the fewest.
///
/// Several loops with `SO_REUSEPORT` would save the hand-over, but the kernel spreads by hash, which leaves loops uneven
/// when connections are few and long. Isolation: `start`, `replace` and `stop` are called by the control side only.
package final class Acceptor: Sendable {
    /// Where accepted connections go.
    package struct Target: Sendable {
        package let load: LoopLoad
        /// Called on the acceptor's thread.
        package let adopt: @Sendable (AcceptedSocket) -> Void

        package init(load: LoopLoad, adopt: @escaping @Sendable (AcceptedSocket) -> Void) {
            self.load = load
            self.adopt = adopt
        }
    }

    /// A socket to accept from, and how many connections may be open through it.
    package struct Source: Sendable {
        package let socket: ListeningSocket
        package let state: ListenerState
        package let limit: Int
        /// Where its connections go; nil: to any of the acceptor's.
        package let target: Target?

        package init(socket: ListeningSocket, state: ListenerState, limit: Int, target: Target? = nil) {
            self.socket = socket
            self.state = state
            self.limit = limit
            self.target = target
        }
    }

    private final class Box: AtomicReference, Sendable {
        let sources: [Source]
        init(_ sources: [Source]) { self.sources = sources }
    }

    private let targets: [Target]
    /// Written by the thread; what is taken in while sockets close may lose it a count.
    private let metrics: LoopMetrics
    private let shortage: ResourceShortage
    private let shortages = Episode()
    private let log: @Sendable (String) -> Void
    private let own: OwnAddresses?
    private let current: ManagedAtomic<Box>
    private let stopping = ManagedAtomic<Bool>(false)
    /// The thread was started; until then there is nobody to wait for.
    private let isStarted = ManagedAtomic<Bool>(false)
    private let epoch = ManagedAtomic<Int>(0)
    private let seenEpoch = ManagedAtomic<Int>(-1)
    private let wakeRead: CInt
    private let wakeWrite: CInt

    /// - Parameters:
    ///   - metrics: where connections that are turned away are counted.
    ///   - own: is told where the gateway listens.
    ///   - log: takes one line for operators, without a line end.
    /// - Throws: when the system gives no pipe to wake the thread with.
    package init(
        targets: [Target],
        metrics: LoopMetrics = LoopMetrics(),
        shortage: ResourceShortage? = nil,
        own: OwnAddresses? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ListenError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ListenError(message: "cannot accept connections: no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        self.targets = targets
        self.metrics = metrics
        self.shortage = shortage ?? ResourceShortage(log: log)
        self.log = log
        self.own = own
        self.current = ManagedAtomic(Box([]))
        wakeRead = ends[0]
        wakeWrite = ends[1]
    }

    deinit {
        Glibc.close(wakeRead)
        Glibc.close(wakeWrite)
    }

    /// Starts the thread; it ends after `stop`. Once.
    ///
    /// - Throws: when the system gives no thread.
    package func start() throws(ListenError) {
        guard ControlThread.spawn(name: "sluice-accept", { [self] in run() }) else {
            throw ListenError(message: "cannot accept connections: the system gives no more threads")
        }
        isStarted.store(true, ordering: .relaxed)
    }

    /// Accepts from these sockets from now on, or from `start` on. Returns once the thread has let go of the old ones,
    /// so that those may be closed.
    package func replace(_ sources: [Source]) {
        own?.replace(with: sources.map(\.socket.address))
        current.store(Box(sources), ordering: .releasing)
        guard isStarted.load(ordering: .relaxed) else { return }
        let wanted = epoch.wrappingIncrementThenLoad(ordering: .acquiringAndReleasing)
        wake()
        while seenEpoch.load(ordering: .acquiring) < wanted, !stopping.load(ordering: .relaxed) { usleep(200) }
    }

    /// Takes in what waits on sockets that are about to be closed, for which it would be a reset. The thread must have
    /// let go of them.
    package func acceptWaiting(from sources: [Source]) {
        for source in sources { _ = acceptSome(from: source, atMost: 8192) }
    }

    package func stop() {
        current.store(Box([]), ordering: .releasing)
        stopping.store(true, ordering: .releasing)
        wake()
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(wakeWrite, &byte, 1)
    }

    // MARK: - The thread

    private func run() {
        var backOff = false
        while !stopping.load(ordering: .acquiring) {
            let seen = epoch.load(ordering: .acquiring)
            let sources = current.load(ordering: .acquiring).sources
            seenEpoch.store(seen, ordering: .releasing)
            var polled = [pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)]
            if !backOff {
                polled += sources.map { pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0) }
            }
            // Out of descriptors: leave the listeners alone for a moment, or poll would spin.
            let ready = poll(&polled, nfds_t(polled.count), backOff ? 50 : -1)
            // More listeners than poll may look at, after the limit on descriptors was lowered: the same.
            backOff = ready < 0
            guard ready > 0 else { continue }
            if polled[0].revents != 0 { drainWake() }
            for (i, source) in sources.enumerated() where i + 1 < polled.count && polled[i + 1].revents != 0 {
                if !acceptSome(from: source) { backOff = true }
            }
        }
    }

    private func drainWake() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(wakeRead, &bytes, bytes.count) > 0 {}
    }

    /// - Returns: false when the process or the system has no descriptor left.
    private func acceptSome(from source: Source, atMost limit: Int = 64) -> Bool {
        for _ in 0..<limit {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    accept(source.socket.descriptor, $0, &length)
                }
            }
            guard descriptor >= 0 else {
                let code = errno
                if code == EINTR || code == ECONNABORTED { continue }
                if code == EAGAIN || code == EWOULDBLOCK { return true }
                if ResourceShortage.isMeant(by: code) {
                    metrics.count(.gatewayExhausted)
                    shortage.prevented("accept connections", code: code, in: shortages)
                }
                return false
            }
            hand(descriptor, SocketAddressBytes.read(storage), source)
        }
        return true
    }

    private func hand(_ descriptor: CInt, _ peer: (address: IPAddress, port: Int)?, _ source: Source) {
        guard source.state.connections < source.limit, let target = source.target ?? leastLoaded() else {
            return reject(descriptor, source)
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        if peer != nil {
            var one: CInt = 1
            setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        }
        source.state.connectionBegan()
        target.load.connectionBegan()
        target.adopt(
            AcceptedSocket(
                descriptor: descriptor,
                peer: peer?.address,
                port: UInt16(truncatingIfNeeded: peer?.port ?? 0),
                listener: source.state
            )
        )
    }

    /// Closed without an answer: writing one could take a thread that others wait for.
    private func reject(_ descriptor: CInt, _ source: Source) {
        source.state.connectionRejected()
        metrics.count(.tooManyConnections)
        Glibc.close(descriptor)
        guard source.state.overflow.begins(at: SystemClock.monotonic()) else { return }
        log(
            "listener '\(source.state.name)' has its \(source.limit) connections: new ones are closed "
                + "(not said again while it lasts)"
        )
    }

    private func leastLoaded() -> Target? {
        targets.min { $0.load.connections < $1.load.connections }
    }
}
