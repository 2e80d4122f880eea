import Testing

@testable internal import SluiceConfig

@Suite("User and password of a URL are shown nowhere") struct CredentialsTests {
    @Test(
        arguments: [
            ("http://alice:secret@example.com:4318/x", "http://***@example.com:4318/x"),
            ("https://secret@example.com", "https://***@example.com"),
            ("is not a URL: 'http://alice:secret@example.com'", "is not a URL: 'http://***@example.com'"),
            ("otlp: http://alice:se'cr\"et@example.com", "otlp: http://***@example.com"),
            (
                "{\"a\":\"http://alice:secret@a\",\"b\":\"http://bob:secret@b\"}",
                "{\"a\":\"http://***@a\",\"b\":\"http://***@b\"}"
            ),
            ("http://alice:secret@one,http://bob:secret@two", "http://***@one,http://***@two"),
            ("http://alice:sec/ret@example.com/x", "http://***@example.com/x"),
            ("http://alice:sec?ret@example.com", "http://***@example.com"),
            ("http://al:ice:se@cret@example.com", "http://***@example.com"),
            ("HTTP://alice:secret@[::1]:80/", "HTTP://***@[::1]:80/"),
            ("redis://:secret@example.com:6379/0", "redis://***@example.com:6379/0"),
            ("alice:secret@example.com:4318", "***@example.com:4318"),
            ("otlp: 'alice:secret@example.com:4318'", "otlp: '***@example.com:4318'"),
        ]
    )
    func hides(text: String, shown: String) {
        #expect(Credentials.hidden(in: text) == shown)
        #expect(!Credentials.hidden(in: text).contains("secret"))
    }

    @Test(
        arguments: [
            "https://example.com/@alice/x", "http://[fe80::a]/@x", "http://[::1]:80/a@b", "alice@example.com",
            "at 12:30, ask ops@example.com", "a: @b", "/a:b@c", "x", "",
        ]
    )
    func leaves(text: String) { #expect(Credentials.hidden(in: text) == text) }

    @Test("also where the value is longer than what is shown of it")
    func short() {
        let long = String(repeating: "secret", count: 20)
        #expect(Printable.short("http://alice:\(long)@example.com") == "http://***@example.com")
    }

    @Test(
        "a refused URL is reported without them, in the excerpt too",
        arguments: ["http://alice:secret@example.com:4318", "http://alice:sec/ret@x", "alice:secret@example.com:4318"]
    )
    func refused(url: String) {
        let places = [
            "telemetry: {tracing: {otlp: '\(url)'}}",
            "telemetry:\n  tracing: \(url)",
            "upstreams: {a: {url: '\(url)'}}",
            "upstreams: {a: {endpoints: [\"\(url)\"]}}",
            "upstreams: {a: {endpoints: [{address: \(url)}]}}",
            "listeners: [{address: \(url)}]",
            "upstreams: {\"\(url)\": {url: http://b}, \"\(url)\": {url: http://b}}",
            "routes: [{name: a, match: {hosts: ['\(url)']}, redirect: {to: '\(url)'}}]",
            "unknown: \(url)",
            "\"\(url)\": unknown",
            "a: '\(url)",
        ]
        for text in places {
            let diagnostics = load("version: 1\n\(text)\n").diagnostics
            #expect(diagnostics.hasErrors, "\(text)")
            let shown = diagnostics.text + JSONRenderer.render(diagnostics)
            #expect(!shown.contains("sec"), "\(text): \(shown)")
            #expect(!shown.contains("ret"), "\(text): \(shown)")
        }
    }
}
