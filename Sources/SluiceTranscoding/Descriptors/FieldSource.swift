import SwiftProtobuf

/// A field or extension as the descriptor set has it, with what decides about its compiled form.
struct FieldSource {
    let file: String
    /// The field's name, or `[package.name]` of an extension, which is how JSON names it.
    let name: String
    let descriptor: Google_Protobuf_FieldDescriptorProto
    let features: FeatureSet

    var isExtension: Bool { name.hasPrefix("[") }

    /// What protoc computed, or the rule it goes by: without underscores, the letter behind each in upper case.
    var jsonName: String {
        if isExtension { return name }
        if descriptor.hasJsonName { return descriptor.jsonName }
        var result = ""
        var raises = false
        for character in name {
            if character == "_" {
                raises = true
            } else {
                result += raises ? character.uppercased() : String(character)
                raises = false
            }
        }
        return result
    }

    func kind(_ features: FeatureSet) -> FieldKind {
        let kind = FieldKind(rawValue: UInt8(clamping: descriptor.type.rawValue)) ?? .bytes
        // Editions have no groups; a delimited message is one on the wire.
        return kind == .message && features.hasDelimitedMessages ? .group : kind
    }

    func shape(_ kind: FieldKind, _ isMap: Bool, _ features: FeatureSet) -> FieldShape {
        guard descriptor.label == .repeated else { return .singular }
        if isMap { return .map }
        guard kind.isPackable else { return .list }
        let isPacked = descriptor.options.hasPacked ? descriptor.options.packed : features.isPacked
        return isPacked ? .packed : .list
    }
}

extension WellKnownType {
    /// The fields that the code of this type relies on: number, kinds that will do, repeated or not.
    var shape: [(number: UInt32, kinds: Set<FieldKind>, isRepeated: Bool)]? {
        switch self {
        case .none: nil
        case .any: [(1, [.string], false), (2, [.bytes], false)]
        case .timestamp, .duration: [(1, [.int64], false), (2, [.int32], false)]
        case .fieldMask: [(1, [.string], true)]
        case .structure, .listValue: [(1, [.message], true)]
        case .value:
            [
                (1, [.enumeration], false), (2, [.double], false), (3, [.string], false), (4, [.bool], false),
                (5, [.message], false), (6, [.message], false),
            ]
        case .wrapper:
            [(1, [.double, .float, .int64, .uint64, .int32, .uint32, .bool, .string, .bytes], false)]
        case .httpBody: [(1, [.string], false), (2, [.bytes], false)]
        }
    }
}
