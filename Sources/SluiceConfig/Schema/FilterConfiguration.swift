/// The decoded configuration of one kind of filter, and the description of its fields.
///
/// A filter's author declares each field once and reads it once:
///
///     package struct RequestIDConfiguration: FilterConfiguration {
///         static let header = Field("header", .headerName, default: "x-request-id", doc: "The header that carries it.")
///         static let trust = Field("trust", .flag, default: false, doc: "Keeps the one that the client sent.")
///         package static let schema = ObjectSchema("request_id", doc: "Gives every request an id.", fields: [header, trust])
///
///         package var header: String
///         package var trust: Bool
///
///         package init(from reader: ObjectReader) {
///             header = reader.read(Self.header)
///             trust = reader.read(Self.trust)
///         }
///     }
///
/// Unknown fields, wrong types and missing required fields are reported without further work; conditions between
/// fields are reported with `reader.invalid`. An initialiser always gives a value, also after problems: a
/// configuration with errors never runs.
package protocol FilterConfiguration: Sendable {
    /// Its name is the filter's name.
    static var schema: ObjectSchema { get }
    /// Whether one list may hold the filter more than once. False unless the type says otherwise.
    static var mayRepeat: Bool { get }
    /// What kind of policy it is, for the order of a chain and for lint. `other` unless the type says otherwise.
    static var role: FilterRole { get }
    /// What it refers to, for validation and lint. Nothing unless the type says otherwise.
    var needs: FilterNeeds { get }
    /// What it does, as far as its settings say, in a few words each, for `sluice explain`; never a secret. Nothing
    /// unless the type says otherwise.
    var effects: [String] { get }
    init(from reader: ObjectReader)
}

extension FilterConfiguration {
    package static var mayRepeat: Bool { false }
    package static var role: FilterRole { .other }
    package var needs: FilterNeeds { FilterNeeds() }
    package var effects: [String] { [] }
}

/// Kinds of policies whose place in a chain matters.
package enum FilterRole: Sendable {
    /// Finds out who the caller is and refuses whom it does not know.
    case authentication
    /// Answers preflights, which carry no credentials.
    case cors
    case rateLimit
    /// Turns another protocol into gRPC and back: all other filters see gRPC, and what they answer is turned back.
    case translation
    /// Stands between a client of one protocol and an upstream of another: all other filters see the client's side, and
    /// what they answer has the form that the client knows.
    case transcoding
    case other
}

/// What a filter's configuration refers to.
package struct FilterNeeds: Sendable {
    package enum Identity: Sendable { case consumer, claims }
    package enum CallShare: Sendable { case none, some, all }

    /// Names of upstreams that it calls.
    package var upstreams: [String] = []
    /// What an earlier filter must have found out.
    package var identities: Set<Identity> = []
    /// It reads the times of `ExchangeRecord`.
    package var times = false
    /// It goes by the certificate that clients show in the TLS handshake.
    package var clientCertificates = false
    /// Which requests it makes calls of gRPC of, which the upstreams of its routes must speak.
    package var grpcUpstream = CallShare.none
    /// It makes something else of calls of gRPC, which the upstreams of its routes need not speak.
    package var translatesCalls = false
    /// Headers, parameters and cookies that hold credentials, in lower case: the access log does not show them.
    package var secretNames: Set<String> = []

    package init(upstreams: [String] = [], identities: Set<Identity> = [], times: Bool = false) {
        self.upstreams = upstreams
        self.identities = identities
        self.times = times
    }
}

/// The filters that a configuration may name.
package struct FilterCatalog: Sendable {
    package let types: [any FilterConfiguration.Type]
    private let byName: [String: any FilterConfiguration.Type]

    package init(_ types: [any FilterConfiguration.Type]) {
        self.types = types
        self.byName = Dictionary(types.map { ($0.schema.name, $0) }) { first, _ in first }
    }

    package subscript(name: String) -> (any FilterConfiguration.Type)? { byName[name] }

    /// In the order of the catalog.
    package var names: [String] { types.map { $0.schema.name } }
}
