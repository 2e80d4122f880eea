import CNIOBoringSSL
import Synchronization

/// Sessions that servers gave, to be resumed with the same server.
final class TLSSessionCache: Sendable {
    /// Who gave it.
    struct Key: Hashable, Sendable {
        let host: [UInt8]
        let endpoint: UInt64
    }

    private struct Entry {
        /// SSL_SESSION, the newest last.
        var sessions: [LibraryObject]
        /// Of the last time that one was added.
        var stamp: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var count = 0
        var stamp: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    /// A server of TLS 1.3 gives two at a time, each good for one connection; a pool opens several at once.
    private let limitPerKey = 4

    init(limit: Int) { self.limit = max(0, limit) }

    /// How many there are.
    var count: Int { state.withLock { $0.count } }

    /// Keeps a session; the one least recently added to goes where there are too many.
    func add(_ session: LibraryObject, for key: Key) {
        state.withLock { state in
            state.stamp += 1
            var entry = state.entries[key] ?? Entry(sessions: [], stamp: 0)
            entry.stamp = state.stamp
            if entry.sessions.count == limitPerKey {
                entry.sessions.removeFirst()
                state.count -= 1
            }
            entry.sessions.append(session)
            state.count += 1
            state.entries[key] = entry
            while state.count > limit, let oldest = state.entries.min(by: { $0.value.stamp < $1.value.stamp }) {
                state.count -= oldest.value.sessions.count
                state.entries[oldest.key] = nil
            }
        }
    }

    /// The newest session of a server. One of TLS 1.3 is good for one connection (RFC 8446, appendix C.4), so it goes.
    func take(for key: Key) -> LibraryObject? {
        state.withLock { state in
            guard let session = state.entries[key]?.sessions.last else { return nil }
            guard session.lend({ SSL_SESSION_should_be_single_use($0) }) == 1 else { return session }
            state.entries[key]?.sessions.removeLast()
            state.count -= 1
            if state.entries[key]?.sessions.isEmpty == true { state.entries[key] = nil }
            return session
        }
    }
}
