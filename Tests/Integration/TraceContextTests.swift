import SluiceConfig
import SluiceFilters
import SluiceTesting
import Testing

/// The rules of W3C Trace Context (level 2) as the public test suite of w3c/trace-context asks for them, in words and
/// code of our own: what a service behind the gateway sees of what a client sent.
@Suite struct TraceContextTests {
    struct Case: Sendable, CustomTestStringConvertible {
        enum ID: Sendable { case kept, new }

        let testDescription: String
        let fields: [(String, String)]
        let id: ID
        /// What the upstream sees of `tracestate`; nil: no such field.
        let state: String?

        init(_ name: String, _ fields: [(String, String)], _ id: ID, state: String? = nil) {
            testDescription = name
            self.fields = fields
            self.id = id
            self.state = state
        }

        /// A case that is about `traceparent` alone.
        static func parent(_ name: String, _ values: String..., id: ID) -> Case {
            Case(name, values.map { ("traceparent", $0) }, id)
        }

        /// A case that is about `tracestate`, behind a good `traceparent`.
        static func state(_ name: String, _ values: String..., becomes state: String?) -> Case {
            Case(
                name,
                [("traceparent", "00-\(trace)-\(span)-00")] + values.map { ("tracestate", $0) },
                .kept,
                state: state
            )
        }
    }

    static let trace = "12345678901234567890123456789012"
    static let span = "1234567890123456"

    static let parents: [Case] = [
        Case("nothing", [], .new),
        .parent("a good one", "00-\(trace)-\(span)-01", id: .kept),
        .parent("two", "00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01", id: .new),
        .parent(
            "two different ones",
            "00-12345678901234567890123456789011-\(span)-01",
            "00-\(trace)-\(span)-01",
            id: .new
        ),
        Case("another name", [("trace-parent", "00-\(trace)-\(span)-01")], .new),
        Case("yet another name", [("trace.parent", "00-\(trace)-\(span)-01")], .new),
        Case("mixed case", [("TraceParent", "00-\(trace)-\(span)-01")], .kept),
        Case("odd case", [("TrAcEpArEnT", "00-\(trace)-\(span)-01")], .kept),
        Case("upper case", [("TRACEPARENT", "00-\(trace)-\(span)-01")], .kept),
        .parent("version 00 with a point behind", "00-\(trace)-\(span)-01.", id: .new),
        .parent("version 00 with more behind", "00-\(trace)-\(span)-01-what-the-future-will-be-like", id: .new),
        .parent("a later version", "cc-\(trace)-\(span)-01", id: .kept),
        .parent("a later version with more", "cc-\(trace)-\(span)-01-what-the-future-will-be-like", id: .kept),
        .parent("a later version with a point", "cc-\(trace)-\(span)-01.what-the-future-will-be-like", id: .new),
        .parent("the forbidden version", "ff-\(trace)-\(span)-01", id: .new),
        .parent("no version", ".0-\(trace)-\(span)-01", id: .new),
        .parent("half a version", "0.-\(trace)-\(span)-01", id: .new),
        .parent("version of three digits", "000-\(trace)-\(span)-01", id: .new),
        .parent("version of four digits", "0000-\(trace)-\(span)-01", id: .new),
        .parent("version of one digit", "0-\(trace)-\(span)-01", id: .new),
        .parent("no trace", "00-00000000000000000000000000000000-\(span)-01", id: .new),
        .parent("trace with a point first", "00-.2345678901234567890123456789012-\(span)-01", id: .new),
        .parent("trace with a point last", "00-1234567890123456789012345678901.-\(span)-01", id: .new),
        .parent("trace too long", "00-123456789012345678901234567890123-\(span)-01", id: .new),
        .parent("trace too short", "00-1234567890123456789012345678901-\(span)-01", id: .new),
        .parent("trace in capitals", "00-ABCDEF78901234567890123456789012-\(span)-01", id: .new),
        .parent("no parent", "00-\(trace)-0000000000000000-01", id: .new),
        .parent("parent with a point first", "00-\(trace)-.234567890123456-01", id: .new),
        .parent("parent with a point last", "00-\(trace)-123456789012345.-01", id: .new),
        .parent("parent too long", "00-\(trace)-12345678901234567-01", id: .new),
        .parent("parent too short", "00-\(trace)-123456789012345-01", id: .new),
        .parent("flags with a point first", "00-\(trace)-\(span)-.0", id: .new),
        .parent("flags with a point last", "00-\(trace)-\(span)-0.", id: .new),
        .parent("flags too long", "00-\(trace)-\(span)-001", id: .new),
        .parent("flags too short", "00-\(trace)-\(span)-1", id: .new),
        .parent("blank in front", " 00-\(trace)-\(span)-01", id: .kept),
        .parent("tab in front", "\t00-\(trace)-\(span)-01", id: .kept),
        .parent("blank behind", "00-\(trace)-\(span)-01 ", id: .kept),
        .parent("tab behind", "00-\(trace)-\(span)-01\t", id: .kept),
        .parent("blanks around", "\t 00-\(trace)-\(span)-01 \t", id: .kept),
        .parent("very long", "00-\(trace)-\(span)-01-" + String(repeating: "x", count: 4000), id: .new),
        .parent(
            "a later version, very long",
            "01-\(trace)-\(span)-01-" + String(repeating: "x", count: 4000),
            id: .kept
        ),
    ]

    static let states: [Case] = [
        Case("state without parent", [("tracestate", "foo=1")], .new),
        Case("state with a broken parent", [("traceparent", "00-\(trace)-x-01"), ("tracestate", "foo=1")], .new),
        .state("two members", "foo=1,bar=2", becomes: "foo=1,bar=2"),
        Case("another name", [("traceparent", "00-\(trace)-\(span)-00"), ("trace-state", "foo=1")], .kept),
        Case("odd case", [("traceparent", "00-\(trace)-\(span)-00"), ("TrAcEsTaTe", "foo=1")], .kept, state: "foo=1"),
        .state("an empty one", "", becomes: nil),
        .state("one and an empty one", "foo=1", "", becomes: "foo=1"),
        .state("an empty one and one", "", "foo=1", becomes: "foo=1"),
        .state(
            "several fields",
            "foo=1,bar=2",
            "rojo=1,congo=2",
            "baz=3",
            becomes: "foo=1,bar=2,rojo=1,congo=2,baz=3"
        ),
        .state("the same member twice", "foo=1,foo=1", becomes: nil),
        .state("the same key twice", "foo=1,foo=2", becomes: nil),
        .state("the same key in two fields", "foo=1", "foo=2", becomes: nil),
        .state("all characters", allCharacters, becomes: allCharacters),
        .state("blanks between", "foo=1 \t , \t bar=2, \t baz=3", becomes: "foo=1 \t , \t bar=2, \t baz=3"),
        .state("blanks around", "\t foo=1 \t", becomes: "foo=1"),
        .state("a blank in a key", "foo =1", becomes: nil),
        .state("capitals in a key", "FOO=1", becomes: nil),
        .state("a point in a key", "foo.bar=1", becomes: nil),
        .state("a key that begins with @", "@foo=1,bar=2", becomes: nil),
        // Level 2 has no rules for what stands around an @ any more.
        .state("@ anywhere else", "foo@=1,b@@c=2,d@e@f=3", becomes: "foo@=1,b@@c=2,d@e@f=3"),
        .state("32 members", members(1...20), members(21...32), becomes: members(1...20) + "," + members(21...32)),
        .state("33 members", members(1...20), members(21...33), becomes: nil),
        .state("a key of 256", "foo=1", key(256) + "=1", becomes: "foo=1," + key(256) + "=1"),
        .state("a key of 257", "foo=1", key(257) + "=1", becomes: nil),
        .state("two equals signs", "foo=bar=baz", becomes: nil),
        .state("no value", "foo=,bar=3", becomes: nil),
        .state("more than goes on", key(256) + "=" + key(256), "foo=1", becomes: "foo=1"),
    ]

    private static let allCharacters =
        "abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/=" + "!\"#$%&'()*+-./0123456789:;<"
        + ">?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

    private static func members(_ range: ClosedRange<Int>) -> String {
        range.map { "bar\($0)=\($0)" }.joined(separator: ",")
    }

    private static func key(_ count: Int) -> String { String(repeating: "z", count: count) }

    private static func model(_ origin: ScriptedOrigin) -> GatewayModel {
        .forwarding(to: origin.address) {
            $0.filters = [FilterModel(name: "trace", place: .builtIn, configuration: TraceConfiguration())]
        }
    }

    /// The parts of the one `traceparent` of a request.
    private func parts(_ request: HTTPMessage) throws -> [String] {
        let values = request.all("traceparent")
        let value = try #require(values.count == 1 ? values[0] : nil, "\(values)")
        let parts = value.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        #expect(parts.map(\.count) == [2, 32, 16, 2])
        #expect(parts.joined().allSatisfy { "0123456789abcdef".contains($0) })
        #expect(parts[0] == "00" && parts[1] != String(repeating: "0", count: 32) && parts[2] != "0000000000000000")
        return parts
    }

    @Test(arguments: parents + states)
    func upstreamSees(_ rule: Case) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin)) { gateway in
            let lines = rule.fields.map { "\($0.0): \($0.1)" }
            let request = Wire.message("GET / HTTP/1.1", ["Host: a.test"] + lines)
            let seen = try gateway.exchange(request, with: origin).request
            let parts = try parts(seen)
            switch rule.id {
            case .kept: #expect(parts[1] == Self.trace)
            case .new:
                #expect(parts[1] != Self.trace)
                #expect(!rule.fields.contains { $0.1.contains(parts[1]) })
            }
            #expect(parts[2] != Self.span)
            #expect(seen.all("tracestate") == (rule.state.map { [$0] } ?? []))
        }
    }

    @Test func everyRequestHasAParentOfItsOwn() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin)) { gateway in
            for fields in [[], ["traceparent: 00-\(Self.trace)-\(Self.span)-01"], ["traceparent: 00-x"]] {
                var spans: Set<String> = []
                for _ in 0..<3 {
                    let request = Wire.message("GET / HTTP/1.1", ["Host: a.test"] + fields)
                    spans.insert(try parts(gateway.exchange(request, with: origin).request)[2])
                }
                #expect(spans.count == 3)
            }
        }
    }

    @Test(arguments: ["00", "01", "02", "03"])
    func flagsGoOn(_ flags: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin)) { gateway in
            let request = Wire.get("/", "traceparent: 00-\(Self.trace)-\(Self.span)-\(flags)")
            let seen = try parts(gateway.exchange(request, with: origin).request)
            #expect(seen[3] == flags)
        }
    }

    /// A client cannot have the gateway take the trace out by naming its fields in `Connection`.
    @Test func nominatedFieldsAreGoneBeforeTheFilterLooks() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin)) { gateway in
            let request = Wire.get(
                "/",
                "Connection: traceparent, tracestate",
                "traceparent: 00-\(Self.trace)-\(Self.span)-01",
                "tracestate: a=1"
            )
            let seen = try gateway.exchange(request, with: origin).request
            #expect(try parts(seen)[1] != Self.trace)
            #expect(seen.all("tracestate") == [])
        }
    }
}
