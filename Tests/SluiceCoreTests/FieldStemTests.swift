import NIOCore
import SluiceCore
import Testing

@Suite("Fields whose value comes with the request") struct FieldStemTests {
    @Test("they are written like others, and found under their name")
    func values() {
        var fields = HeaderTable()
        fields.append(name: "A".utf8, value: "b".utf8)
        fields.append(FieldStem("X-Name"), value: Array("some one".utf8))
        fields.append(FieldStem("Retry-After"), value: [])
        var out = ByteBuffer()
        fields.write(to: &out)
        #expect(String(buffer: out) == "A: b\r\nX-Name: some one\r\nRetry-After: \r\n")
        let index = fields.firstIndex(of: FieldKey("x-name"))
        #expect(index.map { fields.string(fields.entries[$0].valueRange) } == "some one")
        #expect(fields.has(.retryAfter))
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 1_234_567_890, UInt64(Int64.max), UInt64.max])
    func numbers(number: UInt64) {
        var fields = HeaderTable()
        fields.append(name: "X-Rest".utf8, value: "kept".utf8)
        let three = NumberFields("X-Most", "X-Left", "X-In")
        three.append([number, 7, number], to: &fields)
        var out = ByteBuffer()
        fields.write(to: &out)
        #expect(String(buffer: out) == "X-Rest: kept\r\nX-Most: \(number)\r\nX-Left: 7\r\nX-In: \(number)\r\n")
        #expect(three.value(of: 0, in: &fields).map { fields.string($0) } == "\(number)")
        #expect(three.value(of: 1, in: &fields).map { fields.string($0) } == "7")
        #expect(three.mayBe(in: &fields))
        three.remove(from: &fields)
        #expect(three.value(of: 2, in: &fields) == nil)
        #expect(fields.has(FieldKey("x-rest")))
    }

    @Test("a table without names of those lengths is not searched for them")
    func quickLook() {
        var fields = HeaderTable()
        let three = NumberFields("X-Most", "X-Left", "X-In")
        #expect(!three.mayBe(in: &fields))
        fields.append(name: "Content-Length".utf8, value: "1".utf8)
        fields.append(name: "X-Another".utf8, value: "1".utf8)
        #expect(!three.mayBe(in: &fields))
    }
}
