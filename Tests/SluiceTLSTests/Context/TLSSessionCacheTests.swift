import CNIOBoringSSL
import Testing

@testable import SluiceTLS

@Suite struct TLSSessionCacheTests {
    private func key(_ host: String, _ endpoint: UInt64 = 0) -> TLSSessionCache.Key {
        TLSSessionCache.Key(host: Array(host.utf8), endpoint: endpoint)
    }

    /// A session of TLS 1.3 is good for one connection, one of TLS 1.2 for many.
    private func session(_ version: TLSVersion = .tls13) throws -> LibraryObject {
        let context = SSL_CTX_new(TLS_with_buffers_method())
        defer { SSL_CTX_free(context) }
        let session = try #require(SSL_SESSION_new(context))
        #expect(SSL_SESSION_set_protocol_version(session, version.rawValue) == 1)
        return LibraryObject(session) { SSL_SESSION_free($0) }
    }

    @Test func theNewestIsTakenAndGone() throws {
        let cache = TLSSessionCache(limit: 10)
        let first = try session()
        let second = try session()
        cache.add(first, for: key("a"))
        cache.add(second, for: key("a"))
        #expect(cache.take(for: key("b")) == nil)
        #expect(cache.take(for: key("a", 1)) == nil)
        #expect(cache.take(for: key("a")) === second)
        #expect(cache.take(for: key("a")) === first)
        #expect(cache.take(for: key("a")) == nil)
        #expect(cache.count == 0)
    }

    @Test func aSessionOfTLS12Stays() throws {
        let cache = TLSSessionCache(limit: 10)
        let session = try session(.tls12)
        cache.add(session, for: key("a"))
        #expect(cache.take(for: key("a")) === session)
        #expect(cache.take(for: key("a")) === session)
    }

    @Test func oneHostKeepsFour() throws {
        let cache = TLSSessionCache(limit: 10)
        let sessions = try (0..<6).map { _ in try session() }
        for session in sessions { cache.add(session, for: key("a")) }
        #expect(cache.count == 4)
        #expect(
            (0..<4).map { _ in cache.take(for: key("a")) }.elementsEqual(sessions.suffix(4).reversed()) { $0 === $1 }
        )
    }

    @Test func theOldestGoesWhereThereAreTooMany() throws {
        let cache = TLSSessionCache(limit: 3)
        for host in ["a", "b", "c", "a", "d"] { cache.add(try session(), for: key(host)) }
        #expect(cache.count <= 3)
        #expect(cache.take(for: key("b")) == nil)
        #expect(cache.take(for: key("d")) != nil)
        for number in 0..<1000 { cache.add(try session(), for: key("host \(number)")) }
        #expect(cache.count == 3)
    }

    @Test func aLimitOfOneHolds() throws {
        let cache = TLSSessionCache(limit: 1)
        cache.add(try session(), for: key("a"))
        cache.add(try session(), for: key("a"))
        #expect(cache.count <= 1)
    }
}
