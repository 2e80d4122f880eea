import Atomics
package import NIOCore
package import SluiceConfig
import SluiceCore
import SluiceProxy

/// Writes the access log on a thread of its own, so that a slow disk or a full pipe never holds up a request.
///
/// What waits is bounded; lines beyond the bound, and lines that the system does not take, are lost and counted, and the
/// operator is told once when that begins and once when it ends. Isolation: any thread.
package final class LogFile: LogSink {
    let target: AccessLogModel.Target
    private let limit: Int
    private let state: LogState
    /// Lines are being dropped.
    private let dropping = Episode()
    /// For lines to operators that begin on an event loop.
    private let tell: @Sendable (String) -> Void
    package var counts: LogCounts { state.counts }

    /// Opens the log. `counts` goes on from the file before this one.
    ///
    /// - Parameters:
    ///   - log: takes lines for operators, on the thread of the log: may wait.
    ///   - tell: the same on an event loop: must not wait.
    /// - Throws: when that fails, or the system gives no thread.
    package init(
        _ model: AccessLogModel,
        counts: LogCounts = LogCounts(),
        patience: LogPatience = LogPatience(),
        log: @escaping @Sendable (String) -> Void,
        tell: @escaping @Sendable (String) -> Void
    ) throws(StartError) {
        target = model.target
        limit = model.queueBytes
        self.tell = tell
        let output: LogOutput
        do throws(LogOutput.Failure) {
            output = try LogOutput(model.target)
        } catch {
            throw StartError("the access log cannot be opened: \(error.message)")
        }
        state = LogState(counts)
        let started = ControlThread.spawn(name: "sluice-log") { [state] in
            var writer = LogWriter(state, output, patience, log: log)
            writer.run()
        }
        guard started else { throw StartError("the system gives no more threads") }
    }

    deinit {
        state.isEnding.store(true, ordering: .relaxed)
        state.jobs.post(.end)
    }

    /// Whether a log of that model can go on with this one.
    func serves(_ model: AccessLogModel) -> Bool { target == model.target && limit == model.queueBytes }

    package func take(_ bytes: ContiguousArray<UInt8>, lines: Int) {
        guard state.waiting.load(ordering: .relaxed) + bytes.count <= limit else { return drop(lines) }
        state.waiting.wrappingIncrement(by: bytes.count, ordering: .relaxed)
        counts.queued(bytes: bytes.count)
        state.jobs.post(.write(bytes, lines: lines))
    }

    private func drop(_ lines: Int) {
        counts.lost(lines: lines)
        state.dropped.wrappingIncrement(by: lines, ordering: .relaxed)
        // Here and not on the thread of the log, which a disk that hangs has stopped.
        if dropping.begins(at: SystemClock.monotonic()) {
            tell("access log: lines are dropped: \(target.name) takes them too slowly, or not at all")
        }
        if !state.isDropping.exchange(true, ordering: .relaxed) { state.jobs.post(.tellDropped) }
    }

    package func lost(lines: Int) { counts.lost(lines: lines) }

    /// Opens the file by its name again, after a rotation: behind what was taken so far, unless that is stuck.
    package func reopen() {
        state.reopens.wrappingIncrement(ordering: .relaxed)
        state.jobs.post(.reopen)
    }

    /// Waits until what was taken so far is written, but not longer than `patience`.
    ///
    /// - Returns: whether it is.
    @discardableResult
    package func flush(patience: TimeAmount) -> Bool {
        beginFlush().take(until: SystemClock.monotonic() + patience) != nil
    }

    /// - Returns: what hears when everything that was taken so far is written.
    func beginFlush() -> Mailbox<Void> {
        let done = Mailbox<Void>()
        state.jobs.post(.flush(done))
        return done
    }
}

/// What a log and its thread share. Any thread.
final class LogState: Sendable {
    enum Job: Sendable {
        case write(ContiguousArray<UInt8>, lines: Int)
        case reopen
        /// Comes behind what waited when lines began to be dropped: the writer has caught up.
        case tellDropped
        case flush(Mailbox<Void>)
        case end
    }

    let jobs = Mailbox<Job>()
    let counts: LogCounts
    /// Bytes that wait for this file.
    let waiting = ManagedAtomic<Int>(0)
    /// Lines that found no room and of which the operator was not told yet.
    let dropped = ManagedAtomic<Int>(0)
    /// Lines are dropped since the writer last caught up.
    let isDropping = ManagedAtomic<Bool>(false)
    /// How many times the file is to be opened anew; a writer that is stuck sees it here.
    let reopens = ManagedAtomic<Int>(0)
    /// Nobody writes to this log any more; likewise.
    let isEnding = ManagedAtomic<Bool>(false)

    init(_ counts: LogCounts) { self.counts = counts }
}

extension AccessLogModel.Target {
    /// For operators.
    var name: String {
        switch self {
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        case .file(let path): path
        }
    }
}
