import SluiceCore
import SluiceFilters
import Testing

private final class Claims: ClaimSource {
    func text(ofClaim name: String) -> [UInt8]? { name == "sub" ? Array("alice".utf8) : nil }
}

@Suite("Keys of requests") struct RequestKeyTests {
    private static let secret = SipKey(1, 2)

    private func hash(_ parts: [String], prefix: Int = 64, _ change: (TestExchange) -> Void) throws -> [UInt64]? {
        let exchange = TestExchange()
        change(exchange)
        let key = RequestKey(try parts.map { try #require(RequestKeyPart($0)) }, ipv6Prefix: prefix)
        return key.hash(of: exchange, Self.secret).map { [$0.low, $0.high] }
    }

    private func header(_ name: String, _ value: String) -> (TestExchange) -> Void {
        { $0.request.fields.append(name: name.utf8, value: value.utf8) }
    }

    @Test("parts are read as they are written", arguments: ["route", "ip", "consumer", "jwt.sub", "header.x-tenant"])
    func text(part: String) throws {
        #expect(try #require(RequestKeyPart(part)).text == part)
        #expect(RequestKeyPart("header.X-Tenant") == .header("x-tenant"))
        #expect(RequestKeyPart("jwt.Sub") == .claim("Sub"))
    }

    @Test("what is none", arguments: ["", "IP", "jwt", "jwt.", "header.", "header.a b", "header.a:", "user", "route "])
    func nonsense(part: String) { #expect(RequestKeyPart(part) == nil) }

    @Test("the same request has the same key, another value another one")
    func values() throws {
        let first = try hash(["header.a"], header("A", "x"))
        #expect(first != nil)
        #expect(try hash(["header.a"], header("a", "x")) == first)
        #expect(try hash(["header.a"], header("a", "X")) != first)
        #expect(try hash(["header.b"], header("a", "x")) == nil)
    }

    @Test("kinds and borders of parts count")
    func borders() throws {
        func two(_ a: String, _ b: String) throws -> [UInt64]? {
            try hash(["header.a", "header.b"]) {
                header("a", a)($0)
                header("b", b)($0)
            }
        }
        #expect(try two("x", "yz") != two("xy", "z"))
        #expect(try two("", "x") != two("x", ""))
        let byHeader = try hash(["header.a"], header("a", "alice"))
        let byClaim = try hash(["jwt.sub"]) { $0.claims = Claims() }
        let byConsumer = try hash(["consumer"]) {
            $0.consumer = Consumer(name: Array("alice".utf8), groups: [], index: 0)
        }
        let byRoute = try hash(["route"]) { $0.variables[.routeName] = "alice" }
        #expect(Set([byHeader, byClaim, byConsumer, byRoute]).count == 4)
    }

    @Test("a part that is missing makes no key; an address and a route are always there")
    func missing() throws {
        for part in ["consumer", "jwt.sub", "header.a"] { #expect(try hash([part]) { _ in } == nil) }
        #expect(try hash(["jwt.aud"]) { $0.claims = Claims() } == nil)
        #expect(try hash(["ip", "consumer"]) { $0.client = IPAddress("10.0.0.1") } == nil)
        #expect(try hash(["ip"]) { _ in } != nil)
        #expect(try hash(["route"]) { _ in } != nil)
    }

    @Test(
        "of IPv6 as much counts as is said, of IPv4 everything",
        arguments: [
            (64, "2001:db8::1", "2001:db8::2", true), (64, "2001:db8::1", "2001:db8:0:1::1", false),
            (128, "2001:db8::1", "2001:db8::2", false), (48, "2001:db8::1", "2001:db8:0:1::1", true),
            (48, "2001:db8::1", "2001:db8:1::1", false), (65, "2001:db8::1", "2001:db8::8000:0:0:1", false),
            (65, "2001:db8::1", "2001:db8::7fff:0:0:1", true), (1, "10.0.0.1", "10.0.0.2", false),
            (64, "10.0.0.1", "::ffff:10.0.0.1", true),
        ]
    )
    func addresses(prefix: Int, first: String, second: String, isSame: Bool) throws {
        func key(_ text: String) throws -> [UInt64]? {
            try hash(["ip"], prefix: prefix) { $0.client = IPAddress(text) }
        }
        #expect(try (key(first) == key(second)) == isSame)
    }

    @Test("without its secret nobody knows the key")
    func secret() throws {
        let exchange = TestExchange()
        let key = RequestKey([.ip], ipv6Prefix: 64)
        let own = try #require(key.hash(of: exchange, Self.secret))
        let other = try #require(key.hash(of: exchange, SipKey(1, 3)))
        #expect(own != other && own == key.addressHash(of: exchange, Self.secret))
    }
}
