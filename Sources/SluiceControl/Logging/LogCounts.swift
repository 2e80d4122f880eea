import Atomics

/// What became of the lines of the access log, over all files that a gateway has written it to. Any thread.
package final class LogCounts: Sendable {
    private let written = ManagedAtomic<Int>(0)
    private let lost = ManagedAtomic<Int>(0)
    private let waiting = ManagedAtomic<Int>(0)

    package init() {}

    /// Lines that the system has taken.
    package var writtenLines: Int { written.load(ordering: .relaxed) }
    /// Lines that were dropped or could not be written.
    package var lostLines: Int { lost.load(ordering: .relaxed) }
    /// Bytes that were taken and are not written yet.
    package var waitingBytes: Int { waiting.load(ordering: .relaxed) }

    func wrote(lines: Int) { written.wrappingIncrement(by: lines, ordering: .relaxed) }
    func lost(lines: Int) { lost.wrappingIncrement(by: lines, ordering: .relaxed) }
    func queued(bytes: Int) { waiting.wrappingIncrement(by: bytes, ordering: .relaxed) }
    func dequeued(bytes: Int) { waiting.wrappingDecrement(by: bytes, ordering: .relaxed) }
}
