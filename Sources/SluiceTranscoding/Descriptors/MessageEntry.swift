package import SluiceCore

/// Messages that JSON does not write as an object of their fields (proto3 JSON mapping).
package enum WellKnownType: UInt8, Sendable {
    case none
    case any
    case timestamp
    case duration
    case fieldMask
    case structure
    case value
    case listValue
    /// `DoubleValue`, `StringValue` and so on: their one field, bare.
    case wrapper
    /// `google.api.HttpBody`: an object in JSON, but the whole body where it is the message of a call.
    case httpBody

    init(fullName: String) {
        switch fullName {
        case "google.protobuf.Any": self = .any
        case "google.protobuf.Timestamp": self = .timestamp
        case "google.protobuf.Duration": self = .duration
        case "google.protobuf.FieldMask": self = .fieldMask
        case "google.protobuf.Struct": self = .structure
        case "google.protobuf.Value": self = .value
        case "google.protobuf.ListValue": self = .listValue
        case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value",
            "google.protobuf.UInt64Value", "google.protobuf.Int32Value", "google.protobuf.UInt32Value",
            "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
            self = .wrapper
        case "google.api.HttpBody": self = .httpBody
        default: self = .none
        }
    }

    /// Whether its JSON form inside an `Any` stands behind `"value"`.
    var isBehindValueInAny: Bool { self != .none && self != .httpBody }
}

/// One message type: where its fields lie in the pool.
package struct MessageEntry: Sendable {
    /// Without a leading dot, in `DescriptorPool.names`.
    package let name: ByteRange
    package let wellKnown: WellKnownType
    /// Its first field; the others follow, by number.
    package let firstField: Int32
    package let fieldCount: Int32
    /// The first so many fields have the numbers 1, 2, 3 and so on.
    let denseCount: Int32
    package let oneofCount: Int32

    var fields: Range<Int> { Int(firstField)..<Int(firstField + fieldCount) }

    /// Words of 64 bits that remember which fields and oneofs were given.
    var seenWords: Int { (Int(fieldCount) + Int(oneofCount) + 63) / 64 }
}

/// One enum: where its values lie in the pool.
package struct EnumEntry: Sendable {
    package let name: ByteRange
    /// Its first value; the others follow by number, those of one number in the order of declaration.
    let firstValue: Int32
    let valueCount: Int32
    /// Whether only declared numbers are values (proto2).
    package let isClosed: Bool
    /// `google.protobuf.NullValue`, which is `null` in JSON.
    let isNull: Bool
    /// The number that an unset field has: that of the value declared first.
    let defaultNumber: Int32

    var values: Range<Int> { Int(firstValue)..<Int(firstValue + valueCount) }
}

/// One value of an enum.
struct EnumValueEntry: Sendable {
    let number: Int32
    /// Its name between quotes, as it is printed.
    let quoted: ByteRange
}

/// One method of a service.
package struct MethodEntry: Sendable {
    /// `package.Service`.
    package let service: String
    /// `Method`.
    package let name: String
    /// Message types, as places in the pool.
    package let input: Int
    package let output: Int
    package let streamsRequests: Bool
    package let streamsResponses: Bool
    /// What `google.api.http` says, if it does.
    package let rule: HTTPRule?

    /// `package.Service.Method`, which is how rules name it.
    package var fullName: String { "\(service).\(name)" }

    /// `/package.Service/Method`, the path of the call (gRPC over HTTP/2, "Requests").
    package var path: String { "/\(service)/\(name)" }
}
