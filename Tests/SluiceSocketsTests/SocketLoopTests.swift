import Glibc
import NIOCore
import SluiceCore
import Synchronization
import Testing

@testable import SluiceSockets

/// The loop as an event loop: tasks, timers, threads.
@Suite struct SocketLoopTests {
    private final class Notes: Sendable {
        private let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
        func add(_ note: String) { all.withLock { $0.append(note) } }
    }

    @Test("another thread's tasks wake it, keep their order, and run on it")
    func wakeUp() throws {
        let loop = try SocketLoop.start(name: "test-wake")
        defer { loop.stop() }
        let notes = Notes()
        for i in 0..<1_000 { loop.execute { notes.add("\(i) \(loop.inEventLoop) \(SocketLoop.current === loop)") } }
        try loop.submit {}.wait()
        #expect(notes.text == (0..<1_000).map { "\($0) true true" })
        #expect(!loop.inEventLoop && SocketLoop.current == nil)
        // Asleep by now, or not: each one is waited for.
        for i in 0..<100 { #expect(try loop.submit { i }.wait() == i) }
    }

    @Test("several threads at once lose nothing")
    func manyThreads() throws {
        let loop = try SocketLoop.start(name: "test-many")
        defer { loop.stop() }
        let count = Atomic<Int>(0)
        let threads = (0..<4).compactMap { number in
            ControlThread.start(name: "poster-\(number)") {
                for _ in 0..<5_000 { loop.execute { count.add(1, ordering: .relaxed) } }
            }
        }
        for thread in threads { thread.join() }
        try loop.submit {}.wait()
        #expect(count.load(ordering: .relaxed) == 20_000)
    }

    @Test("timers: in the order of their times, then as they were made; cancelled ones not at all")
    func timers() throws {
        let kit = try SocketKit()
        let notes = Notes()
        let now = kit.loop.now
        for (i, delay) in [30, 10, 20, 10, 30].enumerated() {
            _ = kit.loop.scheduleTask(deadline: now + .milliseconds(Int64(delay))) { notes.add("\(delay) \(i)") }
        }
        let cancelled = kit.loop.scheduleTask(deadline: now + .milliseconds(15)) { notes.add("never") }
        var failure: (any Error)?
        cancelled.futureResult.assumeIsolated().whenFailure { failure = $0 }
        cancelled.cancel()
        kit.turn { notes.text.count == 5 }
        #expect(notes.text == ["10 1", "10 3", "20 2", "30 0", "30 4"])
        #expect(failure as? EventLoopError == .cancelled)
        _ = kit.loop.scheduleTask(deadline: .uptimeNanoseconds(0)) { notes.add("overdue") }
        kit.turn { notes.text.last == "overdue" }
        #expect(notes.text.count == 6)
    }

    @Test("timers of random times, some taken back, are what a sorted list is")
    func heap() {
        var heap = TimerHeap()
        var random = RandomSource(seed: 5)
        var expected: [(deadline: UInt64, number: Int)] = []
        var fired: [Int] = []
        for number in 0..<500 {
            let timer = LoopTimer(deadline: random.below(100), run: { fired.append(number) })
            heap.insert(timer)
            if random.below(3) == 0 { heap.remove(timer) } else { expected.append((timer.deadline, number)) }
        }
        for now in stride(from: UInt64(0), to: 100, by: 7) {
            while let timer = heap.popDue(now) { timer.fire() }
        }
        while let timer = heap.popDue(.max) { timer.fire() }
        #expect(fired == expected.sorted { $0 < $1 }.map(\.number))
    }

    @Test("a repeated task goes on until it is cancelled")
    func repeated() throws {
        let kit = try SocketKit()
        let count = NIOLoopBoundBox(0, eventLoop: kit.loop)
        let task = kit.loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { task in
            count.value += 1
            if count.value == 3 { task.cancel() }
        }
        kit.turn { count.value == 3 }
        kit.settle()
        #expect(count.value == 3)
        task.cancel()
    }

    @Test("a task that makes tasks does not keep sockets waiting")
    func starvation() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        var rounds = 0
        func again() {
            rounds += 1
            if socket.count == 0 { kit.loop.assumeIsolated().execute { again() } }
        }
        again()
        peer.send("x")
        kit.settle()
        #expect(socket.count == 1 && rounds < 10)
    }

    @Test("a loop that stops ends its sockets, runs what was posted, and takes nothing more")
    func stopping() throws {
        let loop = try SocketLoop.start(name: "test-stop")
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let peer = Peer(ends[1])
        let notes = Notes()
        let mine = ends[0]
        try loop.submit {
            let socket = NotingSocket()
            socket.then = { notes.add($1) }
            try socket.attach(mine, to: loop)
        }.wait()
        let timer = loop.scheduleTask(in: .hours(1)) { notes.add("never") }
        timer.futureResult.whenFailure { notes.add("\($0 as? EventLoopError == .cancelled)") }
        for _ in 0..<10 { loop.execute { notes.add("task") } }
        loop.stop()
        #expect(notes.text.filter { $0 == "task" }.count == 10)
        #expect(Set(notes.text) == ["opened", "closed", "true", "task"])
        #expect(peer.read() == nil)
        loop.execute { notes.add("too late") }
        loop.stop()
        #expect(!notes.text.contains("too late"))
    }

    @Test("NIOCore's own way to stop it")
    func shutdown() async throws {
        let loop = try SocketLoop.start(name: "test-shutdown")
        #expect(try await loop.submit { 7 }.get() == 7)
        try await loop.shutdownGracefully()
    }

    @Test("places are used again and again, and each event finds its own socket")
    func table() throws {
        let kit = try SocketKit()
        var sockets: [NotingSocket] = []
        for round in 0..<5 {
            let pairs = try (0..<200).map { _ in try kit.pair() }
            #expect(kit.loop.socketCount == 200)
            for (i, pair) in pairs.enumerated() { pair.peer.send("\(round) \(i)") }
            kit.turn { pairs.allSatisfy { !$0.socket.text.isEmpty } }
            for (i, pair) in pairs.enumerated() { #expect(pair.socket.text == "\(round) \(i)") }
            for pair in pairs { pair.peer.close() }
            kit.turn { kit.loop.socketCount == 0 }
            sockets += pairs.map(\.socket)
        }
        #expect(sockets.allSatisfy { $0.notes == ["opened", "bytes", "done", "end", "closed"] })
    }
}
