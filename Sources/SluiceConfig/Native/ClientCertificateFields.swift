/// `listeners[].tls.client_certificate`
private enum ClientCertificateFields {
    enum Mode: String, CaseIterable, Sendable { case none, optional, require }

    static let mode = Field(
        "mode",
        .choice(of: Mode.self),
        default: .require,
        doc: "Whether clients must show one, may, or are not asked."
    )
    static let authorities = OptionalField(
        "ca",
        .tlsMaterial,
        absent: "an error, unless `mode` is `none`",
        doc: "Certificates of the authorities whose clients are let in, PEM."
    )
    static let match = Field(
        "match",
        .list(of: .identityMatch, atLeast: 1),
        default: [],
        defaultText: "any name",
        doc: "Names of which a client's certificate must have one."
    )
    static let schema = ObjectSchema(
        "client certificate",
        doc: "The certificates that clients show (mutual TLS).",
        fields: [
            mode, authorities, PeerVerificationFields.revocations, PeerVerificationFields.scope,
            PeerVerificationFields.depth, match, PeerVerificationFields.pins,
        ]
    )

    static func decode(_ reader: ObjectReader) -> ClientCertificateModel? {
        var model = ClientCertificateModel()
        let mode = reader.read(mode)
        model.verification = PeerVerificationFields.decode(reader)
        model.verification.authorities = reader.read(authorities)
        model.verification.match = reader.read(match)
        switch mode {
        // The rest was read all the same: what is wrong there is wrong.
        case .none: return nil
        case .optional: model.mode = .optional
        case .require: model.mode = .require
        }
        if !reader.has(authorities) {
            reader.report(.missingField, at: reader.node.span, "\(reader.owner.description) needs 'ca'")
        }
        return model
    }
}

extension ValueType where Value == ClientCertificateModel {
    static var clientCertificate: Self {
        .object(ClientCertificateFields.schema) { ClientCertificateFields.decode($0) }
    }
}

// MARK: - What upstreams are told

private enum ForwardedCertificateFields {
    private static let standard = ForwardedCertificateModel()

    static let mode = Field(
        "mode",
        .choice(of: ForwardedCertificateModel.Mode.self),
        default: standard.mode,
        doc: "`sanitize`: the header is removed. `set`: it says what was verified here. `append`: that behind what the "
            + "client sent. `forward`: what the client sent. The last two only if its certificate was verified."
    )
    static let parts = Field(
        "fields",
        .list(of: .choice(of: ForwardedCertificateModel.Part.self), atLeast: 1),
        default: standard.parts,
        doc: "What `set` and `append` write, in this order."
    )
    static let schema = ObjectSchema(
        "forwarded certificate",
        doc: "What upstreams are told of the client's certificate in `X-Forwarded-Client-Cert`.",
        fields: [mode, parts]
    )
}

extension ValueType where Value == ForwardedCertificateModel {
    static var forwardedCertificate: Self {
        let word = ValueType<ForwardedCertificateModel.Mode>.choice()
        let text = word.map { mode in
            var model = ForwardedCertificateModel()
            model.mode = mode
            return model
        }
        return .either(
            text: text.shown { $0.mode.rawValue },
            other: .object(ForwardedCertificateFields.schema) { reader in
                var model = ForwardedCertificateModel()
                model.mode = reader.read(ForwardedCertificateFields.mode)
                model.parts = reader.read(ForwardedCertificateFields.parts)
                return model
            }
        )
    }
}
