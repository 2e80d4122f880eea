import SluiceCore
import Testing

@testable import SluiceFilters

@Suite struct TokenCacheTests {
    private let policy = TokenPolicy(rules: 1, keys: 1)

    private func token(_ text: String, _ policy: TokenPolicy, claims: [JSONObject.Member] = []) -> VerifiedToken {
        VerifiedToken(Array(text.utf8), policy, TokenTimes(), JSONObject(claims), TokenRules())
    }

    private func find(_ text: String, _ policy: TokenPolicy, in cache: TokenCache) -> VerifiedToken? {
        Array(text.utf8).withUnsafeBytes { cache.find($0, policy) }
    }

    private func cache(entries: Int = 64, bytes: Int = 1 << 20) -> TokenCache {
        TokenCache(entries: entries, bytes: bytes, key: SipKey(1, 2))
    }

    @Test func findsWhatWasAddedAndNothingElse() {
        let cache = cache()
        #expect(find("a.b.c", policy, in: cache) == nil)
        let added = token("a.b.c", policy)
        cache.add(added)
        #expect(find("a.b.c", policy, in: cache) === added)
        for other in ["a.b.d", "a.b.c ", "a.b", "", "A.b.c"] { #expect(find(other, policy, in: cache) == nil) }
    }

    @Test func rulesAndKeysAreAPartOfTheKey() {
        let cache = cache()
        cache.add(token("a.b.c", policy))
        #expect(find("a.b.c", TokenPolicy(rules: 2, keys: 1), in: cache) == nil)
        #expect(find("a.b.c", TokenPolicy(rules: 1, keys: 2), in: cache) == nil)
        let other = token("a.b.c", TokenPolicy(rules: 2, keys: 1))
        cache.add(other)
        #expect(find("a.b.c", TokenPolicy(rules: 2, keys: 1), in: cache) === other)
        #expect(find("a.b.c", policy, in: cache) !== other)
    }

    /// The hash is of the end only; what is in front is compared all the same.
    @Test func tokensWithTheSameEndAreDifferent() {
        let cache = cache()
        let end = String(repeating: "s", count: 200)
        let first = token("a" + end, policy)
        cache.add(first)
        #expect(find("b" + end, policy, in: cache) == nil)
        #expect(find("a" + end, policy, in: cache) === first)
        let second = token("b" + end, policy)
        cache.add(second)
        #expect(find("a" + end, policy, in: cache) === first)
        #expect(find("b" + end, policy, in: cache) === second)
    }

    @Test func theSameTokenIsKeptOnce() {
        let cache = cache()
        cache.add(token("a.b.c", policy))
        let again = token("a.b.c", policy)
        cache.add(again)
        #expect(cache.size.count == 1)
        #expect(cache.size.bytes == again.cost)
        #expect(find("a.b.c", policy, in: cache) === again)
        cache.remove(again)
        #expect(cache.size == (0, 0))
        #expect(find("a.b.c", policy, in: cache) == nil)
        cache.remove(again)
        #expect(cache.size == (0, 0))
    }

    @Test func entriesAreBounded() {
        let cache = cache(entries: 64)
        for i in 0..<10_000 { cache.add(token("token \(i)", policy)) }
        #expect(cache.size.count == 64)
        // The newest is always there.
        #expect(find("token 9999", policy, in: cache) != nil)
    }

    @Test func whatWasUsedLongestAgoGoesFirst() {
        let cache = cache(entries: 8)
        for i in 0..<8 { cache.add(token("token \(i)", policy)) }
        for i in [0, 2, 3, 4, 5, 6, 7] { #expect(find("token \(i)", policy, in: cache) != nil) }
        cache.add(token("token 8", policy))
        #expect(find("token 1", policy, in: cache) == nil)
        cache.add(token("token 9", policy))
        #expect(find("token 0", policy, in: cache) == nil)
        for i in 2...9 { #expect(find("token \(i)", policy, in: cache) != nil) }
    }

    @Test func bytesAreBounded() {
        let cache = cache(entries: 1024, bytes: 64 * 1024)
        let padding = String(repeating: "x", count: 1000)
        for i in 0..<500 {
            cache.add(token("\(padding)\(i)", policy))
            #expect(cache.size.bytes <= 64 * 1024)
            #expect(find("\(padding)\(i)", policy, in: cache) != nil)
        }
        #expect((30...64).contains(cache.size.count), "\(cache.size)")
        // One that would push out most of the others is not kept at all.
        let large = String(repeating: "y", count: 5000)
        cache.add(token(large, policy))
        #expect(find(large, policy, in: cache) == nil)
    }

    @Test func claimsCountAsBytes() {
        let member = JSONObject.Member(name: Array("a".utf8), value: .string([UInt8](repeating: 1, count: 3000)))
        #expect(token("a", policy, claims: [member]).cost > token("a", policy).cost + 3000)
    }

    @Test func rulesAreNumberedByWhatTheySay() {
        let cache = cache()
        var rules = TokenRules()
        let first = cache.number(of: rules)
        #expect(cache.number(of: rules) == first)
        rules.leeway = 31
        let second = cache.number(of: rules)
        #expect(second != first)
        rules.leeway = 30
        #expect(cache.number(of: rules) == first)
    }

    /// One that is gone leaves its place in memory to the next, and must not be taken for it.
    @Test func numbersOfConsumersAreNeverUsedTwice() {
        let cache = cache()
        var seen: Set<UInt64> = [0]
        for _ in 0..<100 {
            let consumers = Consumers()
            let number = cache.number(of: consumers)
            #expect(seen.insert(number).inserted)
            #expect(cache.number(of: consumers) == number)
        }
    }

    @Test func numbersOfRulesAreNeverUsedTwice() {
        let cache = cache()
        var seen: Set<UInt32> = []
        for i in 0..<10_000 {
            var rules = TokenRules()
            rules.leeway = Int64(i)
            #expect(seen.insert(cache.number(of: rules)).inserted)
        }
        // Those that were forgotten get new ones.
        #expect(seen.insert(cache.number(of: TokenRules())).inserted)
    }
}
