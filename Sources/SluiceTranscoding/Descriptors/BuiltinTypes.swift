import SwiftProtobuf

/// Types that are known even when the descriptor set does not have them.
///
/// An `Any` may hold them without any file importing them, above all the details of a `google.rpc.Status`. What the set
/// itself declares goes first.
enum BuiltinTypes {
    private typealias Field = Google_Protobuf_FieldDescriptorProto

    /// The well-known types that an `Any` may hold, `google.rpc.Status`, and the error details of google.rpc.
    static var files: [Google_Protobuf_FileDescriptorProto] { [wellKnown, errors] }

    private static var wellKnown: Google_Protobuf_FileDescriptorProto {
        var file = file("google.protobuf")
        file.messageType = [
            message("Any", [field("type_url", 1, .string), field("value", 2, .bytes)]),
            message("Timestamp", [field("seconds", 1, .int64), field("nanos", 2, .int32)]),
            message("Duration", [field("seconds", 1, .int64), field("nanos", 2, .int32)]),
            message("FieldMask", [list("paths", 1, .string)]),
            message("Empty", []),
        ]
        file.messageType += [
            ("Double", .double), ("Float", .float), ("Int64", .int64), ("UInt64", .uint64), ("Int32", .int32),
            ("UInt32", .uint32), ("Bool", .bool), ("String", .string), ("Bytes", .bytes),
        ].map { (name: String, type: Field.TypeEnum) in message("\(name)Value", [field("value", 1, type)]) }
        return file
    }

    private static var errors: Google_Protobuf_FileDescriptorProto {
        var file = file("google.rpc")
        file.messageType = [
            message(
                "Status",
                [field("code", 1, .int32), text("message", 2), list("details", 3, ".google.protobuf.Any")]
            ),
            map(in: message("ErrorInfo", [text("reason", 1), text("domain", 2)]), "metadata", 3),
            message("RetryInfo", [of(".google.protobuf.Duration", "retry_delay", 1)]),
            message("DebugInfo", [list("stack_entries", 1, .string), text("detail", 2)]),
            message("RequestInfo", [text("request_id", 1), text("serving_data", 2)]),
            message(
                "ResourceInfo",
                [text("resource_type", 1), text("resource_name", 2), text("owner", 3), text("description", 4)]
            ),
            message("LocalizedMessage", [text("locale", 1), text("message", 2)]),
        ]
        file.messageType += violations
        return file
    }

    /// Details that are lists of messages of their own.
    private static var violations: [Google_Protobuf_DescriptorProto] {
        let violation = [
            text("field", 1), text("description", 2), text("reason", 3),
            of(".google.rpc.LocalizedMessage", "localized_message", 4),
        ]
        let precondition = [text("type", 1), text("subject", 2), text("description", 3)]
        var quota = message(
            "Violation",
            [
                text("subject", 1), text("description", 2), text("api_service", 3), text("quota_metric", 4),
                text("quota_id", 5), field("quota_value", 7, .int64), field("future_quota_value", 8, .int64, true),
            ]
        )
        quota = map(in: quota, "quota_dimensions", 6, scope: ".google.rpc.QuotaFailure.Violation")
        let link = [text("description", 1), text("url", 2)]
        return [
            lists(message("FieldViolation", violation), as: "field_violations", in: "BadRequest"),
            lists(message("Violation", precondition), as: "violations", in: "PreconditionFailure"),
            lists(quota, as: "violations", in: "QuotaFailure"),
            lists(message("Link", link), as: "links", in: "Help"),
        ]
    }

    // MARK: - Building descriptors

    private static func file(_ package: String) -> Google_Protobuf_FileDescriptorProto {
        var file = Google_Protobuf_FileDescriptorProto()
        file.name = "built in"
        file.package = package
        file.syntax = "proto3"
        return file
    }

    private static func message(_ name: String, _ fields: [Field]) -> Google_Protobuf_DescriptorProto {
        var message = Google_Protobuf_DescriptorProto()
        message.name = name
        message.field = fields
        return message
    }

    private static func field(
        _ name: String,
        _ number: Int32,
        _ type: Field.TypeEnum,
        _ optional: Bool = false
    )
        -> Field
    {
        var field = Field()
        field.name = name
        field.number = number
        field.type = type
        field.label = .optional
        field.proto3Optional = optional
        // A synthetic oneof of its own is what `optional` is; nothing else of it is needed here.
        if optional { field.oneofIndex = 0 }
        return field
    }

    private static func text(_ name: String, _ number: Int32) -> Field { field(name, number, .string) }

    private static func list(_ name: String, _ number: Int32, _ type: Field.TypeEnum) -> Field {
        var list = field(name, number, type)
        list.label = .repeated
        return list
    }

    private static func of(_ type: String, _ name: String, _ number: Int32) -> Field {
        var inner = field(name, number, .message)
        inner.typeName = type
        return inner
    }

    private static func list(_ name: String, _ number: Int32, _ type: String) -> Field {
        var list = of(type, name, number)
        list.label = .repeated
        return list
    }

    /// A message with a repeated field of another one that is declared inside of it.
    private static func lists(
        _ inner: Google_Protobuf_DescriptorProto,
        as field: String,
        in name: String
    )
        -> Google_Protobuf_DescriptorProto
    {
        var outer = message(name, [list(field, 1, ".google.rpc.\(name).\(inner.name)")])
        outer.nestedType = [inner]
        return outer
    }

    /// A message with a `map<string, string>` added.
    private static func map(
        in message: Google_Protobuf_DescriptorProto,
        _ name: String,
        _ number: Int32,
        scope: String? = nil
    ) -> Google_Protobuf_DescriptorProto {
        var outer = message
        var entry = Self.message("\(name)_entry", [text("key", 1), text("value", 2)])
        entry.options.mapEntry = true
        outer.nestedType.append(entry)
        outer.field.append(list(name, number, "\(scope ?? ".google.rpc.\(message.name)").\(entry.name)"))
        return outer
    }
}
