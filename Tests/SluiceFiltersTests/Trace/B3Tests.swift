import SluiceCore
import Testing

@testable import SluiceFilters

@Suite struct B3Tests {
    private static let trace = "80f198ee56343ba864fe8b2a57d3eff7"
    private static let span = "e457b5a2e4d86bd1"

    private func read(_ fields: [(String, String)]) -> B3.Incoming? {
        var table = HeaderTable()
        for (name, value) in fields { table.append(name: name.utf8, value: value.utf8) }
        let found = TraceFields(&table, withB3: true)
        return B3.read(table, found)
    }

    private func context(_ isSampled: Bool?, high: UInt64 = 0x80f1_98ee_5634_3ba8) -> B3.Incoming {
        .context(
            TraceContext(
                id: TraceID(high: high, low: 0x64fe_8b2a_57d3_eff7),
                parent: 0xe457_b5a2_e4d8_6bd1,
                isSampled: isSampled
            )
        )
    }

    @Test func readsTheSingleField() {
        #expect(read([("b3", "\(Self.trace)-\(Self.span)-1-05e3ac9a4f6e3b90")]) == context(true))
        #expect(read([("B3", "\(Self.trace)-\(Self.span)-1")]) == context(true))
        #expect(read([("b3", "\(Self.trace)-\(Self.span)-d")]) == context(true))
        #expect(read([("b3", "\(Self.trace)-\(Self.span)-0")]) == context(false))
        #expect(read([("b3", "\(Self.trace)-\(Self.span)")]) == context(nil))
        #expect(read([("b3", "64fe8b2a57d3eff7-\(Self.span)")]) == context(nil, high: 0))
        #expect(read([("b3", "\(Self.trace.uppercased())-\(Self.span)")]) == context(nil))
        #expect(read([("b3", "0")]) == .decision(isSampled: false))
        #expect(read([("b3", "1")]) == .decision(isSampled: true))
        #expect(read([("b3", "d")]) == .decision(isSampled: true))
    }

    @Test func readsTheSeveralFields() {
        let ids = [("X-B3-TraceId", Self.trace), ("X-B3-SpanId", Self.span)]
        #expect(read(ids) == context(nil))
        #expect(read(ids + [("X-B3-Sampled", "1")]) == context(true))
        #expect(read(ids + [("x-b3-sampled", "0")]) == context(false))
        #expect(read(ids + [("x-b3-sampled", "true"), ("x-b3-parentspanid", "05e3ac9a4f6e3b90")]) == context(true))
        #expect(read(ids + [("x-b3-sampled", "FALSE")]) == context(false))
        #expect(read(ids + [("x-b3-flags", "1")]) == context(true))
        #expect(read(ids + [("x-b3-flags", "0")]) == context(nil))
        #expect(read([("x-b3-sampled", "0")]) == .decision(isSampled: false))
        #expect(read([("x-b3-flags", "1")]) == .decision(isSampled: true))
    }

    @Test func theSingleFieldWins() {
        let several = [("x-b3-traceid", "1111111111111111"), ("x-b3-spanid", "2222222222222222")]
        #expect(read(several + [("b3", "\(Self.trace)-\(Self.span)-1")]) == context(true))
    }

    @Test(arguments: [
        [("b3", "")], [("b3", "2")], [("b3", "\(trace)")], [("b3", "\(trace)-")], [("b3", "\(trace)-\(span)-")],
        [("b3", "\(trace)-\(span)-2")], [("b3", "\(trace)-\(span)-1-")], [("b3", "\(trace)-\(span)-1-x")],
        [("b3", "\(trace)-\(span)-1-\(span)-1")], [("b3", "\(trace)0-\(span)-1")], [("b3", "\(trace)-\(span)0-1")],
        [("b3", "00000000000000000000000000000000-\(span)-1")], [("b3", "0000000000000000-\(span)-1")],
        [("b3", "\(trace)-0000000000000000-1")], [("b3", "g0f198ee56343ba864fe8b2a57d3eff7-\(span)-1")],
        [("b3", "\(trace)-\(span)-1"), ("b3", "\(trace)-\(span)-1")],
        [("x-b3-traceid", trace)], [("x-b3-spanid", span)], [("x-b3-sampled", "yes")], [("x-b3-sampled", "d")],
        [("x-b3-traceid", trace), ("x-b3-spanid", "")], [("x-b3-traceid", "1"), ("x-b3-spanid", span)],
        [("x-b3-traceid", trace), ("x-b3-traceid", trace), ("x-b3-spanid", span)],
        [("x-b3-traceid", trace), ("x-b3-spanid", span), ("x-b3-sampled", "2")], [("x-b3-flags", "2")],
    ])
    func ignoresEverythingElse(_ fields: [(String, String)]) { #expect(read(fields) == nil) }

    @Test func writesIDsAsLongAsTheyAre() {
        let id = TraceID(high: 0, low: 0x64fe_8b2a_57d3_eff7)
        #expect(String(decoding: B3.traceID(id), as: UTF8.self) == "64fe8b2a57d3eff7")
        let single = B3.single(TraceID(high: 1, low: 2), span: 3, isSampled: false)
        #expect(String(decoding: single, as: UTF8.self) == "00000000000000010000000000000002-0000000000000003-0")
    }
}
