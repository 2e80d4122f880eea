import Glibc
import NIOCore
import SluiceConfig
import SluiceControl
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

    private func log(at path: String, queue: Int = 1 << 20) throws -> LogFile {
        var model = AccessLogModel()
        model.target = .file(path)
        model.queueBytes = queue
        return try LogFile(model, log: told.take)
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
            log.flush(patience: .seconds(5))
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
        log.flush(patience: .seconds(5))
        rename(path, folder.path("access.log.1"))
        log.take(bytes("2\n"), lines: 1)
        log.reopen()
        log.take(bytes("3\n"), lines: 1)
        log.flush(patience: .seconds(5))
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
        log.flush(patience: .seconds(5))
        #expect(try content(folder.path("elsewhere") + "/access.log") == "1\n")
        #expect(told.lines.count == 1)
        #expect(told.lines[0].contains("cannot be opened anew"))
    }

    @Test("a full disk loses lines, which are counted, and says so once")
    func fullDisk() throws {
        let log = try log(at: "/dev/full")
        for _ in 0..<5 { log.take(bytes("a\nb\n"), lines: 2) }
        log.flush(patience: .seconds(5))
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
        log.flush(patience: .seconds(5))
        #expect(log.counts.writtenLines == kept)
    }

    @Test("a log that cannot be opened is an error at the start")
    func cannotOpen() throws {
        #expect(throws: StartError.self) { _ = try log(at: folder.path("missing/access.log")) }
    }
}
