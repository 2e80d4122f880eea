import SwiftProtobuf

/// Compiles parsed descriptors into the parts of a pool, and gathers everything that is wrong on the way.
///
/// Two rounds: first all types are declared, so that fields may refer to what comes later, then fields are compiled.
struct PoolBuilder {
    /// A message that was declared, with what its fields need.
    private struct Declared {
        let file: String
        let name: String
        let descriptor: Google_Protobuf_DescriptorProto
        let features: FeatureSet
    }

    /// An extension, which becomes one more field of the message it extends.
    private struct Extension {
        let file: String
        let name: String
        let descriptor: Google_Protobuf_FieldDescriptorProto
        let features: FeatureSet
    }

    var parts = DescriptorPool.Parts()
    private(set) var problems: [String] = []
    private var messages: [Declared] = []
    private var extensions: [Extension] = []
    private var services: [(file: String, package: String, descriptor: Google_Protobuf_ServiceDescriptorProto)] = []
    private var messagePlaces: [String: Int] = [:]
    private var enumPlaces: [String: Int] = [:]

    // MARK: - Declaring

    mutating func declare(_ file: Google_Protobuf_FileDescriptorProto) {
        let features = FeatureSet(file: file)
        for message in file.messageType { declare(message, in: file.package, file.name, features) }
        for type in file.enumType { declare(type, in: file.package, file.name, features) }
        for descriptor in file.extension { declare(descriptor, in: file.package, file.name, features) }
        services += file.service.map { (file.name, file.package, $0) }
    }

    /// Declares what nobody has declared yet: types that are built in give way to those of the set.
    mutating func declareMissing(_ file: Google_Protobuf_FileDescriptorProto) {
        let features = FeatureSet(file: file)
        for message in file.messageType where messagePlaces[Self.join(file.package, message.name)] == nil {
            declare(message, in: file.package, file.name, features)
        }
        for type in file.enumType where enumPlaces[Self.join(file.package, type.name)] == nil {
            declare(type, in: file.package, file.name, features)
        }
    }

    private static func join(_ scope: String, _ name: String) -> String { scope.isEmpty ? name : "\(scope).\(name)" }

    private mutating func declare(
        _ message: Google_Protobuf_DescriptorProto,
        in scope: String,
        _ file: String,
        _ outer: FeatureSet
    ) {
        let name = Self.join(scope, message.name)
        let features = outer.with(message.options.features, if: message.options.hasFeatures)
        guard isNew(name, file) else { return }
        messagePlaces[name] = messages.count
        _ = parts.typeNames.add(name, scope: 0, value: messages.count)
        messages.append(Declared(file: file, name: name, descriptor: message, features: features))
        for inner in message.nestedType { declare(inner, in: name, file, features) }
        for type in message.enumType { declare(type, in: name, file, features) }
        for descriptor in message.extension { declare(descriptor, in: name, file, features) }
    }

    private mutating func declare(
        _ descriptor: Google_Protobuf_FieldDescriptorProto,
        in scope: String,
        _ file: String,
        _ features: FeatureSet
    ) {
        let name = "[\(Self.join(scope, descriptor.name))]"
        extensions.append(Extension(file: file, name: name, descriptor: descriptor, features: features))
    }

    private mutating func isNew(_ name: String, _ file: String) -> Bool {
        guard messagePlaces[name] != nil || enumPlaces[name] != nil else { return true }
        problems.append("file \(file): \(name) is declared twice")
        return false
    }

    private mutating func declare(
        _ type: Google_Protobuf_EnumDescriptorProto,
        in scope: String,
        _ file: String,
        _ outer: FeatureSet
    ) {
        let name = Self.join(scope, type.name)
        let features = outer.with(type.options.features, if: type.options.hasFeatures)
        guard isNew(name, file) else { return }
        let place = parts.enums.count
        enumPlaces[name] = place
        let first = parts.enumValues.count
        declareValues(of: type, place, "file \(file), enum \(name)")
        if type.value.isEmpty { problems.append("file \(file), enum \(name): it has no values") }
        parts.enums.append(
            EnumEntry(
                name: parts.name(name),
                firstValue: Int32(first),
                valueCount: Int32(type.value.count),
                isClosed: features.hasClosedEnums,
                isNull: name == "google.protobuf.NullValue",
                defaultNumber: type.value.first?.number ?? 0
            )
        )
    }

    /// By number, and those of one number in the order of the file: the first one is the name that is printed.
    private mutating func declareValues(of type: Google_Protobuf_EnumDescriptorProto, _ place: Int, _ shown: String) {
        for (_, value) in type.value.enumerated().sorted(by: { ($0.1.number, $0.0) < ($1.1.number, $1.0) }) {
            let at = parts.enumValues.count
            parts.enumValues.append(EnumValueEntry(number: value.number, quoted: parts.name("\"\(value.name)\"")))
            if !parts.valueNames.add(value.name, scope: place, value: at) {
                problems.append("\(shown): value \(value.name) is there twice")
            }
        }
    }

    // MARK: - Compiling

    mutating func compile() {
        var extended: [Int: [FieldSource]] = [:]
        for extra in extensions {
            guard let place = messagePlaces[Self.bare(extra.descriptor.extendee)] else { continue }
            extended[place, default: []].append(
                FieldSource(file: extra.file, name: extra.name, descriptor: extra.descriptor, features: extra.features)
            )
        }
        for (place, message) in messages.enumerated() {
            let own = message.descriptor.field.map {
                FieldSource(file: message.file, name: $0.name, descriptor: $0, features: message.features)
            }
            compile(place, message, own + extended[place, default: []])
        }
        for service in services { compile(service.descriptor, service.package, service.file) }
        for (place, message) in parts.messages.enumerated() { checkShape(message, messages[place].name) }
    }

    private static func bare(_ typeName: String) -> String {
        typeName.hasPrefix(".") ? String(typeName.dropFirst()) : typeName
    }

    private mutating func compile(_ place: Int, _ message: Declared, _ sources: [FieldSource]) {
        let first = parts.fields.count
        let sorted = sources.sorted { $0.descriptor.number < $1.descriptor.number }
        var dense = 0
        var numbers: Set<Int32> = []
        for (at, source) in sorted.enumerated() {
            let number = source.descriptor.number
            if number == Int32(at + 1), dense == at { dense += 1 }
            if number < 1 || number > 536_870_911 || !numbers.insert(number).inserted {
                problems.append("\(located(source, message)): its number \(number) is not valid, or there twice")
            }
            parts.fields.append(compile(source, at, message))
        }
        // JSON names come before the names of the file: the former are what the specification prefers.
        for (at, name) in (sorted.map(\.jsonName) + sorted.map(\.name)).enumerated() {
            _ = parts.fieldNames.add(name, scope: place, value: first + at % sorted.count)
        }
        parts.messages.append(
            MessageEntry(
                name: parts.name(message.name),
                wellKnown: WellKnownType(fullName: message.name),
                firstField: Int32(first),
                fieldCount: Int32(sorted.count),
                denseCount: Int32(dense),
                oneofCount: Int32(message.descriptor.oneofDecl.count)
            )
        )
    }

    private func located(_ source: FieldSource, _ message: Declared) -> String {
        "file \(source.file), message \(message.name), field \(source.name)"
    }

    private mutating func compile(_ source: FieldSource, _ place: Int, _ message: Declared) -> FieldEntry {
        let descriptor = source.descriptor
        let type = typePlace(source, message)
        let features = source.features.with(descriptor.options.features, if: descriptor.options.hasFeatures)
        let kind = source.kind(features)
        let isMap =
            kind == .message && type >= 0 && messages[Int(type)].descriptor.options.mapEntry
            && descriptor.label == .repeated
        let isSynthetic = descriptor.proto3Optional
        return FieldEntry(
            number: UInt32(max(1, descriptor.number)),
            kind: kind,
            shape: source.shape(kind, isMap, features),
            hasPresence: descriptor.label != .repeated
                && (kind.isMessage || descriptor.hasOneofIndex || features.hasExplicitPresence
                    || source.isExtension),
            type: type,
            oneof: descriptor.hasOneofIndex && !isSynthetic ? descriptor.oneofIndex : -1,
            isExtension: source.isExtension,
            place: Int32(place),
            jsonKey: parts.name("\(Self.quoted(source.jsonName)):"),
            protoKey: parts.name("\(Self.quoted(source.name)):")
        )
    }

    /// The place of the message or enum that a field refers to; -1 for scalars, and where it is missing.
    private mutating func typePlace(_ source: FieldSource, _ message: Declared) -> Int32 {
        let name = Self.bare(source.descriptor.typeName)
        let place: Int?
        switch source.descriptor.type {
        case .message, .group: place = messagePlaces[name]
        case .enum: place = enumPlaces[name]
        default: return -1
        }
        guard let place else {
            problems.append(
                "\(located(source, message)): type \(source.descriptor.typeName) is not in the set; did you forget "
                    + "--include_imports?"
            )
            return -1
        }
        return Int32(place)
    }

    /// A name as a JSON string; `json_name` may hold anything.
    private static func quoted(_ name: String) -> String {
        var out: [UInt8] = []
        Array(name.utf8).withUnsafeBytes { JSONText.appendQuoted($0, to: &out) }
        return String(decoding: out, as: UTF8.self)
    }

    // MARK: - Services

    private mutating func compile(_ service: Google_Protobuf_ServiceDescriptorProto, _ package: String, _ file: String)
    {
        let name = Self.join(package, service.name)
        parts.services.append(name)
        for method in service.method {
            let place = "file \(file), service \(name), method \(method.name)"
            guard let input = messagePlaces[Self.bare(method.inputType)],
                let output = messagePlaces[Self.bare(method.outputType)]
            else {
                problems.append(
                    "\(place): type \(method.inputType) or \(method.outputType) is not in the set; did you forget "
                        + "--include_imports?"
                )
                continue
            }
            parts.methods.append(
                MethodEntry(
                    service: name,
                    name: method.name,
                    input: input,
                    output: output,
                    streamsRequests: method.clientStreaming,
                    streamsResponses: method.serverStreaming,
                    rule: rule(method, place)
                )
            )
        }
    }

    private mutating func rule(_ method: Google_Protobuf_MethodDescriptorProto, _ place: String) -> HTTPRule? {
        do {
            return try HTTPRule.find(in: [UInt8](method.options.unknownFields.data))
        } catch {
            problems.append("\(place): its google.api.http option is malformed: \(error.reason)")
            return nil
        }
    }

    /// The code for well-known types relies on their fields; a set may redefine them.
    private mutating func checkShape(_ message: MessageEntry, _ name: String) {
        guard let shape = message.wellKnown.shape else { return }
        let fields = parts.fields[message.fields]
        let fits = shape.allSatisfy { number, kinds, isRepeated in
            fields.contains { $0.number == number && kinds.contains($0.kind) && ($0.shape != .singular) == isRepeated }
        }
        if !fits { problems.append("message \(name) is not the type that google/protobuf defines under this name") }
    }
}
