import Atomics
import Glibc
package import NIOCore
package import SluiceConfig
import SluiceCore
import SluiceProxy

/// Writes the access log on a thread of its own, so that a slow disk or a full pipe never holds up a request.
///
/// What waits is bounded; lines beyond the bound, and lines that the system does not take, are lost and counted, and the
/// operator is told once when that begins and once when it ends. Isolation: any thread.
package final class LogFile: LogSink {
    private enum Job: Sendable {
        case write(ContiguousArray<UInt8>, lines: Int)
        case reopen
        /// Lines are being dropped.
        case tell
        case flush(Mailbox<Void>)
        case end
    }

    let target: AccessLogModel.Target
    private let limit: Int
    private let jobs = Mailbox<Job>()
    package let counts: LogCounts
    /// Bytes that wait for this file.
    private let waiting = ManagedAtomic<Int>(0)
    /// Lines that found no room and of which the operator was not told yet.
    private let dropped = ManagedAtomic<Int>(0)
    /// Lines are dropped since the writer last caught up.
    private let isDropping = ManagedAtomic<Bool>(false)

    /// Opens the log. `counts` goes on from the file before this one.
    ///
    /// - Throws: when that fails, or the system gives no thread.
    package init(
        _ model: AccessLogModel,
        counts: LogCounts = LogCounts(),
        log: @escaping @Sendable (String) -> Void
    ) throws(StartError) {
        self.counts = counts
        target = model.target
        limit = model.queueBytes
        let output: LogOutput
        do throws(LogOutput.Failure) {
            output = try LogOutput(model.target)
        } catch {
            throw StartError("the access log cannot be opened: \(error.message)")
        }
        let (jobs, waiting, dropped, isDropping) = (jobs, waiting, dropped, isDropping)
        let started = ControlThread.spawn(name: "sluice-log") {
            var output = output
            var isLosing = false
            while true {
                switch jobs.take() {
                case .write(let bytes, let lines):
                    do throws(LogOutput.Failure) {
                        try output.write(bytes)
                        counts.wrote(lines: lines)
                        if isLosing { log("access log: written again") }
                        isLosing = false
                    } catch {
                        counts.lost(lines: lines)
                        if !isLosing { log("access log: lines are lost: \(error.message)") }
                        isLosing = true
                    }
                    waiting.wrappingDecrement(by: bytes.count, ordering: .relaxed)
                    counts.dequeued(bytes: bytes.count)
                case .reopen:
                    do throws(LogOutput.Failure) {
                        try output.reopen()
                        log("access log: opened anew")
                    } catch {
                        log("access log: cannot be opened anew, the old file stays: \(error.message)")
                    }
                case .tell:
                    // Comes behind what waited when that began: the writer has caught up.
                    isDropping.store(false, ordering: .relaxed)
                    let lines = dropped.exchange(0, ordering: .relaxed)
                    if lines > 0 { log("access log: \(Plural.of(lines, "line")) dropped: it is written too slowly") }
                case .flush(let done): done.post(())
                case .end:
                    output.close()
                    return
                }
            }
        }
        guard started else { throw StartError("the system gives no more threads") }
    }

    deinit { jobs.post(.end) }

    /// Whether a log of that model can go on with this one.
    func serves(_ model: AccessLogModel) -> Bool { target == model.target && limit == model.queueBytes }

    package func take(_ bytes: ContiguousArray<UInt8>, lines: Int) {
        guard waiting.load(ordering: .relaxed) + bytes.count <= limit else {
            counts.lost(lines: lines)
            dropped.wrappingIncrement(by: lines, ordering: .relaxed)
            if !isDropping.exchange(true, ordering: .relaxed) { jobs.post(.tell) }
            return
        }
        waiting.wrappingIncrement(by: bytes.count, ordering: .relaxed)
        counts.queued(bytes: bytes.count)
        jobs.post(.write(bytes, lines: lines))
    }

    package func lost(lines: Int) { counts.lost(lines: lines) }

    /// Opens the file by its name again, after a rotation.
    package func reopen() { jobs.post(.reopen) }

    /// Waits until what was taken so far is written, but not longer than `patience`.
    package func flush(patience: TimeAmount) {
        let done = Mailbox<Void>()
        jobs.post(.flush(done))
        _ = done.take(until: SystemClock.monotonic() + patience)
    }
}

/// The descriptor behind a log. Isolation: one thread.
struct LogOutput: Sendable {
    struct Failure: Error {
        let message: String

        /// What the system says about the last call.
        static func last(_ what: String) -> Failure { Failure(message: "\(what): \(String(cString: strerror(errno)))") }
    }

    private let target: AccessLogModel.Target
    private var descriptor: CInt
    /// A line was written in part: the next one must not be glued to it.
    private var isTorn = false

    init(_ target: AccessLogModel.Target) throws(Failure) {
        self.target = target
        descriptor = try Self.open(target)
    }

    private static func open(_ target: AccessLogModel.Target) throws(Failure) -> CInt {
        switch target {
        case .standardOutput: return STDOUT_FILENO
        case .standardError: return STDERR_FILENO
        case .file(let path):
            // Without waiting: a pipe that nobody reads is an error, not a reason to hang.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            let descriptor = Glibc.open(path, flags, 0o640)
            guard descriptor >= 0 else { throw Failure.last(path) }
            _ = fcntl(descriptor, F_SETFL, O_WRONLY | O_APPEND)
            return descriptor
        }
    }

    mutating func write(_ bytes: ContiguousArray<UInt8>) throws(Failure) {
        let complete = bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            if isTorn {
                var end: UInt8 = 0x0A
                guard Glibc.write(descriptor, &end, 1) == 1 else { return false }
                isTorn = false
            }
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN || errno == EWOULDBLOCK {
                    // Somebody made the terminal or pipe that we share with them non-blocking.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, 1000)
                } else if errno != EINTR {
                    isTorn = rest.count < bytes.count
                    return false
                }
            }
            return true
        }
        if !complete { throw Failure.last(name) }
    }

    mutating func reopen() throws(Failure) {
        guard case .file = target else { return }
        let fresh = try Self.open(target)
        Glibc.close(descriptor)
        descriptor = fresh
        isTorn = false
    }

    func close() { if case .file = target { Glibc.close(descriptor) } }

    private var name: String {
        switch target {
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        case .file(let path): path
        }
    }
}
