import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("ip_access") struct IPAccessFilterTests {
    private static let files = [
        "lists/office.txt": "# office\n10.0.0.0/8\n2001:db8::/32\n", "lists/bad.txt": "10.0.0.0/8\n10.0.0/8\n",
        "lists/none.txt": "# nobody today\n", "/etc/lists/drop.txt": "198.51.100.0/24 ; SBL1\n",
    ]

    private struct Missing: Error {}

    /// Reads a configuration in the folder `lists` with one filter.
    private func load(_ settings: String) -> (model: GatewayModel?, diagnostics: Diagnostics) {
        let text = "version: 1\nroutes: [{name: all, respond: {status: 200}}]\nfilters:\n  - ip_access: \(settings)\n"
        return NativeConfiguration.load(
            files: [ConfigFile(path: "lists/gateway.yaml", text: text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { name in
                guard let text = Self.files[name] else { throw Missing() }
                return Array(text.utf8)
            }
        )
    }

    private func filter(_ settings: String) throws -> any Filter {
        let loaded = load(settings)
        let findings = loaded.diagnostics.sorted.map(\.message)
        let model = try #require(loaded.model?.filters.first, "\(findings)")
        return try #require(model.configuration as? IPAccessConfiguration).makeFilter(.forTest())
    }

    private func passes(_ filter: any Filter, _ client: String?) -> Bool {
        let exchange = TestExchange()
        exchange.client = client.flatMap { IPAddress($0) }
        return filter.onRequest(exchange).isNext
    }

    @Test("deny comes first: it makes exceptions from allow, never the reverse")
    func denyFirst() throws {
        let filter = try filter("{allow: [10.0.0.0/8, 2001:db8::/32], deny: [10.1.0.0/16, 2001:db8:bad::/48]}")
        for (client, isAllowed) in [
            ("10.0.0.1", true), ("10.1.2.3", false), ("192.0.2.1", false), ("2001:db8::1", true),
            ("2001:db8:bad::1", false), ("2001:db9::1", false), ("::ffff:10.0.0.1", true), ("::ffff:10.1.0.1", false),
        ] {
            #expect(passes(filter, client) == isAllowed, "\(client)")
        }
        // The wider entry wins all the same.
        let reversed = try self.filter("{allow: [10.1.2.3], deny: [10.0.0.0/8]}")
        #expect(!passes(reversed, "10.1.2.3"))
    }

    @Test("with deny alone, everybody else may come")
    func denyOnly() throws {
        let filter = try filter("{deny: [198.51.100.0/24]}")
        #expect(!passes(filter, "198.51.100.7") && passes(filter, "198.51.101.7") && passes(filter, "2001:db8::1"))
    }

    @Test("a refusal is 403 with its own code, or the status that was asked for")
    func refusal() throws {
        for (settings, status) in [("{allow: [10.0.0.0/8]}", 403), ("{allow: [10.0.0.0/8], status: 404}", 404)] {
            let exchange = TestExchange()
            exchange.client = IPAddress("192.0.2.1")
            let reply = try #require(try filter(settings).onRequest(exchange).reply)
            #expect(reply.status == UInt16(status) && reply.error == .addressForbidden)
        }
    }

    @Test(
        "clients of a Unix socket have no address: they are on no list, unless the file says what they are",
        arguments: [
            ("{deny: [10.0.0.0/8]}", true), ("{allow: [0.0.0.0/0, '::/0']}", false),
            ("{allow: [10.0.0.0/8], unix: allow}", true), ("{deny: [10.0.0.0/8], unix: deny}", false),
            ("{allow: [10.0.0.0/8], deny: [10.1.0.0/16], unix: deny}", false),
        ]
    )
    func unix(settings: String, isAllowed: Bool) throws {
        #expect(passes(try filter(settings), nil) == isAllowed)
    }

    @Test("lists come from files too, from the folder of the configuration, and add to those in it")
    func files() throws {
        let filter = try filter("{allow: [192.0.2.0/24], allow_file: office.txt, deny_file: /etc/lists/drop.txt}")
        for (client, isAllowed) in [
            ("192.0.2.1", true), ("10.9.9.9", true), ("2001:db8::1", true), ("198.51.100.1", false),
            ("203.0.113.1", false),
        ] {
            #expect(passes(filter, client) == isAllowed, "\(client)")
        }
        #expect(passes(try self.filter("{deny_file: none.txt}"), "198.51.100.1"))
    }

    @Test("a line that is no network is shown in its own file, and the file is watched")
    func problemInAFile() throws {
        let diagnostics = load("{allow_file: bad.txt}").diagnostics
        let finding = try #require(diagnostics.sorted.first)
        #expect(diagnostics.errorCount == 1 && finding.code == .network)
        #expect(finding.span.place.file == "lists/bad.txt" && finding.span.place.line == 2 && finding.span.length == 8)
        let report = TextRenderer(sources: diagnostics.sources).render(diagnostics)
        let expected = """
            lists/bad.txt:2:1: error[SL027]: not a network: '10.0.0/8'
              10.0.0/8
              ^~~~~~~~
            help: one a line: 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32; '#' begins a comment
            1 error, 0 warnings

            """
        #expect(report == expected)
    }

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "SL011", "filter 'ip_access' restricts nobody"),
            ("{allow: []}", "SL013", "'allow' of filter 'ip_access' must not be empty"),
            ("{allow: [10.0.0.0/33]}", "SL027", "is not a network: '10.0.0.0/33'"),
            ("{deny: [localhost]}", "SL027", "is not a network: 'localhost'"),
            ("{allow_file: nowhere.txt}", "SL019", "the file 'nowhere.txt' cannot be read, or is larger than 16MiB"),
            (
                "{allow_file: none.txt}", "SL013",
                "the file 'none.txt' holds no network, so 'allow_file' of filter 'ip_access' would let nobody in"
            ),
            ("{allow: [10.0.0.0/8], unix: maybe}", "SL013", "'unix' of filter 'ip_access' cannot be 'maybe'"),
            (
                "{allow: [10.0.0.0/8], status: 500}", "SL015",
                "'status' of filter 'ip_access' must be from 400 to 499, not '500'"
            ),
        ]
    )
    func diagnostics(settings: String, code: String, message: String) {
        let findings = load(settings).diagnostics.sorted
        #expect(
            findings.contains { $0.code.rawValue == code && $0.message.contains(message) },
            "\(findings.map(\.message))"
        )
    }
}
