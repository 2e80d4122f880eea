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
        fields.append(FieldStem("N"), number: number)
        #expect(fields.string(fields.entries[0].valueRange) == "\(number)")
    }
}
