/// `upstreams.NAME.tls`
private enum UpstreamTLSFields {
    static let authorities = OptionalField(
        "ca",
        .tlsMaterial,
        absent: "those of the system",
        doc: "Certificates of the authorities that servers are verified with, PEM."
    )
    static let verify = Field(
        "verify",
        .flag,
        default: true,
        doc: "`false`: any certificate will do, so that anybody on the way can be the server."
    )
    static let serverName = OptionalField(
        "server_name",
        .serverName,
        absent: "the `host` of the upstream where it is a name, else the server's own",
        doc: "The name that is asked for (SNI), and that the certificate must have."
    )
    static let certificate = OptionalField(
        "cert",
        .tlsMaterial,
        absent: "none",
        doc: "A certificate for servers that ask for one, and those that lead to its authority, PEM."
    )
    static let key = OptionalField("key", .tlsMaterial, absent: "in the file of `cert`", doc: "Its private key, PEM.")
    static let match = Field(
        "match",
        .list(of: .identityMatch, atLeast: 1),
        default: [],
        defaultText: "`server_name`",
        doc: "Names of which the server's certificate must have one, instead of `server_name`."
    )
    static let schema = ObjectSchema(
        "upstream tls",
        doc: "TLS with the servers of an upstream. [The page of TLS](tls.md) explains it.",
        fields: [
            authorities, verify, serverName, match, PeerVerificationFields.pins, PeerVerificationFields.revocations,
            PeerVerificationFields.scope, PeerVerificationFields.depth, certificate, key, CertificateFields.passphrase,
        ] + TLSParameterFields.all
    )

    static func decode(_ reader: ObjectReader) -> UpstreamTLSModel {
        let place = reader.has(verify) ? reader.span(of: verify) : reader.node.span
        var model = UpstreamTLSModel(place: reader.context.place(place))
        model.verify = reader.read(verify)
        model.verification = PeerVerificationFields.decode(reader)
        model.verification.authorities = reader.read(authorities)
        model.verification.match = reader.read(match)
        model.serverName = reader.read(serverName)
        model.parameters = TLSParameterFields.decode(reader)
        let certificate = reader.read(certificate)
        let key = reader.read(key)
        let passphrase = reader.read(CertificateFields.passphrase)
        if let certificate {
            var own = CertificateModel(certificate: certificate, key: key ?? certificate)
            own.passphrase = passphrase.map { Secret($0) }
            model.certificate = own
        } else if key != nil, !reader.has(Self.certificate) {
            reader.report(
                .missingField,
                at: reader.span(of: Self.key),
                "\(reader.owner.description) has a 'key' without 'cert'"
            )
        }
        if !model.verify { refuseChecks(reader) }
        return model
    }

    /// What would check a certificate that nobody looks at.
    private static func refuseChecks(_ reader: ObjectReader) {
        let checks: [any AnyField] = [authorities, match, PeerVerificationFields.revocations]
        for check in checks where reader.has(check) {
            reader.report(
                .exclusive,
                at: reader.span(of: check),
                "'\(check.schema.name)' of \(reader.owner.description) has no effect with 'verify: false'"
            )
        }
    }
}

/// `tls: true`, `tls: false` or the mapping.
struct UpstreamTLSChoice: Sendable {
    /// nil: cleartext.
    var model: UpstreamTLSModel?
}

extension ValueType where Value == UpstreamTLSChoice {
    static var upstreamTLS: Self {
        let flag = ValueType<Bool>.flag
        let text = ValueType(flag.type) { node, scope in
            flag.decode(node, scope).map { isOn in
                UpstreamTLSChoice(model: isOn ? UpstreamTLSModel(place: scope.context.place(node.span)) : nil)
            }
        }
        return .either(
            text: text,
            other: .object(UpstreamTLSFields.schema) { UpstreamTLSChoice(model: UpstreamTLSFields.decode($0)) }
        )
    }
}
