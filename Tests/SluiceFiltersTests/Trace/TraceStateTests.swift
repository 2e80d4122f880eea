import SluiceCore
import Testing

@testable import SluiceFilters

/// W3C Trace Context level 2, section 3.3.
@Suite struct TraceStateTests {
    /// What goes on of these fields; nil: nothing.
    private func judge(_ values: [String], name: String = "tracestate") -> String? {
        var fields = HeaderTable()
        fields.append(name: "accept".utf8, value: "*/*".utf8)
        for value in values { fields.append(name: name.utf8, value: value.utf8) }
        var state = TraceState()
        let found = TraceFields(&fields, withB3: false)
        // Twice, since the list is used again and again.
        _ = state.judge(fields, found.state)
        switch state.judge(fields, found.state) {
        case .none: return nil
        case .asItCame: return values.first
        case .rewritten(let bytes): return String(decoding: bytes, as: UTF8.self)
        }
    }

    private static let members = (1...33).map { "k\($0)=\($0)" }

    @Test(arguments: [
        ["foo=1"], ["foo=1,bar=2"], ["foo=1 \t , \t bar=2, \t baz=3"], ["foo=1,,bar=2"], [",foo=1,"], ["0foo=1"],
        ["foo@=1,bar=2"], ["foo@@bar=1"], ["foo@bar@baz=1"], ["f_-*/@9=1"], ["foo= leading space stays"],
        ["foo=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"], [members.prefix(32).joined(separator: ",")],
        [String(repeating: "z", count: 255) + "=" + String(repeating: "v", count: 256)],
    ])
    func leavesAGoodListAsItCame(_ values: [String]) { #expect(judge(values) == values.first) }

    @Test(arguments: [
        (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (["foo=1", ""], "foo=1"), (["", "foo=1"], "foo=1"), (["a=1 , b=2\t", "\tc=3"], "a=1,b=2,c=3"),
        (["a=1,,", ",b=2"], "a=1,b=2"),
    ])
    func joinsSeveralFields(_ values: [String], _ joined: String) { #expect(judge(values) == joined) }

    @Test func namesInCapitalsAreWrittenAnew() { #expect(judge(["a=1 ,b=2"], name: "TraceState") == "a=1,b=2") }

    private static let dropped: [[String]] = [
        [], [""], ["  "], [","], [" , \t,"], ["foo"], ["foo="], ["=1"], ["foo=1,bar"], ["foo=,bar=3"], ["foo =1"],
        ["FOO=1"], ["foo.bar=1"], ["@foo=1,bar=2"], ["_foo=1"], ["foo=bar=baz"], ["foo=b\tr"], ["foo=b\u{e4}r"],
        ["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=1"], ["foo=1", "foo=2"],
        [String(repeating: "z", count: 257) + "=1", "foo=1"], ["foo=" + String(repeating: "v", count: 257)],
        [members.joined(separator: ",")],
        [members.prefix(20).joined(separator: ","), members.suffix(13).joined(separator: ",")],
        ["foo=1;bar=2", "foo=2"],
    ]

    @Test(arguments: dropped)
    func dropsEverythingElse(_ values: [String]) { #expect(judge(values) == nil) }

    @Test func longMembersGoFirstAndThenTheLastOnes() {
        let long = "long=" + String(repeating: "v", count: 200)
        let short = (0..<5).map { "short\($0)=" + String(repeating: "s", count: 90) }
        // 205 + 5 * 98 with commas are too many: without the long one the rest fits.
        let all = [short[0], long, short[1], short[2], short[3], short[4]]
        #expect(judge([all.joined(separator: ",")]) == short.joined(separator: ","))
        // With a sixth short one that is not enough.
        let more = all + ["last=" + String(repeating: "l", count: 80)]
        #expect(judge([more.joined(separator: ",")]) == short.joined(separator: ","))
        #expect(short.joined(separator: ",").utf8.count <= TraceState.maximumBytes)
    }

    @Test func oneMemberThatIsTooLongAloneGoes() {
        let key = String(repeating: "k", count: 256)
        let value = String(repeating: "v", count: 256)
        #expect(judge(["\(key)=\(value)", "a=1"]) == "a=1")
        // Nothing is left, and an empty field is not sent.
        #expect(judge(["\(key)=\(value)"]) == nil)
    }

    @Test func onlyTheNameItselfCounts() {
        #expect(judge(["a=1"], name: "trace-state") == nil)
        #expect(judge(["a=1"], name: "trace.state") == nil)
    }
}
