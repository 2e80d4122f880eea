import SluiceCore
import SluiceHTTP
import Testing

@Suite("RFC 9112, sections 2 and 3: messages and requests")
struct RFC9112RequestTests {
    @Test("2.2: at least one empty line in front of the request line is ignored")
    func emptyLine() {
        #expect(Codec.request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").message != nil)
    }

    @Test(
        "2.2: a bare CR in any protocol element is refused",
        arguments: [
            "GET\r / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n",
            "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
    )
    func bareCR(bytes: String) { #expect(Codec.request(bytes).error?.status == 400) }

    @Test("2.2: white space between the start line and the first field is refused")
    func leadingSpace() {
        #expect(Codec.request("GET / HTTP/1.1\r\n Host: a\r\n\r\n").error == .obsoleteFold)
    }

    @Test("2.2: a line ends with CRLF; LF alone, which a recipient may take for it, is refused by this one")
    func lineFeedOnly() {
        #expect(Codec.request("GET / HTTP/1.1\nHost: a\n\n").error == .bareLineFeed)
    }

    @Test(
        "2.3: the version is case-sensitive and has one digit on each side",
        arguments: ["http/1.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1"]
    )
    func version(version: String) {
        #expect(Codec.request("GET / \(version)\r\nHost: a\r\n\r\n").error == .badVersion)
    }

    @Test("2.3: a major version that is not implemented gets 505")
    func majorVersion() {
        #expect(Codec.request("GET / HTTP/2.0\r\nHost: a\r\n\r\n").error?.status == 505)
    }

    @Test(
        "3: exactly one SP between the parts of the request line, though a recipient may be lenient",
        arguments: [
            "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
        ]
    )
    func spaces(line: String) { #expect(Codec.request("\(line)\r\nHost: a\r\n\r\n").error?.status == 400) }

    @Test("3: white space inside of the target is refused and not repaired")
    func spaceInTarget() {
        #expect(Codec.request("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n").error?.status == 400)
    }

    @Test("3: a target longer than the server takes gets 414")
    func longTarget() {
        let target = "/" + String(repeating: "a", count: 16 * 1024)
        #expect(Codec.request("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").error?.status == 414)
    }

    @Test("3: targets of 8,000 bytes are supported")
    func supportedTarget() {
        let target = "/" + String(repeating: "a", count: 7999)
        #expect(Codec.request("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").message != nil)
    }

    @Test("3.1: the method is case-sensitive")
    func method() {
        #expect(Codec.request("get / HTTP/1.1\r\nHost: a\r\n\r\n").message?.head.method == .other)
        #expect(Codec.request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message?.head.method == .get)
    }

    @Test(
        "3.2: no Host, several, or an invalid one get 400",
        arguments: ["X: y", "Host: a\r\nHost: a", "Host: a b", "Host: a/b", "Host: u@a"]
    )
    func host(lines: String) { #expect(Codec.request("GET / HTTP/1.1\r\n\(lines)\r\n\r\n").error?.status == 400) }

    @Test("3.2.1: origin form is path and query")
    func originForm() throws {
        let head = try #require(Codec.request("GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n").message)
            .head
        #expect(head.text(head.path) == "/where")
        #expect(head.query.map(head.text) == "q=now")
    }

    @Test("3.2.2: absolute form is accepted, and its host replaces the Host field")
    func absoluteForm() throws {
        let bytes = "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: other.example\r\n\r\n"
        let head = try #require(Codec.request(bytes).message).head
        #expect(head.text(head.authority) == "www.example.org")
        #expect(head.text(head.path) == "/pub/WWW/TheProject.html")
    }

    @Test("3.2.3: authority form is for CONNECT only, and needs a port")
    func authorityForm() throws {
        let head = try #require(
            Codec.request("CONNECT www.example.com:80 HTTP/1.1\r\nHost: www.example.com\r\n\r\n").message
        ).head
        #expect(head.text(head.authority) == "www.example.com:80")
        #expect(Codec.request("CONNECT www.example.com HTTP/1.1\r\nHost: a\r\n\r\n").error == .badTarget)
        #expect(Codec.request("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n").error == .badTarget)
        #expect(Codec.request("GET www.example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n").error == .badTarget)
    }

    @Test("3.2.4: asterisk form is for OPTIONS only")
    func asteriskForm() {
        #expect(Codec.request("OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\n\r\n").message?.head.isAsterisk == true)
        #expect(Codec.request("GET * HTTP/1.1\r\nHost: www.example.org\r\n\r\n").error == .badTarget)
    }

    @Test("3.2.4: OPTIONS in absolute form without path and query is forwarded as asterisk form")
    func asteriskByProxy() throws {
        let bytes = "OPTIONS http://www.example.org:8001 HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n"
        let head = try #require(Codec.request(bytes).message).head
        #expect(head.isAsterisk)
        #expect(head.text(head.path) == "*")
        #expect(head.text(head.authority) == "www.example.org:8001")
    }
}
