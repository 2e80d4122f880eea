import NIOCore
import Synchronization

/// The keys of one source, for all loops: the newest set that was good, and a number that tells one set from another.
///
/// Those of a file or of the configuration itself never change; those of a URL are fetched in the background. What was
/// good stays until something better comes. Loops look at the number, and copy the keys when it has changed.
///
/// Isolation: any thread.
final class KeyStore: Sendable {
    private struct State {
        var set = KeySet(keys: [])
        /// What to call when the fetch under way has ended.
        var waiting: [@Sendable () -> Void] = []
    }

    /// Numbers are never used twice in a process, whatever the source, so that a number alone names a set of keys.
    private static let nextGeneration = Atomic<UInt64>(1)

    private let state: Mutex<State>
    // SAFETY: points to one atomic that is initialised here and freed by `deinit`.
    nonisolated(unsafe) private let current: UnsafeMutablePointer<Atomic<UInt64>>
    private let remote: RemoteKeys?

    /// Keys that stay as they are.
    convenience init(_ set: KeySet) { self.init(set, generation: Self.makeGeneration(), remote: nil) }

    /// Keys of a URL; `start` fetches them.
    convenience init(_ remote: RemoteKeys) { self.init(KeySet(keys: []), generation: 0, remote: remote) }

    private init(_ set: KeySet, generation: UInt64, remote: RemoteKeys?) {
        state = Mutex(State(set: set))
        current = .allocate(capacity: 1)
        current.initialize(to: Atomic(generation))
        self.remote = remote
    }

    deinit {
        current.deinitialize(count: 1)
        current.deallocate()
    }

    private static func makeGeneration() -> UInt64 {
        nextGeneration.wrappingAdd(1, ordering: .relaxed).oldValue
    }

    // MARK: - For loops

    /// Which set it is; 0 while there is none.
    var generation: UInt64 { current.pointee.load(ordering: .acquiring) }

    /// The keys and the number of their set.
    var keys: (keys: [VerificationKey], generation: UInt64) {
        state.withLock { ($0.set.keys, current.pointee.load(ordering: .relaxed)) }
    }

    enum Reason: Sendable { case noKeys, unknownKey }

    /// Has `wake` called, on whichever thread, when the fetch under way has ended, or one that this starts.
    ///
    /// - Parameter seen: the generation that was looked into.
    /// - Returns: false when nothing is fetched now, so that waiting would be for nothing.
    func wait(_ reason: Reason, seen: UInt64, now: NIODeadline, wake: @escaping @Sendable () -> Void) -> Bool {
        guard let remote else { return false }
        // The lock is held until `wake` is in the list: a fetch that ends meanwhile must find it there.
        let (answer, hasNewer) = state.withLock { state in
            if current.pointee.load(ordering: .relaxed) != seen { return (KeyRefresh.Answer.join, true) }
            let answer = remote.ask(reason, now: now)
            if answer != .no { state.waiting.append(wake) }
            return (answer, false)
        }
        if hasNewer { wake() }
        if answer == .fetch { remote.fetch(for: self) }
        return answer != .no
    }

    // MARK: - For whoever fetches

    /// Makes the first fetch. Nothing happens for keys that do not come from a URL.
    func start() { remote?.fetch(for: self) }

    /// The timer with that number has run out.
    func timerFired(_ number: Int) {
        guard let remote, remote.timerFired(number) else { return }
        remote.fetch(for: self)
    }

    /// A fetch has ended with this set, or without any that is good.
    func publish(_ set: KeySet?) {
        let waiting = state.withLock { state in
            if let set, set.keys != state.set.keys || current.pointee.load(ordering: .relaxed) == 0 {
                state.set = set
                current.pointee.store(Self.makeGeneration(), ordering: .releasing)
            }
            let waiting = state.waiting
            state.waiting = []
            remote?.endFetch(wasGood: set != nil, for: self)
            return waiting
        }
        for wake in waiting { wake() }
    }
}
