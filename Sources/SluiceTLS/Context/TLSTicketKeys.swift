import CNIOBoringSSL
import SluiceCore
import Synchronization

/// Keys that session tickets are sealed with (RFC 5077, section 4), so that the server keeps no session itself.
///
/// Whoever has a key can read the sessions it sealed, so keys must change. Those made here do so by themselves; those
/// that come from files change when the files do. One object may serve several contexts, and all loops.
package final class TLSTicketKeys: Sendable {
    /// One key: its public name, and what is secret.
    struct Key: Sendable {
        var name: [UInt8]
        /// AES-128 or AES-256, by its length.
        var cipherKey: [UInt8]
        /// For HMAC-SHA-256.
        var macKey: [UInt8]
    }

    private struct State {
        var keys: [Key]
        /// When the first key was made; seconds since 1970.
        var madeAt: Int64
    }

    private let state: Mutex<State>
    /// Seconds after which a new key is made; nil for keys from files.
    private let interval: Int64?
    private let clock: @Sendable () -> Int64

    /// Keys of this process: nobody else has them, and they change every `interval` seconds. The one before still
    /// opens tickets, so these live between one and two intervals.
    package init(rotatedEvery interval: Int64 = 43_200, clock: @escaping @Sendable () -> Int64) {
        self.interval = max(1, interval)
        self.clock = clock
        state = Mutex(State(keys: [Self.makeKey()], madeAt: clock()))
    }

    /// Keys from files, as nginx and Envoy have them: 80 bytes (name 16, HMAC 32, AES 32) or 48 (name 16, AES 16,
    /// HMAC 16). The first one seals, all open.
    package init(_ files: [[UInt8]]) throws(TLSSettingsError) {
        guard !files.isEmpty else { throw TLSSettingsError(.ticketKeys, "there is no ticket key") }
        var keys: [Key] = []
        for (index, bytes) in files.enumerated() {
            guard let key = Self.parse(bytes) else {
                let text = "ticket key \(index + 1) has \(bytes.count) bytes; a key has 48 or 80"
                throw TLSSettingsError(.ticketKeys, text)
            }
            guard !keys.contains(where: { $0.name == key.name }) else {
                throw TLSSettingsError(.ticketKeys, "ticket key \(index + 1) has the name of one before it")
            }
            keys.append(key)
        }
        interval = nil
        clock = SystemClock.secondsSince1970
        state = Mutex(State(keys: keys, madeAt: 0))
    }

    private static func parse(_ bytes: [UInt8]) -> Key? {
        switch bytes.count {
        case 48:
            Key(name: Array(bytes[..<16]), cipherKey: Array(bytes[16..<32]), macKey: Array(bytes[32...]))
        case 80:
            Key(name: Array(bytes[..<16]), cipherKey: Array(bytes[48...]), macKey: Array(bytes[16..<48]))
        default:
            nil
        }
    }

    private static func makeKey() -> Key {
        var bytes = [UInt8](repeating: 0, count: 80)
        // Cannot fail: the library stops the process where the system gives no random bytes.
        RAND_bytes(&bytes, bytes.count)
        return Key(name: Array(bytes[..<16]), cipherKey: Array(bytes[48...]), macKey: Array(bytes[16..<48]))
    }

    /// The key to seal with.
    var current: Key? {
        withKeys { $0.first }
    }

    /// The key of a name, and whether a ticket that it opened should be sealed anew.
    func key(named name: UnsafeBufferPointer<UInt8>) -> (key: Key, isOld: Bool)? {
        withKeys { keys in
            for (index, key) in keys.enumerated() where key.name.elementsEqual(name) { return (key, index > 0) }
            return nil
        }
    }

    private func withKeys<Result>(_ body: ([Key]) -> Result) -> Result {
        state.withLock { state in
            if let interval {
                let now = clock()
                let age = now &- state.madeAt
                // A clock that was set back must not keep a key for ever.
                if age >= interval || age < 0 {
                    state.keys = age >= 0 && age < 2 * interval ? [Self.makeKey(), state.keys[0]] : [Self.makeKey()]
                    state.madeAt = now
                }
            }
            return body(state.keys)
        }
    }
}
