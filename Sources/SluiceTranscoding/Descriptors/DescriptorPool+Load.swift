import SwiftProtobuf

extension DescriptorPool {
    /// Compiles a descriptor set as `protoc --descriptor_set_out=FILE --include_imports` writes it.
    ///
    /// - Throws: all that is wrong with it at once.
    package convenience init(descriptorSet bytes: [UInt8]) throws(DescriptorError) {
        let set: Google_Protobuf_FileDescriptorSet
        do {
            set = try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes)
        } catch {
            throw DescriptorError([
                "the bytes are not a descriptor set; write one with protoc --descriptor_set_out=FILE --include_imports"
            ])
        }
        guard !set.file.isEmpty else { throw DescriptorError(["the descriptor set holds no file"]) }
        try self.init(files: set.file)
    }

    /// Compiles files one by one, as server reflection hands them out: each a serialized `FileDescriptorProto`.
    ///
    /// A file that is there twice counts once.
    package convenience init(files: [[UInt8]]) throws(DescriptorError) {
        var parsed: [Google_Protobuf_FileDescriptorProto] = []
        var names: Set<String> = []
        for (place, bytes) in files.enumerated() {
            guard let file = try? Google_Protobuf_FileDescriptorProto(serializedBytes: bytes) else {
                throw DescriptorError(["file \(place) of \(files.count) is not a FileDescriptorProto"])
            }
            if names.insert(file.name).inserted { parsed.append(file) }
        }
        try self.init(files: parsed)
    }

    private convenience init(files: [Google_Protobuf_FileDescriptorProto]) throws(DescriptorError) {
        var builder = PoolBuilder()
        for file in files { builder.declare(file) }
        for file in BuiltinTypes.files { builder.declareMissing(file) }
        builder.compile()
        if !builder.problems.isEmpty { throw DescriptorError(builder.problems) }
        self.init(builder.parts)
    }
}
