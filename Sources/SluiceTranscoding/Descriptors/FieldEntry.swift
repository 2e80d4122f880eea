import SluiceCore

/// The type of a field's values; the numbers are those of `FieldDescriptorProto.Type`.
package enum FieldKind: UInt8, Sendable {
    case double = 1
    case float = 2
    case int64 = 3
    case uint64 = 4
    case int32 = 5
    case fixed64 = 6
    case fixed32 = 7
    case bool = 8
    case string = 9
    case group = 10
    case message = 11
    case bytes = 12
    case uint32 = 13
    case enumeration = 14
    case sfixed32 = 15
    case sfixed64 = 16
    case sint32 = 17
    case sint64 = 18

    /// How one value lies on the wire.
    var wireType: WireType {
        switch self {
        case .double, .fixed64, .sfixed64: .fixed64
        case .float, .fixed32, .sfixed32: .fixed32
        case .string, .bytes, .message: .bytes
        case .group: .startGroup
        case .int64, .uint64, .int32, .uint32, .bool, .enumeration, .sint32, .sint64: .varint
        }
    }

    /// Whether a field of it may be packed.
    var isPackable: Bool {
        let type = wireType
        return type == .varint || type == .fixed32 || type == .fixed64
    }

    /// A message, in either of its two encodings.
    var isMessage: Bool { self == .message || self == .group }
}

/// How many values a field holds.
package enum FieldShape: UInt8, Sendable {
    case singular
    /// Repeated, a tag in front of each value.
    case list
    /// Repeated, written as one length-delimited run.
    case packed
    case map
}

/// One field of a message: a plain value without references, so that reading one from the pool counts nothing.
package struct FieldEntry: Sendable {
    package let number: UInt32
    package let kind: FieldKind
    package let shape: FieldShape
    /// Whether unset and default are told apart: `optional`, oneof members, messages, everything singular of proto2.
    package let hasPresence: Bool
    /// The message or enum of its values; -1 for scalars. Of a map: its entry message.
    package let type: Int32
    /// Its oneof in the message, in the order of declaration; -1 for none, and for the oneofs that `optional` makes.
    package let oneof: Int32
    /// Whether it is an extension, declared outside of the message.
    let isExtension: Bool
    /// Its place in the message, by number.
    let place: Int32
    /// `"jsonName":` and `"proto_name":` in `DescriptorPool.names`, escaped and ready to be printed.
    let jsonKey: ByteRange
    let protoKey: ByteRange

    /// Whether `always_print_primitive_fields` is about it: it cannot tell unset from default.
    var isPrintedUnset: Bool { !hasPresence && !isExtension }

    /// Number and type of the wire as they are written, for a packed field those of the run.
    var tag: UInt64 {
        UInt64(number) << 3 | UInt64((shape == .packed ? .bytes : kind.wireType).rawValue)
    }
}
