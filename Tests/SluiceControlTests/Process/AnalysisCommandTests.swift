import SluiceTesting
import Testing

/// `explain`, `diff`, `completion` and `check --strict` as they are typed.
@Suite(.enabled(if: Binary.isThere, "the sluice binary has not been built")) struct AnalysisCommandTests {
    private static let config = """
        version: 1
        listeners: [{name: main, address: "127.0.0.1:0"}]
        routes: [{name: it, match: {prefix: /a, headers: {x: "1"}}, respond: {body: "one"}}]

        """

    private static let words: [(words: [String], status: Int32, start: String)] = [
        (["explain", "-c", "GOOD", "GET", "http://a/a", "-H", "x: 1"], 0, "GET http://a/a\n\nlistener  main"),
        (["explain", "GET", "http://a/a", "-c", "GOOD", "-H", "x: 1", "--client", "192.0.2.1"], 0, "GET http://a/a\n"),
        (["explain", "-H", "x: 1", "-c", "GOOD", "--format", "json", "GET", "/a"], 0, "{\n  \"outcome\": \"route\""),
        (["explain", "-c", "GOOD", "GET", "/a"], 2, "GET /a\n"),
        (["explain", "-c", "BAD", "GET", "/a"], 1, ""), (["explain", "-c", "GOOD", "GET"], 64, ""),
        (["explain", "GET", "/"], 64, ""), (["explain", "-c", "GOOD", "GET", "/", "--listener", "none"], 64, ""),
        (["diff", "GOOD", "GOOD"], 0, "equal: "),
        (
            ["diff", "GOOD", "OTHER", "--format", "json"], 2,
            "{\n  \"equal\": false"
        ),
        (["diff", "GOOD", "BAD"], 1, ""), (["diff", "GOOD"], 64, ""),
        (["completion", "bash"], 0, "#!/bin/bash"), (["completion", "zsh"], 0, "#compdef sluice"),
        (["completion", "fish"], 0, "function __sluice"), (["completion", "tcsh"], 64, ""),
        (["check", "-c", "WARNED"], 0, "WARNED:4"), (["check", "-c", "WARNED", "--strict"], 1, "WARNED:4"),
        (["check", "-c", "GOOD", "--strict"], 0, "ok: "),
    ]

    @Test(arguments: words.indices)
    func typed(_ index: Int) throws {
        let (words, status, start) = Self.words[index]
        let folder = try TemporaryFolder()
        let files = [
            "GOOD": Self.config, "BAD": Self.config + "rutes: []\n",
            "OTHER": Self.config.replacing("one", with: "two"),
            "WARNED": Self.config + "upstreams: {unused: {url: \"http://127.0.0.1:1\"}}\n",
        ]
        for (name, text) in files { try TextFile.write(text, to: folder.path(name)) }
        let binary = try Binary(words.map { files[$0] == nil ? $0 : folder.path($0) }, reading: .output)
        let output = try binary.readAll().replacing(folder.path(""), with: "")
        #expect(output.hasPrefix(start), "\(words): \(output)")
        #expect(try binary.wait() == status, "\(words)")
    }

    @Test("no command shows the password of a URL, refused or taken")
    func passwords() throws {
        let keys = "{jwt: {issuer: a, audiences: [a], jwks: {url: \"https://alice:hidden@example.com/keys\"}}}"
        let bad = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            upstreams: {a: {url: "http://alice:hidden@example.com"}}
            telemetry: {tracing: "http://alice:hidden@collector"}
            routes: [{name: it, match: {prefix: /}, upstream: a, filters: [\(keys)]}]

            """
        let folder = try TemporaryFolder()
        let (refused, taken, other) = (folder.path("refused"), folder.path("taken"), folder.path("other"))
        try TextFile.write(bad, to: refused)
        let redirect = Self.config.replacing(
            "respond: {body: \"one\"}",
            with: "redirect: {to: \"https://a:hidden@b/\"}"
        )
        try TextFile.write(redirect, to: taken)
        try TextFile.write(redirect.replacing("hidden", with: "hidden2"), to: other)
        let commands = [
            ["check", "-c", refused], ["check", "-c", refused, "--format", "json"], ["run", "-c", refused],
            ["explain", "-c", refused, "GET", "/"], ["diff", refused, taken], ["diff", taken, refused],
            ["check", "-c", taken], ["explain", "-c", taken, "GET", "/a", "-H", "x: 1"],
            ["explain", "-c", taken, "GET", "/a", "-H", "x: 1", "--format", "json"], ["diff", taken, other],
            ["diff", taken, other, "--format", "json"],
        ]
        for words in commands {
            for stream in [Binary.Stream.output, .errors] {
                let binary = try Binary(words, reading: stream)
                let output = try binary.readAll()
                #expect(!output.contains("hidden"), "\(words): \(output)")
                _ = try binary.wait()
            }
        }
    }

    @Test("files and choices are completed")
    func completion() throws {
        let script = try Binary(["completion", "bash"], reading: .output).readAll()
        for word in ["explain", "diff", "yaml", "json", "TRACE", "fish", "--strict", "--listener"] {
            #expect(script.contains(word), "\(word)")
        }
    }
}
