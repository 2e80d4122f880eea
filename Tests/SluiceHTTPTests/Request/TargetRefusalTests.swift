import SluiceCore
import SluiceHTTP
import Testing

@Suite("Targets and hosts that are refused")
struct TargetRefusalTests {
    private func refuses(_ bytes: String, _ error: GatewayError) {
        let reading = sameInPieces(bytes)
        #expect(reading.end == .refused(error))
        #expect(reading.complete.isEmpty)
    }

    @Test(
        "a target",
        arguments: [
            "/#a", "/a#", "#", "/a?b#c", "/%", "/%4", "/%zz", "/%4g", "/a%", "/a?%", "/a?x=%g1", "/a?x=%", "/%%41",
            "/\u{E9}", "/\u{7F}",
            "/\u{0}", "/\u{1F}", "/a\tb", "/\u{80}", "/\u{FF}", "a", "a/b", "example.com", "example.com:80", "?a", "*",
            "**", "*/", "/*#",
            "http://", "http:///a", "http:/a", "http:a", "http//a", "https://", "ftp://a/", "ws://a/", "httpx://a/",
            "ttp://a/",
            "http://a:65536/", "http://a:99999", "http://a:-1/", "http://a:+80/", "http://a:8\t0/",
            "http://a:080000/", "http://a:80:80/", "http://a:b/", "http://:80/", "http://u@a/", "http://u:p@a/",
            "http://a@/",
            "http://[::1/", "http://[zz]/", "http://[1.2.3.4]/", "http://[]/", "http://::1/", "http://[::1]x/",
            "http://[::1]:65536/",
            "http://a\\b/", "http://a%zz/", "http://a%/", "http://a\"b/", "http://a<b/", "http://a|b/", "http://a^b/",
            "http://a`b/",
            "http://{a}/", "http://?x", "http://a/%", "http://a?%", "http://a/#b", "http://a#b",
        ]
    )
    func target(target: String) { refuses("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget) }

    @Test(
        "a target of CONNECT that is no authority with a port",
        arguments: [
            "/", "*", "a", "a:", "a:65536", "a:x", ":80", "http://a:80", "a:80/", "a:80?b", "u@a:80", "[::1]", "[::1]:",
            "[::1:80", "a:80:81",
        ]
    )
    func connect(target: String) { refuses("CONNECT \(target) HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget) }

    @Test(
        "the asterisk with any method but OPTIONS",
        arguments: ["GET", "POST", "options", "OPTION", "OPTIONSS", "HEAD", "PRI"]
    )
    func asterisk(method: String) { refuses("\(method) * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget) }

    @Test("behind a space in the target no version follows", arguments: ["/a b", "/ a", "http://a /b"])
    func space(target: String) { refuses("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", .badVersion) }

    static let badHosts = [
        "", " ", ":80", ":", "a b", "a, b", "a,b c", "a:65536", "a:x", "a:1:2", "a:-1", "a:+1", "a: 80", "a :80",
        "a:000080", "u@a", "a@",
        "a/b", "/", "a?b", "a#b", "a\\b", "http://a", "\"a\"", "<a>", "a|b", "a^b", "a`b", "{a}", "a%", "a%4", "a%zz",
        "a\u{E9}",
        "[::1", "::1]", "[::1]x", "[::1]:x", "[::1]:65536", "[]", "[:]", "[::::]", "[1.2.3.4]", "[fe80::1%25eth0]",
        "[v1.a:b]", "[::g]",
        "a[::1]", "[[::1]]", "[1:2:3:4:5:6:7:8:9]", "a\tb", "[", "]",
    ]

    @Test("the Host field is malformed", arguments: badHosts)
    func host(value: String) {
        refuses("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n", .badHost)
        refuses("GET / HTTP/1.0\r\nHost: \(value)\r\n\r\n", .badHost)
        refuses("GET http://b/ HTTP/1.1\r\nHost: \(value)\r\n\r\n", .badHost)
    }

    @Test(
        "there is no Host field",
        arguments: [
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "GET http://a/ HTTP/1.1\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\n\r\n",
            "CONNECT a:80 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHostX: a\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n",
        ]
    )
    func missingHost(bytes: String) { refuses(bytes, .missingHost) }

    @Test(
        "there is more than one Host field",
        arguments: [
            get("Host: a"), get("Host: b"), get("HOST: b"), get("X: y\r\nhost: a"), get("Host:"),
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ]
    )
    func severalHosts(bytes: String) { refuses(bytes, .severalHosts) }
}
