import NIOCore
import SluiceCore
import Testing

@Suite struct FieldKeyTests {
    private func table(_ names: String...) -> HeaderTable {
        var table = HeaderTable()
        for name in names { table.append(name: name.utf8, value: "v".utf8) }
        return table
    }

    @Test func knowsWellKnownNamesInAnyCase() {
        #expect(FieldKey("X-Request-ID").name == .xRequestID)
        #expect(FieldKey("X-Own").name == .other)
        #expect(FieldKey("X-Own").lowercased == Array("x-own".utf8))
        #expect(FieldKey("COOKIE") == FieldKey("cookie"))
    }

    @Test(arguments: ["Cookie", "X-Own"])
    func findsAndRemovesEveryFieldOfItsNameOnly(_ name: String) {
        var fields = table("a", name.uppercased(), "b", name.lowercased(), name + "s")
        let key = FieldKey(name)
        #expect(fields.firstIndex(of: key) == 1)
        #expect(fields.firstIndex(of: key, from: 2) == 3)
        #expect(fields.has(key))
        fields.remove(key)
        #expect(!fields.has(key))
        #expect(fields.count == 3)
    }

    @Test func aLineIsAFieldLikeAnyOther() {
        var fields = HeaderTable()
        fields.append(FieldLine(name: "Server".utf8, value: "sluice".utf8))
        fields.append(FieldLine(name: "X-Own".utf8, value: "".utf8))
        #expect(fields.value(of: .server).map { fields.string($0) } == "sluice")
        #expect(fields.firstIndex(of: FieldKey("x-own")).map { fields.entries[$0].valueCount } == 0)
        var out = ByteBuffer()
        fields.write(to: &out)
        #expect(String(buffer: out) == "Server: sluice\r\nX-Own: \r\n")
        fields.remove(FieldKey("server"))
        #expect(fields.count == 1)
    }
}
