import SluiceCore
import SwiftProtobuf
import Testing

@testable import SluiceTranscoding

@Suite struct DescriptorPoolTests {
    private let pool = Fixture.pool

    private func field(_ name: String, of message: String) throws -> FieldEntry {
        let type = try #require(pool.message(named: message))
        return pool.fields[try #require(pool.field(named: name, of: type))]
    }

    private func problems(_ make: () throws(DescriptorError) -> DescriptorPool) -> [String] {
        do {
            _ = try make()
            return []
        } catch {
            return error.problems
        }
    }

    // MARK: - Fields

    @Test(arguments: [("anInt32", "an_int32"), ("otherName", "renamed"), ("aDouble", "a_double")])
    func `a field is found by either of its names`(_ json: String, _ proto: String) throws {
        let type = try #require(pool.message(named: "sluice.test.Scalars"))
        let place = try #require(pool.field(named: json, of: type))
        #expect(pool.field(named: proto, of: type) == place)
        #expect(pool.jsonName(ofField: place) == json)
        #expect(pool.protoName(ofField: place) == proto)
        #expect(pool.field(named: json + "x", of: type) == nil)
    }

    @Test func `a field is found by number, in front of a gap and behind it`() throws {
        let type = try #require(pool.message(named: "sluice.test.Kitchen"))
        let message = pool.messages[type]
        for place in message.fields {
            #expect(pool.field(number: pool.fields[place].number, of: message) == place)
        }
        for number in [UInt32(22), 29, 39, 49, 57, 99_999, 100_001, 536_870_911] {
            #expect(pool.field(number: number, of: message) == nil, "\(number)")
        }
        #expect(message.denseCount == 21)
    }

    @Test func `proto3: presence of messages, optionals and oneofs, packing of numbers`() throws {
        let kitchen = "sluice.test.Kitchen"
        #expect(try field("maybe", of: kitchen).hasPresence)
        #expect(try field("maybe", of: kitchen).oneof == -1)
        #expect(try field("text", of: kitchen).hasPresence)
        #expect(try field("text", of: kitchen).oneof == 0)
        #expect(try field("scalars", of: kitchen).hasPresence)
        #expect(try !field("last", of: kitchen).hasPresence)
        #expect(try field("ints", of: kitchen).shape == .packed)
        #expect(try field("loose", of: kitchen).shape == .list)
        #expect(try field("texts", of: kitchen).shape == .list)
        #expect(try field("counts", of: kitchen).shape == .map)
        #expect(try field("colors", of: kitchen).shape == .packed)
    }

    @Test func `proto2: presence of everything, groups, closed enums, extensions`() throws {
        let old = "sluice.legacy.Old"
        #expect(try field("id", of: old).hasPresence)
        #expect(try field("number", of: old).hasPresence)
        #expect(try field("loose", of: old).shape == .list)
        #expect(try field("tight", of: old).shape == .packed)
        #expect(try field("data", of: old).kind == .group)
        #expect(try field("[sluice.legacy.note]", of: old).number == 100)
        let closed = Int(try field("closed", of: old).type)
        #expect(pool.enums[closed].isClosed)
        let color = Int(try field("aColor", of: "sluice.test.Scalars").type)
        #expect(!pool.enums[color].isClosed)
    }

    @Test func `editions: features of file and field decide`() throws {
        let new = "sluice.modern.New"
        #expect(try field("present", of: new).hasPresence)
        #expect(try !field("implicit", of: new).hasPresence)
        #expect(try field("packed", of: new).shape == .packed)
        #expect(try field("expanded", of: new).shape == .list)
        #expect(try field("delimited", of: new).kind == .group)
        #expect(try pool.enums[Int(field("shut", of: new).type)].isClosed)
    }

    @Test func `of two names of one number the first is printed, and both are read`() throws {
        let alias = Int(try field("anAlias", of: "sluice.test.Scalars").type)
        let value = try #require(pool.value(number: 1, of: alias))
        #expect(pool.text(value.quoted) == "\"FIRST\"")
        for name in ["FIRST", "ALSO_FIRST"] {
            #expect(Array(name.utf8).withUnsafeBytes { pool.number(ofValue: $0, in: alias, folded: false) } == 1)
        }
        #expect(Array("first".utf8).withUnsafeBytes { pool.number(ofValue: $0, in: alias, folded: false) } == nil)
        #expect(Array("first".utf8).withUnsafeBytes { pool.number(ofValue: $0, in: alias, folded: true) } == 1)
    }

    // MARK: - Services

    @Test func `services have their methods, with streams and rules`() throws {
        #expect(pool.services == ["sluice.library.Library"])
        let methods = pool.methods(of: "sluice.library.Library")
        let get = try #require(methods.first { $0.name == "GetBook" })
        #expect(get.path == "/sluice.library.Library/GetBook")
        #expect(get.rule?.method == "GET")
        #expect(get.rule?.path == "/v1/{name=shelves/*/books/*}")
        #expect(get.rule?.additionalBindings.map(\.path) == ["/v1/books/{name}"])
        let list = try #require(methods.first { $0.name == "ListBooks" })
        #expect(list.rule?.responseBody == "books")
        let purge = try #require(methods.first { $0.name == "PurgeBooks" })
        #expect(purge.rule?.method == "PURGE")
        let talk = try #require(methods.first { $0.name == "Talk" })
        #expect(talk.streamsRequests && talk.streamsResponses)
        let bare = try #require(methods.first { $0.name == "Bare" })
        #expect(bare.rule == nil)
    }

    @Test func `types that nobody imports are known, and those of the set go first`() {
        for name in ["google.rpc.Status", "google.rpc.ErrorInfo", "google.rpc.BadRequest.FieldViolation"] {
            #expect(pool.message(named: name) != nil, "\(name)")
        }
        let structures = pool.messages.filter { pool.text($0.name) == "google.protobuf.Duration" }
        #expect(structures.count == 1)
    }

    // MARK: - Mistakes

    @Test func `a set without its imports says so for each field and method`() {
        let problems = problems { () throws(DescriptorError) in
            try DescriptorPool(descriptorSet: Fixture.bytes("bare.pb"))
        }
        #expect(
            problems.contains(
                "file library.proto, message sluice.library.Chunk, field file: type .google.api.HttpBody is not in the "
                    + "set; did you forget --include_imports?"
            )
        )
        #expect(problems.count > 2)
    }

    @Test(arguments: [[], [0xFF, 0xFF], Array("not a descriptor set".utf8)] as [[UInt8]])
    func `what is no descriptor set is refused`(_ bytes: [UInt8]) {
        let problems = problems { () throws(DescriptorError) in try DescriptorPool(descriptorSet: bytes) }
        #expect(problems.count == 1)
    }

    @Test func `files of server reflection make the same pool, also when one comes twice`() throws {
        let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: Fixture.bytes("all.pb"))
        let files = try (set.file + set.file.prefix(3)).map { try [UInt8]($0.serializedBytes() as [UInt8]) }
        let other = try DescriptorPool(files: files)
        #expect(other.messages.count == pool.messages.count)
        #expect(other.fields.count == pool.fields.count)
    }

    @Test func `a type that is declared twice is an error`() throws {
        var set = try Google_Protobuf_FileDescriptorSet(serializedBytes: Fixture.bytes("all.pb"))
        var copy = try #require(set.file.first { $0.name == "kitchen.proto" })
        copy.name = "copy.proto"
        set.file.append(copy)
        let bytes: [UInt8] = try set.serializedBytes()
        let problems = problems { () throws(DescriptorError) in try DescriptorPool(descriptorSet: bytes) }
        #expect(problems.contains("file copy.proto: sluice.test.Color is declared twice"))
    }

    @Test func `a well-known type with other fields is an error`() throws {
        var set = try Google_Protobuf_FileDescriptorSet(serializedBytes: Fixture.bytes("all.pb"))
        let at = try #require(set.file.firstIndex { $0.name == "google/protobuf/timestamp.proto" })
        set.file[at].messageType[0].field[0].type = .string
        let bytes: [UInt8] = try set.serializedBytes()
        let problems = problems { () throws(DescriptorError) in try DescriptorPool(descriptorSet: bytes) }
        #expect(
            problems == [
                "message google.protobuf.Timestamp is not the type that google/protobuf defines under this name"
            ]
        )
    }

    @Test(arguments: [
        ("nam", "; did you mean 'name'?"), ("titel", "; did you mean 'title'?"), ("xyzzy", ""), ("", ""),
    ])
    func `a name that is near is suggested`(_ name: String, _ hint: String) {
        #expect(Suggestion.text(for: name, among: ["name", "title", "author"]) == hint)
    }
}
