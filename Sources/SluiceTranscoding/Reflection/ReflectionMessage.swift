/// What a server of reflection is asked, and what it answers (grpc/reflection/v1/reflection.proto, whose v1alpha is the
/// same on the wire).
package enum ReflectionMessage {
    package enum Question: Hashable, Sendable {
        case services
        /// The file that declares a service, and as many of those that it imports as the server likes.
        case symbol(String)
        case file(String)
    }

    package enum Answer: Hashable, Sendable {
        /// Full names.
        case services([String])
        /// Each a serialized `FileDescriptorProto`.
        case files([[UInt8]])
        case failure(String)
    }

    /// The path of the call, for each version of the protocol, newest first.
    package static let paths = [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ]

    /// A question behind its five bytes.
    package static func frame(_ question: Question) -> [UInt8] {
        var message: [UInt8] = []
        let (number, text): (UInt32, String) =
            switch question {
            case .file(let name): (3, name)
            case .symbol(let name): (4, name)
            case .services: (7, "*")
            }
        Array(text.utf8).withUnsafeBytes { message.appendField(number, $0) }
        let count = UInt32(truncatingIfNeeded: message.count)
        return [0] + stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: count >> UInt32($0)) }
            + message
    }

    /// Reads a `ServerReflectionResponse`; one that says nothing is a failure.
    package static func answer(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> Answer {
        var answer = Answer.failure("it said nothing")
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            guard field.type == .bytes else { continue }
            let content = reader.content(field)
            switch field.number {
            case 4: answer = .files(try texts(1, content).map { Array($0) })
            case 6:
                var names: [String] = []
                for service in try texts(1, content) {
                    names += try texts(1, service).map { String(decoding: $0, as: UTF8.self) }
                }
                answer = .services(names)
            case 7: answer = .failure(try texts(2, content).last.map(TranscodingError.excerpt) ?? "it failed")
            default: break
            }
        }
        return answer
    }

    /// All occurrences of a length-delimited field.
    private static func texts(
        _ number: UInt32,
        _ bytes: UnsafeRawBufferPointer
    ) throws(TranscodingError) -> [UnsafeRawBufferPointer] {
        var found: [UnsafeRawBufferPointer] = []
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            if field.number == number, field.type == .bytes { found.append(reader.content(field)) }
        }
        return found
    }

    /// The name of a file and those of the files that it imports.
    static func names(
        inFile bytes: UnsafeRawBufferPointer
    ) throws(TranscodingError) -> (name: String, imports: [String]) {
        let name = try texts(1, bytes).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (name, try texts(3, bytes).map { String(decoding: $0, as: UTF8.self) })
    }
}

/// Files of descriptors as a server hands them out, until nothing is missing that it has.
package struct ReflectedFiles: Sendable {
    /// Files of one server.
    private static let countLimit = 2000
    /// Bytes of all of them.
    private static let bytesLimit = 16 << 20

    private var known: Set<String> = []
    private var asked: Set<String> = []
    private var imports: Set<String> = []
    private var bytes = 0
    package private(set) var files: [[UInt8]] = []

    package init() {}

    /// Takes a file; one that is known already is left out.
    package mutating func add(_ file: [UInt8]) throws(TranscodingError) {
        let (name, needed) = try file.withRawBytes { (bytes) throws(TranscodingError) in
            try ReflectionMessage.names(inFile: bytes)
        }
        guard known.insert(name).inserted else { return }
        bytes += file.count
        guard files.count < Self.countLimit, bytes <= Self.bytesLimit else {
            throw TranscodingError(.tooLarge, "the server has too many files")
        }
        files.append(file)
        imports.formUnion(needed)
    }

    /// The files to ask for next, each once only.
    package mutating func missing() -> [String] {
        let names = imports.subtracting(known).subtracting(asked).sorted()
        asked.formUnion(names)
        return names
    }
}
