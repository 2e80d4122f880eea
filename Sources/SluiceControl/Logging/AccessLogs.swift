import NIOCore
import SluiceConfig
import SluiceCore

/// The access log that runs, and those before it which requests of an older configuration still write to.
///
/// Isolation: the control queue.
struct AccessLogs {
    private struct Earlier {
        /// The loops' copies of the older configuration keep it.
        weak var log: LogFile?
    }

    private(set) var current: LogFile?
    private var earlier: [Earlier] = []

    /// The log of a configuration that is about to run: the one that is open, if it is the same one.
    func open(
        _ model: AccessLogModel,
        _ counts: LogCounts,
        log: @escaping @Sendable (String) -> Void,
        tell: @escaping @Sendable (String) -> Void
    ) throws(StartError) -> LogFile {
        if let current, current.serves(model) { return current }
        return try LogFile(model, counts: counts, log: log, tell: tell)
    }

    /// The configuration runs.
    mutating func replace(with next: LogFile?) {
        if let current, current !== next { earlier.append(Earlier(log: current)) }
        current = next
        earlier.removeAll { $0.log == nil }
    }

    /// Opens the file by its name again, after a rotation.
    ///
    /// An older log goes along where its file is the same one. Otherwise it stays where it is: nobody who rotates the file
    /// of today means that of yesterday, which would come into being again, or be somebody else's by now.
    func reopen() {
        guard let current else { return }
        current.reopen()
        for log in earlier.compactMap(\.log) where log.target == current.target { log.reopen() }
    }

    /// Waits until what was taken so far is written, but not longer than `patience` for all together.
    ///
    /// - Returns: whether it is.
    func flush(patience: TimeAmount) -> Bool {
        let deadline = SystemClock.monotonic() + patience
        let flushed = (earlier.compactMap(\.log) + [current].compactMap(\.self)).map { $0.beginFlush() }
        return flushed.reduce(true) { $1.take(until: deadline) != nil && $0 }
    }
}
