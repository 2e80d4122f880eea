package import SluiceConfig
import SluiceCore
import SluiceTranscoding

/// `grpc_to_rest`: a gRPC face for a service of REST.
package struct GRPCToRESTConfiguration: RunnableFilterConfiguration {
    package static let schema = ObjectSchema(
        "grpc_to_rest",
        doc: """
            Lets clients of gRPC call a service of REST: each call becomes a request by the method's first \
            `google.api.http` annotation, and what comes back becomes its message and status. The other filters see gRPC.
            """,
        fields: [
            DescriptorFields.descriptor, DescriptorFields.services, DescriptorFields.autoMapping, RuleFields.field,
            PrintFields.field, DescriptorFields.maxMessage, DescriptorFields.maxDepth,
        ]
    )
    package static var role: FilterRole { .transcoding }

    /// nil only when the configuration has errors, so that it never runs.
    let transcoder: ReverseTranscoder?

    package init(from reader: ObjectReader) {
        var choice = Transcoder.Choice()
        let pool = DescriptorFields.pool(reader, DescriptorFields.descriptor, &choice)
        var options = TranscodingOptions(secret: .secret())
        options.print = reader.read(PrintFields.field)
        options.limits = DescriptorFields.limits(reader)
        transcoder = DescriptorFields.compiled(pool, reader) { [choice, options] (pool) throws(DescriptorError) in
            try ReverseTranscoder(pool: pool, choice: choice, options: options)
        }
    }

    package var needs: FilterNeeds {
        var needs = FilterNeeds()
        needs.translatesCalls = true
        return needs
    }

    package var effects: [String] {
        ["request: turn gRPC into REST", "response: turn JSON into gRPC, the status of HTTP into that of gRPC"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter {
        GRPCToRESTFilter(transcoder?.copy())
    }
}
