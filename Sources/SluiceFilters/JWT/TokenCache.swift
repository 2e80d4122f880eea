import Glibc
import SluiceCore

/// The tokens that one loop has verified, so that a client's next requests cost a comparison instead of a signature.
///
/// A token is found only under the rules and the set of keys that it was verified with, and only if all of its bytes are
/// the same. The place in the table follows from a keyed hash of its end, which is the signature: nobody but the issuer
/// can choose that, and only good tokens come in, so hashing the rest would cost time and change nothing.
///
/// Bounded in entries and bytes. The table is divided into sets of eight; in a set the one that was used longest ago
/// goes first. Isolation: one loop, after it was made on another thread. Allocates: with the first token, and per entry;
/// never on a look-up.
final class TokenCache: Sendable {
    private static let ways = 8
    private static let hashedCount = 32

    private struct Table {
        var hashes: ContiguousArray<UInt64> = []
        var used: ContiguousArray<UInt64> = []
        var tokens: ContiguousArray<VerifiedToken?> = []
        var clock: UInt64 = 0
        var bytes = 0
        /// The set that gives up an entry next when there are too many bytes.
        var hand = 0
        /// The numbers of rules; see `number(of:)`.
        var rules: [TokenRules: UInt32] = [:]
        var nextRules: UInt32 = 1
        /// The consumers that were asked for last, and their number.
        var consumers: Consumers?
        var consumersNumber: UInt64 = 0
    }

    private let key: SipKey
    private let setCount: Int
    private let byteLimit: Int
    // SAFETY: touched only on the loop whose filters share this cache; whoever makes it elsewhere touches nothing.
    nonisolated(unsafe) private var table = Table()

    /// - Parameters:
    ///   - entries: rounded up to a power of two.
    ///   - bytes: of all entries together, about.
    init(entries: Int = 8192, bytes: Int = 16 << 20, key: SipKey = .secret()) {
        var sets = 1
        while sets * Self.ways < entries { sets *= 2 }
        setCount = sets
        byteLimit = bytes
        self.key = key
    }

    /// The entries and the bytes that they take.
    var size: (count: Int, bytes: Int) { (table.tokens.lazy.filter { $0 != nil }.count, table.bytes) }

    // MARK: - Rules

    /// The same number for equal rules, so that filters of all routes and of the next configuration share what they can.
    func number(of rules: TokenRules) -> UInt32 {
        if let known = table.rules[rules] { return known }
        // Reloads that change rules again and again must not add up. Numbers are never used a second time, so what
        // was verified under forgotten ones is merely verified again.
        if table.rules.count >= 4096 { table.rules.removeAll() }
        let number = table.nextRules
        table.nextRules &+= 1
        table.rules[rules] = number
        return number
    }

    /// A number that no other table of consumers had or will have.
    ///
    /// Where it lies in memory would not do: a new table may come to lie where an old one was. The one that is compared
    /// with is kept for that reason.
    func number(of consumers: Consumers) -> UInt64 {
        if table.consumers !== consumers {
            table.consumers = consumers
            table.consumersNumber &+= 1
        }
        return table.consumersNumber
    }

    // MARK: - Tokens

    func find(_ bytes: UnsafeRawBufferPointer, _ policy: TokenPolicy) -> VerifiedToken? {
        guard !table.tokens.isEmpty else { return nil }
        let hash = hash(bytes, policy)
        let first = firstPlace(hash)
        for place in first..<first &+ Self.ways where table.hashes[place] == hash {
            guard let token = table.tokens[place], token.isSame(bytes, policy) else { continue }
            table.clock &+= 1
            table.used[place] = table.clock
            return token
        }
        return nil
    }

    func add(_ token: VerifiedToken) {
        let cost = token.cost
        guard cost <= byteLimit / 16 else { return }
        if table.tokens.isEmpty { makeTable() }
        let hash = token.bytes.withUnsafeBytes { self.hash($0, token.policy) }
        let first = firstPlace(hash)
        let places = first..<first + Self.ways
        let place =
            places.first { table.tokens[$0].map { $0.policy == token.policy && $0.bytes == token.bytes } ?? false }
            ?? places.first { table.tokens[$0] == nil } ?? places.min { table.used[$0] < table.used[$1] } ?? first
        remove(place)
        while table.bytes + cost > byteLimit { makeRoom() }
        table.clock &+= 1
        table.hashes[place] = hash
        table.used[place] = table.clock
        table.tokens[place] = token
        table.bytes += cost
    }

    /// Takes out a token that will not be good again.
    func remove(_ token: VerifiedToken) {
        let first = firstPlace(token.bytes.withUnsafeBytes { hash($0, token.policy) })
        for place in first..<first + Self.ways where table.tokens.indices.contains(place) {
            if table.tokens[place] === token { remove(place) }
        }
    }

    // MARK: - Inside

    private func makeTable() {
        let count = setCount * Self.ways
        table.hashes = ContiguousArray(repeating: 0, count: count)
        table.used = ContiguousArray(repeating: 0, count: count)
        table.tokens = ContiguousArray(repeating: nil, count: count)
    }

    private func hash(_ bytes: UnsafeRawBufferPointer, _ policy: TokenPolicy) -> UInt64 {
        var hash = SipHash(key)
        hash.add(UInt64(policy.rules))
        hash.add(policy.keys)
        hash.add(UInt64(truncatingIfNeeded: bytes.count))
        let end = max(0, bytes.count - Self.hashedCount)
        hash.add(UnsafeRawBufferPointer(rebasing: bytes[end...]))
        return hash.finishLow()
    }

    private func firstPlace(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash >> 32) & UInt64(setCount &- 1)) &* Self.ways
    }

    private func remove(_ place: Int) {
        guard let token = table.tokens[place] else { return }
        table.bytes -= token.cost
        table.tokens[place] = nil
        table.hashes[place] = 0
        table.used[place] = 0
    }

    /// Gives up the oldest entry of the next set that has one.
    private func makeRoom() {
        for _ in 0..<setCount {
            let first = table.hand * Self.ways
            table.hand = (table.hand + 1) & (setCount - 1)
            let taken = (first..<first + Self.ways).filter { table.tokens[$0] != nil }
            if let oldest = taken.min(by: { table.used[$0] < table.used[$1] }) { return remove(oldest) }
        }
        // Nothing is left that could go: what the sum says is wrong, and an empty table takes nothing.
        table.bytes = 0
    }
}

extension VerifiedToken {
    fileprivate func isSame(_ other: UnsafeRawBufferPointer, _ policy: TokenPolicy) -> Bool {
        guard self.policy == policy, bytes.count == other.count else { return false }
        return bytes.withUnsafeBytes { own in
            guard let a = own.baseAddress, let b = other.baseAddress else { return own.isEmpty }
            return memcmp(a, b, own.count) == 0
        }
    }
}
