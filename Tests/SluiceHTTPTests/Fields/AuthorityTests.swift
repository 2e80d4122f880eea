import SluiceCore
import SluiceHTTP
import Testing

@Suite("uri-host and port (RFC 9110, section 7.2; RFC 3986, section 3.2.2)")
struct AuthorityTests {
    private func isValid(_ value: String, needsPort: Bool = false) -> Bool {
        wire(value).withUnsafeBytes { Authority.isValid($0, needsPort: needsPort) }
    }

    private func host(_ value: String) -> String {
        let bytes = wire(value)
        let range = bytes.withUnsafeBytes { Authority.hostRange($0, at: 1000) }
        guard range.start == 1000, Int(range.count) <= bytes.count else { return "out of range" }
        return text(bytes[..<Int(range.count)])
    }

    @Test(
        "valid, with the host that it names",
        arguments: [
            ("a", "a"), ("a.b-c.example", "a.b-c.example"), ("a:", "a"), ("a:0", "a"), ("a:80", "a"), ("a:65535", "a"),
            ("a:00001", "a"),
            ("192.0.2.1:8080", "192.0.2.1"), ("[::1]", "[::1]"), ("[::1]:", "[::1]"),
            ("[2001:db8::1]:443", "[2001:db8::1]"),
            ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"), ("a_b", "a_b"), ("%41", "%41"), ("a%2fb:1", "a%2fb"),
            ("999.999.999.999", "999.999.999.999"),
            ("-", "-"), (".", "."), ("a.", "a"), ("a.example.:80", "a.example"), ("a..", "a."),
            ("~!$&'()*+,;=", "~!$&'()*+,;="), ("[0:0:0:0:0:0:0:1]", "[0:0:0:0:0:0:0:1]"),
            ("[FFFF:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:1", "[FFFF:ffff:ffff:ffff:ffff:ffff:255.255.255.255]"),
        ]
    )
    func valid(value: String, expected: String) {
        #expect(isValid(value))
        #expect(host(value) == expected)
        let hasPort = value.utf8.count > expected.utf8.count + 1
        #expect(isValid(value, needsPort: true) == hasPort)
    }

    @Test(
        "invalid",
        arguments: TargetRefusalTests.badHosts.filter { !$0.allSatisfy { $0 == " " } } + [
            "[", "]", "[]", "[]:1", "[::1", "[::1]1", "[::1]]", "[1]", "[abcd]", "[1.2.3.4]", "[::1%eth0]", "[::1]%41",
            "[:::]", "[1::2::3]", "[12345::]",
            "[0000000000000000000000000000000000000000:1::]", "a:99999", "a:100000", "a:6553600000", "a:1a", "a:\u{0}",
            "\u{0}", "%", "%a", "%zz", "a%4",
        ]
    )
    func invalid(value: String) {
        #expect(!isValid(value))
        #expect(!isValid(value, needsPort: true))
    }

    @Test("each byte in a host", arguments: 0...255)
    func bytes(byte: Int) {
        let byte = UInt8(byte)
        let allowed = "!$&'()*+,-.;=_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let isAllowed = allowed.utf8.contains(byte)
        #expect(isValid("a\(text([byte]))b") == isAllowed)
        // In front of a colon it is part of the host, behind it of the port.
        #expect(isValid("\(text([byte])):1") == isAllowed)
        #expect(isValid("a:\(text([byte]))") == ASCII.isDigit(byte))
    }
}
