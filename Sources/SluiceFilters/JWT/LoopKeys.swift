import NIOCore
import SluiceCore

/// One loop's copy of the keys of a source, ready to be used, and the requests that wait for better ones.
///
/// Isolation: one loop, after it was made on another thread.
final class LoopKeys: Sendable {
    /// One key, and what the library made of it once it was needed.
    private struct Slot {
        let key: VerificationKey
        var verifier: KeyVerifier?
    }

    private struct State {
        var slots: ContiguousArray<Slot> = []
        var generation: UInt64 = 0
        var waiting: [() -> Void] = []
    }

    /// Requests of one loop that wait at once; a flood of them is turned away instead.
    static let maximumWaiting = 1024
    /// Keys that are tried for one token. Only one without `kid` can fit more than a few.
    private static let maximumTries = 16

    private let store: KeyStore
    private let loop: any EventLoop
    // SAFETY: touched only on the loop; whoever makes this elsewhere touches nothing.
    nonisolated(unsafe) private var state = State()

    init(_ store: KeyStore, loop: any EventLoop) {
        self.store = store
        self.loop = loop
    }

    /// Which set the loop has; 0: none yet. Copies a newer one if there is one.
    @inline(__always)
    func refresh() -> UInt64 {
        if store.generation != state.generation { copy() }
        return state.generation
    }

    private func copy() {
        let (keys, generation) = store.keys
        state.slots = ContiguousArray(keys.map { Slot(key: $0) })
        state.generation = generation
    }

    // MARK: - Checking

    /// Whether one of the keys that the token may mean made its signature.
    ///
    /// Keys of its `kid`; where the token names none, all. Only a key whose algorithm is the token's is used.
    func check(_ token: CompactToken, of message: UnsafeRawBufferPointer) throws(TokenProblem) {
        let named = state.slots.indices.filter { token.keyID == nil || state.slots[$0].key.id == token.keyID }
        guard !named.isEmpty else { return try checkUnnamed(token, of: message) }
        let fitting = named.filter { state.slots[$0].key.algorithm == token.algorithm }
        guard !fitting.isEmpty else { throw .algorithm }
        guard fits(fitting, token, message) else { throw .signature }
    }

    /// No key of that name is there: one without a name may be meant. If it is not, a newer set may hold the right one.
    private func checkUnnamed(_ token: CompactToken, of message: UnsafeRawBufferPointer) throws(TokenProblem) {
        let unnamed = state.slots.indices.filter {
            state.slots[$0].key.id == nil && state.slots[$0].key.algorithm == token.algorithm
        }
        guard fits(unnamed, token, message) else { throw .unknownKey }
    }

    private func fits(_ indexes: [Int], _ token: CompactToken, _ message: UnsafeRawBufferPointer) -> Bool {
        for index in indexes.prefix(Self.maximumTries) {
            guard let verifier = verifier(index) else { continue }
            if verifier.isValid(token.signature, of: message, by: token.algorithm) { return true }
        }
        return false
    }

    private func verifier(_ index: Int) -> KeyVerifier? {
        if let known = state.slots[index].verifier { return known }
        let made = KeyVerifier(state.slots[index].key.material)
        state.slots[index].verifier = made
        return made
    }

    // MARK: - Waiting

    /// Calls `body` on this loop when the fetch under way has ended, or one that this brings about.
    ///
    /// - Returns: false when there is nothing to wait for, or too many wait already.
    func wait(_ reason: KeyStore.Reason, now: NIODeadline, _ body: @escaping () -> Void) -> Bool {
        guard state.waiting.count < Self.maximumWaiting else { return false }
        state.waiting.append(body)
        // One call is enough for all that wait here.
        guard state.waiting.count == 1 else { return true }
        let loop = loop
        let isAccepted = store.wait(reason, seen: state.generation, now: now) {
            loop.execute { self.wake() }
        }
        if !isAccepted { state.waiting = [] }
        return isAccepted
    }

    private func wake() {
        let waiting = state.waiting
        state.waiting = []
        for body in waiting { body() }
    }
}
