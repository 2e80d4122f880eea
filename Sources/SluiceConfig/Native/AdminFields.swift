internal import SluiceCore

/// `admin`
enum AdminFields {
    private static let shortestToken = 16

    static let address = OptionalField(
        required: "address",
        .placed(.listenAddress),
        doc: "Where the admin API listens: `127.0.0.1:9901`, `unix:/run/sluice/admin.sock`."
    )
    static let token = OptionalField(
        "token",
        ValueType<SHA256Digest>.token(atLeast: shortestToken),
        absent: "none, which only an address on loopback or a Unix socket may have",
        secret: true,
        doc: "What requests must carry as `Authorization: Bearer TOKEN`, at least 16 bytes: `\"${ADMIN_TOKEN}\"`."
    )
    static let hosts = Field(
        "hosts",
        .list(of: .name),
        default: [],
        doc: "Names by which it may be called without a token, besides addresses and `localhost`."
    )
    static let schema = ObjectSchema(
        "admin",
        doc: "The admin API. Off loopback it needs a token.",
        fields: [address, token, hosts]
    )

    static func decode(_ reader: ObjectReader) -> AdminModel? {
        let address = reader.read(address)
        let token = reader.read(token)
        let hosts = reader.read(hosts).map { $0.lowercased() }
        guard let address else { return nil }
        var model = AdminModel(address: address.value, place: reader.context.place(address.span))
        model.token = token
        model.hosts = hosts
        if token == nil, !reader.has(Self.token), !address.value.isLocal {
            reader.report(
                .missingField,
                at: address.span,
                "'admin' needs a 'token', since others than this machine may reach its address",
                help: "add 'token: \"${ADMIN_TOKEN}\"', or listen on 127.0.0.1"
            )
        }
        return model
    }
}

extension ValueType where Value == AdminModel {
    static var admin: Self { .object(AdminFields.schema) { AdminFields.decode($0) } }
}

extension ValueType where Value == SHA256Digest {
    fileprivate static func token(atLeast count: Int) -> Self {
        scalar(.text("token")) { text in
            let isVisible = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard text.utf8.count >= count, text.utf8.count <= 4096, isVisible else {
                let help = "openssl rand -hex 32"
                return .failure(ValueProblem("must be \(count) to 4096 visible ASCII characters", help: help))
            }
            return .success(SHA256Digest(of: Array(text.utf8)))
        }
    }
}

extension ListenAddress {
    /// Whether only this machine can reach it.
    package var isLocal: Bool {
        switch self {
        case .unix: true
        case .ip(let host, _): IPAddress(host)?.isLoopback ?? false
        }
    }
}
