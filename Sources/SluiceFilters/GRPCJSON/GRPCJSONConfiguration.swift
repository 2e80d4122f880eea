package import SluiceConfig
import SluiceCore
import SluiceTranscoding

/// `grpc_json`: a REST face for services of gRPC.
package struct GRPCJSONConfiguration: RunnableFilterConfiguration {
    /// What becomes of requests that no method is called by.
    enum Unmatched: String, CaseIterable, Sendable { case refuse, pass }

    static let reflection = OptionalField(
        "reflection",
        .reflection,
        doc: "Asks the servers themselves, in place of `descriptor`."
    )
    static let unmatched = Field(
        "unmatched",
        .choice(of: Unmatched.self),
        default: .refuse,
        doc:
            "What happens to requests that no binding is for: `refuse` answers 404, or 405 where only the method is another; `pass` forwards them as they are."
    )
    static let unknownQuery = Field(
        "unknown_query",
        .choice(of: TranscodingOptions.Unknown.self),
        default: .refuse,
        doc: "What happens to query parameters that the message does not have: 400, or nothing."
    )
    static let ignoredQuery = Field(
        "ignored_query",
        .list(of: .name),
        default: [],
        doc: "Query parameters that are nobody's business here, such as an API key."
    )
    static let unknownFields = Field(
        "unknown_fields",
        .choice(of: TranscodingOptions.Unknown.self),
        default: .refuse,
        doc: "What happens to members of a body that the message does not have: 400, or nothing."
    )
    static let conflicts = Field(
        "conflicts",
        .choice(of: TranscodingOptions.Conflict.self),
        default: .refuse,
        doc: "Which one counts when URL and body set a field to different values; `refuse` answers 400."
    )
    static let segmentDecoding = Field(
        "segment_decoding",
        .choice(of: TranscodingOptions.SegmentDecoding.self),
        default: .allButSlash,
        doc: "Which escapes stay as they are in variables of several segments."
    )
    static let plusIsSpace = Field(
        "plus_is_space",
        .flag,
        default: true,
        doc: "Whether `+` in a query means a space."
    )
    static let caseInsensitiveEnums = Field(
        "case_insensitive_enums",
        .flag,
        default: false,
        doc: "Whether names of enum values may be written in any case."
    )
    static let streams = Field(
        "streams",
        .choice(of: ResponseFormat.self),
        default: .array,
        doc:
            "How streams of messages are answered to those whose `Accept` does not say it: a JSON `array`, a value on each line (`ndjson`) or server-sent events (`sse`)."
    )
    package static let schema = ObjectSchema(
        "grpc_json",
        doc: """
            Lets clients of REST call services of gRPC: requests become calls by the services' `google.api.http` \
            annotations, and what comes back becomes JSON. The other filters see the REST side.
            """,
        fields: [
            DescriptorFields.optionalDescriptor, reflection, DescriptorFields.services, DescriptorFields.autoMapping,
            RuleFields.field, unmatched, unknownQuery, ignoredQuery, unknownFields, conflicts, segmentDecoding,
            plusIsSpace,
            caseInsensitiveEnums, streams, PrintFields.field, DescriptorFields.maxMessage, DescriptorFields.maxDepth,
        ],
        exactlyOne: ["descriptor", "reflection"]
    )
    package static var role: FilterRole { .transcoding }

    /// nil with reflection, and when the configuration has errors, so that it never runs.
    let transcoder: Transcoder?
    let reflection: ReflectionSettings?
    let choice: Transcoder.Choice
    let options: TranscodingOptions
    let unmatched: Unmatched
    let streams: ResponseFormat

    package init(from reader: ObjectReader) {
        var choice = Transcoder.Choice()
        let pool = DescriptorFields.pool(reader, DescriptorFields.optionalDescriptor, &choice)
        var options = TranscodingOptions(secret: .secret())
        options.unknownQuery = reader.read(Self.unknownQuery)
        options.ignoredQuery = reader.read(Self.ignoredQuery)
        options.unknownFields = reader.read(Self.unknownFields)
        options.conflicts = reader.read(Self.conflicts)
        options.segmentDecoding = reader.read(Self.segmentDecoding)
        options.plusIsSpace = reader.read(Self.plusIsSpace)
        options.caseInsensitiveEnums = reader.read(Self.caseInsensitiveEnums)
        options.print = reader.read(PrintFields.field)
        options.limits = DescriptorFields.limits(reader)
        self.choice = choice
        self.options = options
        reflection = reader.read(Self.reflection)
        unmatched = reader.read(Self.unmatched)
        streams = reader.read(Self.streams)
        transcoder = DescriptorFields.compiled(pool, reader) { [choice, options] (pool) throws(DescriptorError) in
            try Transcoder(pool: pool, choice: choice, options: options)
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.grpcUpstream = unmatched == .pass ? .some : .all
        if let reflection { needs.upstreams = [reflection.upstream] }
        return needs
    }

    package var effects: [String] {
        let count = transcoder?.bindings.count ?? 0
        let source = reflection.map { "what upstream '\(Printable.short($0.upstream))' tells" }
        return [
            "request: turn REST into gRPC by \(source ?? "\(count) binding\(count == 1 ? "" : "s")")",
            "response: turn gRPC into JSON, its status into that of HTTP",
        ]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter {
        let box =
            reflection.map { LoopReflection.begin(self, $0, resources) } ?? TranscoderBox(transcoder?.copy())
        return GRPCJSONFilter(box, unmatched: unmatched, streams: streams)
    }
}
