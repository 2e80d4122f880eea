import CPlatform
import Glibc
import NIOCore
import SluiceCore
import Synchronization

/// One thread's event loop: sockets by epoll, tasks, timers.
///
/// To the rest of the code it is an `EventLoop` of NIOCore, so that promises, futures, `NIOLoopBound` and scheduled tasks
/// are what they are everywhere. What it has beyond that is `Socket`, which costs no lock, no allocation and no reference
/// counting while bytes pass.
///
/// A turn: what epoll reports, each socket once and for a bounded number of reads; what sockets asked to be called back
/// for; timers that are due; the tasks that were there by then. Nobody is starved: what comes up meanwhile waits for the
/// next turn, which does not sleep then.
///
/// Isolation: `execute`, `scheduleTask`, `stop` and what `EventLoop` promises are for any thread, all else for the loop's.
// SAFETY: everything but `inbox` and `thread`, which are synchronised, is touched on the loop's thread only.
package final class SocketLoop: @unchecked Sendable {
    package let name: String
    private let poll: CInt
    private let wakeup: CInt
    private let alarm: CInt
    private let ready: UnsafeMutablePointer<sluice_ready>
    private static let mostEvents = 256
    /// Enough for everything that one batch of events brings about; the rest of a flood waits for the next turn.
    private static let mostRounds = 16
    private static let mostTasks = 4096

    private let thread = Atomic<UInt>(0)
    private let running = Mutex<ControlThread.Running?>(nil)
    private let inbox = TaskInbox()
    private var table = SocketTable()
    /// What sockets read into.
    var memory = ReadMemory()
    /// What a socket queues in until its next flush, used again and again.
    var spareQueue = ContiguousArray<ByteBuffer?>()
    /// Sockets that asked to be called back in this turn.
    private var callers: ContiguousArray<Socket> = []
    private var spareCallers: ContiguousArray<Socket> = []
    /// Closed in this turn: one of their functions may still be running.
    private var closed: ContiguousArray<Socket> = []
    private var tasks: ContiguousArray<() -> Void> = []
    private var timers = TimerHeap()
    /// When the alarm goes off; `max`: not at all.
    private var alarmTime = UInt64.max
    private var isStopping = false
    private var isClosed = false

    /// A loop that the calling thread runs, turn by turn; `start` makes one with a thread of its own.
    package init(name: String = "loop") throws(SocketError) {
        self.name = name
        let poll = sluice_poll_create()
        guard poll >= 0 else { throw .system(errno) }
        let wakeup = sluice_wakeup_create()
        let alarm = sluice_alarm_create()
        // By edges: neither has to be read for the next time to be told.
        guard wakeup >= 0, alarm >= 0,
            sluice_poll_add(poll, wakeup, SLUICE_READABLE | SLUICE_EDGE, Self.wakeupKey) == 0,
            sluice_poll_add(poll, alarm, SLUICE_READABLE | SLUICE_EDGE, Self.alarmKey) == 0
        else {
            let code = errno
            for descriptor in [poll, wakeup, alarm] where descriptor >= 0 { Glibc.close(descriptor) }
            throw .system(code)
        }
        (self.poll, self.wakeup, self.alarm) = (poll, wakeup, alarm)
        ready = .allocate(capacity: Self.mostEvents)
        thread.store(UInt(pthread_self()), ordering: .relaxed)
    }

    deinit {
        table.closeAll()
        for descriptor in [poll, wakeup, alarm] { Glibc.close(descriptor) }
        ready.deallocate()
    }

    // MARK: - Threads

    /// Starts a loop on a thread of its own.
    package static func start(name: String) throws(SocketError) -> SocketLoop {
        let loop = try SocketLoop(name: name)
        loop.thread.store(0, ordering: .relaxed)
        let handle = ControlThread.start(name: name) { loop.run() }
        guard let handle else { throw .system(EAGAIN) }
        loop.running.withLock { $0 = handle }
        return loop
    }

    /// Ends all sockets and tasks, and returns when the thread has ended. Never from a loop.
    package func stop() {
        guard let handle = running.withLock({ $0.take() }) else { return }
        if inbox.askToStop() { sluice_wakeup_signal(wakeup) }
        handle.join()
    }

    package var inEventLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// The loop that the calling thread runs.
    package static var current: SocketLoop? {
        // SAFETY: `run` sets it for as long as it holds the loop.
        sluice_current_loop().map { Unmanaged<SocketLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        // SAFETY: the thread's closure holds the loop until this returns.
        sluice_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        while !isStopping { turn(waits: true) }
        close()
        sluice_set_current_loop(nil)
    }

    /// Ends all sockets, then all tasks; of what is posted later nothing happens.
    package func close() {
        guard !isClosed else { return }
        for _ in 0..<Self.mostRounds where table.count > 0 {
            for socket in table.all { socket.end(reset: false) }
        }
        isClosed = true
        timers.cancelAll()
        // What they and earlier tasks bring about still happens, within reason.
        for _ in 0..<Self.mostRounds where takeTasks() { runTasks() }
        inbox.close()
        if takeTasks() { runTasks() }
        tasks = []
        callers = []
        closed = []
    }

    // MARK: - Turns

    /// One round of everything.
    ///
    /// - Parameter waits: whether to sleep until there is something to do.
    package func turn(waits: Bool) {
        let hasWork = !tasks.isEmpty || !callers.isEmpty
        let count = Int(sluice_poll_wait(poll, ready, CInt(Self.mostEvents), waits && !hasWork ? -1 : 0))
        var hasAlarm = false
        for i in 0..<max(0, count) {
            let event = ready[i]
            if event.key == Self.wakeupKey {
                _ = takeTasks()
            } else if event.key == Self.alarmKey {
                hasAlarm = true
            } else if let socket = table.find(event.key) {
                // SAFETY: the table holds it, and when it is closed, `closed` does until the end of the turn.
                socket._withUnsafeGuaranteedRef { $0.ready(event.events, self) }
            }
        }
        callBack()
        if hasAlarm { runTimers() }
        if !tasks.isEmpty { runTasks() }
        callBack()
        if !closed.isEmpty { forgetClosed() }
    }

    private func callBack() {
        var rounds = 0
        while !callers.isEmpty, rounds < Self.mostRounds {
            rounds += 1
            var due = ContiguousArray<Socket>()
            swap(&due, &spareCallers)
            swap(&due, &callers)
            for socket in due { socket.calledBack(self) }
            due.removeAll(keepingCapacity: true)
            swap(&due, &spareCallers)
        }
    }

    private func runTimers() {
        alarmTime = .max
        let now = SystemClock.monotonic().uptimeNanoseconds
        for _ in 0..<Self.mostTasks {
            guard let timer = timers.popDue(now) else { break }
            timer.fire()
        }
        setAlarm()
    }

    private func runTasks() {
        var due = ContiguousArray<() -> Void>()
        swap(&due, &tasks)
        for (i, task) in due.enumerated() {
            // Those behind go first in the next turn.
            if i == Self.mostTasks {
                tasks.insert(contentsOf: due[i...], at: 0)
                break
            }
            task()
        }
        if tasks.isEmpty, due.capacity <= 64 {
            due.removeAll(keepingCapacity: true)
            swap(&due, &tasks)
        }
    }

    private func forgetClosed() {
        var gone = ContiguousArray<Socket>()
        swap(&gone, &closed)
    }

    // MARK: - Tasks and timers

    /// - Returns: whether there are tasks to run.
    private func takeTasks() -> Bool {
        if inbox.take(into: &tasks) { isStopping = true }
        return !tasks.isEmpty
    }

    func post(_ task: @escaping @Sendable () -> Void) {
        if inEventLoop { return tasks.append(task) }
        if inbox.add(task) { sluice_wakeup_signal(wakeup) }
    }

    /// On the loop.
    func postHere(_ task: @escaping () -> Void) { tasks.append(task) }

    /// On the loop.
    func add(_ timer: LoopTimer) {
        if isClosed { return timer.cancel() }
        timers.insert(timer)
        setAlarm()
    }

    /// On the loop. Harmless for one that has fired.
    func remove(_ timer: LoopTimer) { timers.remove(timer) }

    private func setAlarm() {
        guard let first = timers.first?.deadline, first < alarmTime else { return }
        alarmTime = first
        sluice_alarm_set(alarm, first)
    }

    // MARK: - Sockets

    /// How many are open.
    package var socketCount: Int { table.count }

    private static let wakeupKey = UInt64.max
    private static let alarmKey = UInt64.max - 1

    /// Watches a descriptor and keeps its socket until `forget`.
    ///
    /// - Returns: the key of its place; nil where the system has no room, see errno.
    func watch(_ descriptor: CInt, _ events: UInt32, for socket: Socket) -> UInt64? {
        let key = table.insert(socket)
        guard sluice_poll_add(poll, descriptor, events, key) == 0 else {
            _ = table.remove(key)
            return nil
        }
        return key
    }

    func change(_ descriptor: CInt, _ events: UInt32, _ key: UInt64) {
        _ = sluice_poll_change(poll, descriptor, events, key)
    }

    /// Another socket goes on in a place.
    func replace(_ key: UInt64, by socket: Socket) {
        if let old = table.replace(key, by: socket) { closed.append(old) }
    }

    /// The place is free for others; events of its descriptor that are still to be looked at are those of nobody.
    func forget(_ key: UInt64) {
        if let socket = table.remove(key) { closed.append(socket) }
    }

    func socket(at key: UInt64) -> Socket? { table.find(key)?.takeUnretainedValue() }

    func callLater(_ socket: Socket) { callers.append(socket) }
}
