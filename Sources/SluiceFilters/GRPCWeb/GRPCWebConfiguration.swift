package import SluiceConfig

/// `grpc_web`: lets browsers call services of gRPC.
package struct GRPCWebConfiguration: RunnableFilterConfiguration {
    package static let schema = ObjectSchema(
        "grpc_web",
        doc: """
            Turns gRPC-Web into gRPC and its answers back, so that browsers reach a plain gRPC server. Runs ahead of all \
            other filters, which see gRPC.
            """,
        fields: []
    )
    package static var role: FilterRole { .translation }

    package init(from reader: ObjectReader) {}

    package var effects: [String] {
        ["request: turn gRPC-Web into gRPC", "response: turn gRPC into gRPC-Web, for who asked that way"]
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { GRPCWebFilter(slot: resources.slot) }
}
