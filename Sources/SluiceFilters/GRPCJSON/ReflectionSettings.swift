import NIOCore
import SluiceConfig
import SluiceCore

/// `reflection`: the server itself tells what it can do.
struct ReflectionSettings: Sendable {
    static let upstreamField = OptionalField(
        required: "upstream",
        .name,
        doc: "The upstream whose servers are asked; the one that the routes use."
    )
    static let refreshField = Field(
        "refresh",
        .duration(atLeast: .seconds(1)),
        default: .minutes(5),
        doc: "How often they are asked again."
    )
    static let timeoutField = Field("timeout", .duration, default: .seconds(10), doc: "How long one call may take.")
    static let schema = ObjectSchema(
        "reflection",
        doc: "Descriptors from the servers themselves, by `grpc.reflection.v1`, or `v1alpha` with older ones.",
        fields: [upstreamField, refreshField, timeoutField]
    )

    var upstream: String
    var refresh: TimeAmount
    var timeout: TimeAmount
}

extension ValueType where Value == ReflectionSettings {
    static var reflection: Self {
        .object(ReflectionSettings.schema) { reader in
            let refresh = reader.read(ReflectionSettings.refreshField)
            let timeout = reader.read(ReflectionSettings.timeoutField)
            return reader.read(ReflectionSettings.upstreamField).map {
                ReflectionSettings(upstream: $0, refresh: refresh, timeout: timeout)
            }
        }
    }
}
