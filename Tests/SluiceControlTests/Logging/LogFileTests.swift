import Glibc
import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

/// What operators were told.
private final class Told: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    var take: @Sendable (String) -> Void { { [self] line in state.withLock { $0.append(line) } } }
}

@Suite("Access log on disk") struct LogFileTests {
    private let folder: TemporaryFolder
    private let told = Told()

    init() throws { folder = try TemporaryFolder() }

    private func log(
        at path: String,
        queue: Int = 1 << 20,
        patience: LogPatience = LogPatience()
    ) throws -> LogFile {
        var model = AccessLogModel()
        model.target = .file(path)
        model.queueBytes = queue
        return try LogFile(model, patience: patience, log: told.take, tell: told.take)
    }

    private func bytes(_ text: String) -> ContiguousArray<UInt8> { ContiguousArray(text.utf8) }

    private func content(_ path: String) throws -> String {
        String(decoding: try ConfigFiles.read(path), as: UTF8.self)
    }

    @Test("lines are appended, in order, to what was there")
    func appends() throws {
        let path = folder.path("access.log")
        for round in 1...2 {
            let log = try log(at: path)
            log.take(bytes("\(round)a\n\(round)b\n"), lines: 2)
            log.take(bytes("\(round)c\n"), lines: 1)
            log.flush(patience: .seconds(30))
            #expect(log.counts.writtenLines == 3)
            #expect(log.counts.lostLines == 0)
        }
        #expect(try content(path) == "1a\n1b\n1c\n2a\n2b\n2c\n")
    }

    @Test("after a rotation the file is opened anew by its name")
    func reopens() throws {
        let path = folder.path("access.log")
        let log = try log(at: path)
        log.take(bytes("1\n"), lines: 1)
        log.flush(patience: .seconds(30))
        rename(path, folder.path("access.log.1"))
        log.take(bytes("2\n"), lines: 1)
        log.reopen()
        log.take(bytes("3\n"), lines: 1)
        log.flush(patience: .seconds(30))
        #expect(try content(folder.path("access.log.1")) == "1\n2\n")
        #expect(try content(path) == "3\n")
    }

    @Test("a rotation into nothing keeps the old file")
    func reopenFails() throws {
        let inner = folder.path("logs")
        mkdir(inner, 0o700)
        let log = try log(at: inner + "/access.log")
        rename(inner, folder.path("elsewhere"))
        log.reopen()
        log.take(bytes("1\n"), lines: 1)
        log.flush(patience: .seconds(30))
        #expect(try content(folder.path("elsewhere") + "/access.log") == "1\n")
        #expect(told.lines.count == 1)
        #expect(told.lines[0].contains("cannot be opened anew"))
    }

    @Test("a full disk loses lines, which are counted, and says so once")
    func fullDisk() throws {
        let log = try log(at: "/dev/full")
        for _ in 0..<5 { log.take(bytes("a\nb\n"), lines: 2) }
        log.flush(patience: .seconds(30))
        #expect(log.counts.lostLines == 10)
        #expect(log.counts.writtenLines == 0)
        #expect(told.lines.count == 1)
        #expect(told.lines[0].contains("No space left on device"))
    }

    @Test("what a stuck reader does not take is dropped beyond the bound, and nobody waits")
    func stuckReader() throws {
        let path = folder.path("pipe")
        mkfifo(path, 0o600)
        let reader = open(path, O_RDWR | O_NONBLOCK)
        defer { close(reader) }
        let log = try log(at: path, queue: 256 * 1024)
        let block = ContiguousArray<UInt8>(repeating: UInt8(ascii: "x"), count: 64 * 1024 - 1) + [0x0A]
        for _ in 0..<20 { log.take(block, lines: 1) }
        // Told at once, not when the writer has caught up.
        #expect(told.lines == ["access log: lines are dropped: \(path) takes them too slowly, or not at all"])
        // The pipe holds one block, the writer is stuck with another, and the bound is four.
        #expect(log.counts.lostLines >= 20 - 6)
        #expect(log.counts.lostLines <= 20 - 4)
        let kept = 20 - log.counts.lostLines
        var received = 0
        var memory = [UInt8](repeating: 0, count: 64 * 1024)
        while received < kept * block.count {
            var ready = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            try #require(poll(&ready, 1, 5000) == 1)
            received += max(0, read(reader, &memory, memory.count))
        }
        log.flush(patience: .seconds(30))
        #expect(log.counts.writtenLines == kept)
        let lost = log.counts.lostLines
        #expect(told.lines.dropFirst() == ["access log: \(lost) lines dropped; caught up"])
    }

    /// Patience of a moment.
    private var impatient: LogPatience {
        var patience = LogPatience()
        patience.untilTold = .milliseconds(1)
        patience.untilOrders = .milliseconds(1)
        return patience
    }

    /// A pipe that is full, and the end that could be read.
    private func fullPipe(_ path: String) throws -> CInt {
        mkfifo(path, 0o600)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        let writer = open(path, O_WRONLY | O_NONBLOCK)
        defer { close(writer) }
        let block = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
        while write(writer, block, block.count) > 0 {}
        try #require(errno == EAGAIN)
        return reader
    }

    @Test("a pipe that takes nothing is told while it lasts, and when it takes lines again")
    func stuckPipe() throws {
        let path = folder.path("pipe")
        let reader = try fullPipe(path)
        defer { close(reader) }
        let log = try log(at: path, patience: impatient)
        log.take(bytes("1\n"), lines: 1)
        try GatewayKit.eventually("the operator is told") { !told.lines.isEmpty }
        #expect(told.lines[0].hasPrefix("access log: \(path) has taken nothing for "))
        #expect(log.counts.stalled(at: SystemClock.monotonic()) > .zero)
        #expect(!log.flush(patience: .milliseconds(1)))
        var received: [UInt8] = []
        func drain() {
            var memory = [UInt8](repeating: 0, count: 1 << 20)
            while case let count = read(reader, &memory, memory.count), count > 0 { received += memory[..<count] }
        }
        drain()
        #expect(log.flush(patience: .seconds(30)))
        #expect(told.lines.dropFirst() == ["access log: written again"])
        #expect(log.counts.stalled(at: SystemClock.monotonic()) == .zero)
        #expect(log.counts.lostLines == 0)
        drain()
        #expect(received.suffix(3) == Array("x1\n".utf8))
    }

    @Test("opening anew goes before what a stuck pipe does not take, and that goes to the new file")
    func reopensStuck() throws {
        let path = folder.path("pipe")
        let reader = try fullPipe(path)
        defer { close(reader) }
        // Room for one line and a part of the next.
        var memory = [UInt8](repeating: 0, count: 1 << 20)
        try #require(read(reader, &memory, 4096) == 4096)
        let log = try log(at: path, patience: impatient)
        let line = String(repeating: "a", count: 3000) + "\n"
        log.take(bytes(line + line + "b\n"), lines: 3)
        log.take(bytes("c\n"), lines: 1)
        try GatewayKit.eventually("the operator is told") { !told.lines.isEmpty }
        rename(path, folder.path("old"))
        log.reopen()
        log.take(bytes("d\n"), lines: 1)
        #expect(log.flush(patience: .seconds(30)))
        #expect(try content(path) == line + "b\nc\nd\n")
        #expect(log.counts.writtenLines == 5)
        #expect(log.counts.lostLines == 0)
        // The order is carried out once.
        #expect(told.lines.count { $0.contains("opened anew") } == 1)
        rename(path, folder.path("older"))
        log.reopen()
        log.take(bytes("e\n"), lines: 1)
        #expect(log.flush(patience: .seconds(30)))
        #expect(try content(path) == "e\n")
    }

    @Test("a log that is stuck when its time is over ends, and what it held is lost")
    func endsStuck() throws {
        let path = folder.path("pipe")
        let reader = try fullPipe(path)
        defer { close(reader) }
        var log: LogFile? = try log(at: path, patience: impatient)
        let counts = try #require(log?.counts)
        log?.take(bytes("1\n2\n"), lines: 2)
        log?.take(bytes("3\n"), lines: 1)
        log = nil
        try GatewayKit.eventually("the lines are lost") { counts.lostLines == 3 }
        var memory = [UInt8](repeating: 0, count: 1 << 20)
        while read(reader, &memory, memory.count) > 0 {}
        try GatewayKit.eventually("the pipe has no writer") { read(reader, &memory, memory.count) == 0 }
        #expect(counts.waitingBytes == 0)
    }

    @Test("a pipe that nobody reads is an error at the start that says so")
    func unreadPipe() throws {
        let path = folder.path("pipe")
        mkfifo(path, 0o600)
        let error = #expect(throws: StartError.self) { _ = try log(at: path) }
        #expect(error?.message.contains("a pipe that nobody reads") == true)
    }

    @Test("a log that cannot be opened is an error at the start")
    func cannotOpen() throws {
        #expect(throws: StartError.self) { _ = try log(at: folder.path("missing/access.log")) }
    }
}
