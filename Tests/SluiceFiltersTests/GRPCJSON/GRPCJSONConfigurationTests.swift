import SluiceConfig
import SluiceFilters
import Testing

/// What `check` says of `grpc_json` beyond single values; see also Tests/Golden/filters/grpc_json.case.
@Suite struct GRPCJSONConfigurationTests {
    private func findings(_ upstream: String, _ filter: String = "grpc_json") -> [String] {
        FilterFile(
            text: """
                version: 1
                listeners: [{name: main, address: "127.0.0.1:0"}]
                upstreams: {a: {endpoints: [{address: "127.0.0.1:1"}]\(upstream)}}
                routes: [{name: r, upstream: a, timeout: 1s, filters: [{\(filter): {descriptor: library.pb}}]}]

                """
        ).findings
    }

    @Test("the upstream needs HTTP/2, but not that of grpc_to_rest")
    func upstream() {
        let wanted =
            "4:30 SL128 route 'r' has 'grpc_json', which needs HTTP/2, but upstream 'a' speaks HTTP/1.1 (add 'protocol: http2' to the upstream)"
        #expect(findings("") == [wanted])
        #expect(findings(", protocol: http2") == [])
        #expect(findings("", "grpc_to_rest") == [])
    }

    @Test(
        "so it does behind a grpc_json of all routes, but not where a route has another filter or what passes untranslated"
    )
    func global() {
        func findings(_ filter: String, _ route: String = "", _ upstream: String = "") -> [String] {
            FilterFile(
                text: """
                    version: 1
                    listeners: [{name: main, address: "127.0.0.1:0"}]
                    upstreams: {a: {endpoints: [{address: "127.0.0.1:1"}]\(upstream)}}
                    filters: [{grpc_json: {descriptor: library.pb\(filter)}}]
                    routes: [{name: r, upstream: a, timeout: 1s\(route)}]

                    """
            ).findings
        }
        #expect(
            findings("") == [
                "5:30 SL128 route 'r' is behind 'grpc_json' of all routes, which needs HTTP/2, but upstream 'a' speaks HTTP/1.1 (add 'protocol: http2' to the upstream)"
            ]
        )
        #expect(findings("", "", ", protocol: http2") == [])
        #expect(findings(", unmatched: pass") == [])
        // The route's own takes the place of the global one.
        let own = findings(", unmatched: pass", ", filters: [{grpc_json: {descriptor: library.pb}}]")
        #expect(own.count == 1 && own[0].contains("has 'grpc_json'"), "\(own)")
    }

    @Test("an upstream that is asked for descriptors must be there")
    func reflection() {
        let file = FilterFile("grpc_json: {reflection: {upstream: nowhere}}")
        #expect(file.findings.contains { $0.contains("SL033") && $0.contains("nowhere") }, "\(file.findings)")
    }

    @Test("it runs ahead of all others, and says what it does")
    func order() throws {
        let model = try #require(
            FilterFile("key_auth: {}", #"cors: {origins: ["*"]}"#, "grpc_json: {descriptor: library.pb}").model
        )
        let names = FilterOrder.effective(model.filters) { type(of: $0.configuration).role }.map(\.name)
        #expect(names == ["grpc_json", "cors", "key_auth"])
        #expect(model.filters[2].configuration.effects.first == "request: turn REST into gRPC by 4 bindings")
    }
}
