import SluiceCore
import Testing

@testable import SluiceTranscoding

/// What servers of reflection are asked, and what they may answer.
@Suite struct ReflectionTests {
    private func answer(_ bytes: [UInt8]) throws -> ReflectionMessage.Answer {
        try bytes.withUnsafeBytes { try ReflectionMessage.answer($0) }
    }

    private func field(_ number: UInt32, _ content: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        content.withUnsafeBytes { out.appendField(number, $0) }
        return out
    }

    private func file(_ name: String, _ imports: String...) -> [UInt8] {
        field(1, Array(name.utf8)) + imports.flatMap { field(3, Array($0.utf8)) }
    }

    @Test func questions() {
        #expect(ReflectionMessage.frame(.services) == [0, 0, 0, 0, 3, 0x3A, 1, 0x2A])
        #expect(ReflectionMessage.frame(.symbol("a.B")) == [0, 0, 0, 0, 5, 0x22, 3] + Array("a.B".utf8))
        #expect(ReflectionMessage.frame(.file("a")) == [0, 0, 0, 0, 3, 0x1A, 1, 0x61])
    }

    @Test func answers() throws {
        let services = field(6, field(1, field(1, Array("a.B".utf8))) + field(1, field(1, Array("c.D".utf8))))
        #expect(try answer(field(1, [0x78]) + services) == .services(["a.B", "c.D"]))
        #expect(try answer(field(4, field(1, [1, 2]) + field(1, []))) == .files([[1, 2], []]))
        #expect(try answer(field(7, [8, 5] + field(2, Array("none".utf8)))) == .failure("none"))
        #expect(try answer([]) == .failure("it said nothing"))
        #expect(throws: TranscodingError.self) { try answer([0x22, 5, 1]) }
        #expect(throws: TranscodingError.self) { try answer(field(6, [0x0A, 9])) }
    }

    @Test("what is imported is asked for, each file once")
    func files() throws {
        var files = ReflectedFiles()
        try files.add(file("a", "b", "c"))
        try files.add(file("a", "x"))
        #expect(files.missing() == ["b", "c"])
        try files.add(file("b", "c", "d"))
        #expect(files.missing() == ["d"])
        #expect(files.missing() == [] && files.files.count == 2)
    }

    @Test("a server that never stops is stopped")
    func bound() throws {
        var files = ReflectedFiles()
        for number in 0..<2000 { try files.add(file("\(number)")) }
        #expect(throws: TranscodingError.self) { try files.add(file("one more")) }
    }

    @Test("files that came one by one make the same pool as a set")
    func pool() throws {
        let set = Fixture.bytes("all.pb")
        var parts: [[UInt8]] = []
        try set.withRawBytes { (bytes) throws(TranscodingError) in
            var reader = WireReader(bytes)
            while let field = try reader.next() { parts.append(Array(reader.content(field))) }
        }
        let pool = try DescriptorPool(files: parts.reversed())
        #expect(Set(pool.services) == Set(Fixture.pool.services))
    }
}
