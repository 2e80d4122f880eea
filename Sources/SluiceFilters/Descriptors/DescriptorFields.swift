import SluiceConfig
import SluiceCore
import SluiceTranscoding

/// What the filters that translate between gRPC and REST have in common in their settings.
enum DescriptorFields {
    static let descriptor = OptionalField(
        required: "descriptor",
        .descriptorSet,
        doc:
            "A file with the services' descriptors, as `protoc --include_imports --descriptor_set_out=FILE` writes it. A change of it is noticed."
    )
    static let services = Field(
        "services",
        .list(of: .placed(.name), atLeast: 1),
        default: [],
        defaultText: "all of the set",
        doc: "Full names of the services that can be called: `library.v1.Library`."
    )
    static let autoMapping = Field(
        "auto_mapping",
        .flag,
        default: false,
        doc:
            "Whether methods without a `google.api.http` annotation are called as `POST /package.Service/Method`, with the message as body."
    )
    static let maxMessage = Field(
        "max_message",
        .size(1024...1 << 30),
        default: 4 << 20,
        doc: "Bytes of one message, in either direction."
    )
    static let maxDepth = Field(
        "max_depth",
        .integer(1...128),
        default: 100,
        doc: "How deep messages may be nested."
    )

    /// The same where it is one way of several.
    static let optionalDescriptor = OptionalField("descriptor", .descriptorSet, doc: descriptor.schema.doc)

    /// The set, with every service that is named but not in it reported.
    static func pool(
        _ reader: ObjectReader,
        _ field: OptionalField<DescriptorSet>,
        _ choice: inout Transcoder.Choice
    ) -> DescriptorPool? {
        let named = reader.read(services)
        choice.services = named.map(\.value)
        choice.autoMapping = reader.read(autoMapping)
        let rules = reader.read(RuleFields.field)
        choice.rules = rules.compactMap(\.rule)
        let set = reader.read(field)
        // A file that cannot be read was reported; which of its methods exist is anybody's guess.
        var isSound = set == nil && reader.has(field) || RuleFields.check(rules, set?.pool, choice.services, reader)
        guard let pool = set?.pool else { return nil }
        for service in named where !pool.services.contains(service.value) {
            isSound = false
            let nearest = Spelling.nearest(to: service.value, in: pool.services)
            reader.report(
                .invalidValue,
                at: service.span,
                "the descriptor set has no service '\(Printable.short(service.value))'",
                help: nearest.map { "did you mean '\($0)'?" } ?? Spelling.choices(pool.services)
            )
        }
        return isSound ? pool : nil
    }

    static func limits(_ reader: ObjectReader) -> TranscodingLimits {
        var limits = TranscodingLimits()
        limits.message = reader.read(maxMessage)
        limits.depth = reader.read(maxDepth)
        return limits
    }

    /// What the bindings of a set make; nil without a set, and when they are unsound, which is reported.
    static func compiled<T>(
        _ pool: DescriptorPool?,
        _ reader: ObjectReader,
        _ make: (DescriptorPool) throws(DescriptorError) -> T
    ) -> T? {
        guard let pool else { return nil }
        do throws(DescriptorError) {
            return try make(pool)
        } catch {
            for problem in error.problems.prefix(10) {
                reader.report(.invalidValue, at: reader.span(of: descriptor), problem)
            }
            return nil
        }
    }
}

/// A descriptor set that was read. A class, so that a configuration counts one reference and not those of its parts.
struct DescriptorSet: Sendable {
    /// For people: the file as it is written.
    let name: String
    let pool: DescriptorPool
}

extension ValueType where Value == DescriptorSet {
    fileprivate static var descriptorSet: Self {
        ValueType(.text("file name")) { node, scope in
            guard let name = scope.text(of: node) else { return nil }
            guard let bytes = scope.context.bytes(ofFile: name, near: node.span) else {
                scope.report(.unreadableReference, at: node, "the file \(scope.shown(node)) cannot be read")
                return nil
            }
            do throws(DescriptorError) {
                return DescriptorSet(name: name, pool: try DescriptorPool(descriptorSet: bytes))
            } catch {
                for problem in error.problems.prefix(10) {
                    scope.report(.invalidValue, at: node, "the file \(scope.shown(node)): \(problem)")
                }
                return nil
            }
        }
    }
}

/// `print`: how messages become JSON.
enum PrintFields {
    static let addWhitespace = Field("add_whitespace", .flag, default: false, doc: "Line breaks and indentation.")
    static let primitives = Field(
        "always_print_primitive_fields",
        .flag,
        default: false,
        doc: "Prints fields that cannot tell unset from default, too: scalars of proto3, empty lists and maps."
    )
    static let enumsAsInts = Field(
        "always_print_enums_as_ints",
        .flag,
        default: false,
        doc: "Enums as numbers instead of names."
    )
    static let protoNames = Field(
        "preserve_proto_field_names",
        .flag,
        default: false,
        doc: "Names as in the `.proto` file instead of lowerCamelCase."
    )
    static let schema = ObjectSchema(
        "print",
        doc: "How messages are printed as JSON.",
        fields: [addWhitespace, primitives, enumsAsInts, protoNames]
    )
    static let field = Field("print", .print, default: PrintOptions(), defaultText: "all off", doc: schema.doc)
}

extension ValueType where Value == PrintOptions {
    fileprivate static var print: Self {
        .object(PrintFields.schema) { reader in
            var options = PrintOptions()
            options.addWhitespace = reader.read(PrintFields.addWhitespace)
            options.alwaysPrintPrimitiveFields = reader.read(PrintFields.primitives)
            options.alwaysPrintEnumsAsInts = reader.read(PrintFields.enumsAsInts)
            options.preserveProtoFieldNames = reader.read(PrintFields.protoNames)
            return options
        }
    }
}
