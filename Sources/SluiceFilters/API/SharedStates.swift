package import NIOCore
import Synchronization

/// State with something that must not be lost when the process ends, such as spans that were not sent yet.
package protocol FlushingState: AnyObject, Sendable {
    /// Sends what there is; the loops still run, and so does the background. `done` is called once, on any thread, at the
    /// latest after `patience`.
    func flush(within patience: TimeAmount, done: @escaping @Sendable () -> Void)
}

/// What filters share between loops and keep over reloads: limiter cells, fetched keys, counts of requests under way.
///
/// A configuration is built between `begin` and `end`; whatever it did not ask for is let go at the end. When it turns
/// out not to run, `cancel` keeps what was there before and lets go of what was new. Isolation: any thread, one
/// configuration at a time.
package final class SharedStates: Sendable {
    private struct Entry {
        let state: any AnyObject & Sendable
        var isNew: Bool
        var isWanted: Bool
    }

    private let entries = Mutex<[String: Entry]>([:])

    package init() {}

    /// The state of that key and type; `make` is called when there is none.
    package func state<State: AnyObject & Sendable>(_ key: String, _ make: () -> State) -> State {
        let key = "\(State.self) \(key)"
        return entries.withLock { entries in
            if let known = entries[key]?.state as? State {
                entries[key]?.isWanted = true
                return known
            }
            let state = make()
            entries[key] = Entry(state: state, isNew: true, isWanted: true)
            return state
        }
    }

    /// A configuration is about to be built.
    package func begin() {
        entries.withLock { entries in
            for key in entries.keys { entries[key]?.isWanted = false }
        }
    }

    /// It runs.
    package func end() {
        let gone = entries.withLock { entries in
            let gone = entries.filter { !$0.value.isWanted }
            for key in gone.keys { entries[key] = nil }
            for key in entries.keys { entries[key]?.isNew = false }
            return gone
        }
        // Outside of the lock, since the last release may take a while.
        withExtendedLifetime(gone) {}
    }

    /// It does not.
    package func cancel() {
        let gone = entries.withLock { entries in
            let gone = entries.filter(\.value.isNew)
            for key in gone.keys { entries[key] = nil }
            return gone
        }
        withExtendedLifetime(gone) {}
    }

    /// What has to be flushed before the end.
    package var flushing: [any FlushingState] {
        entries.withLock { entries in entries.values.compactMap { $0.state as? any FlushingState } }
    }

    package var count: Int { entries.withLock { $0.count } }
}
