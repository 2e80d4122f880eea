internal import NIOCore
internal import SluiceCore

/// `listeners[].tls`
enum ListenerTLSFields {
    private static let standard = ListenerTLSModel(place: .builtIn)

    static let certificates = OptionalField(
        required: "certificates",
        .list(of: .listenerCertificate, atLeast: 1),
        doc:
            "Each client gets the one that fits the name it asks for and the keys it can verify; the first serves the others."
    )
    static let strictNames = Field(
        "strict_sni",
        .flag,
        default: standard.strictNames,
        doc: "Refuses clients that ask for no name, or for one that no certificate has."
    )
    static let clientCertificate = OptionalField(
        "client_certificate",
        .clientCertificate,
        absent: "clients are not asked for one",
        doc: "The certificates that clients show (mutual TLS)."
    )
    static let clientAuthorities = OptionalField(
        "client_ca",
        .tlsMaterial,
        doc: "Short for `client_certificate: {ca: ...}`."
    )
    static let clientMode = OptionalField(
        "client_auth",
        .choice(of: ClientCertificateModel.Mode.self),
        absent: "`require` where there is a `client_ca`",
        doc: "Short for `client_certificate: {mode: ...}`."
    )
    static let forwarded = Field(
        "forward_client_certificate",
        .forwardedCertificate,
        default: standard.forwardedCertificate,
        doc: "What upstreams are told in `X-Forwarded-Client-Cert`: a mode, or a mapping."
    )
    static let stapling = Field(
        "ocsp_policy",
        .choice(of: StaplingPolicy.self),
        default: standard.staplingPolicy,
        doc:
            "Of certificates with `ocsp`: `lenient` serves without an answer that has run out, `strict` does not use such "
            + "a certificate; `require` uses none without a valid answer."
    )
    static let tickets = Field(
        "tickets",
        .sessionTickets,
        default: standard.tickets,
        doc: "Session tickets: `on` with keys of this process, `off`, or `{keys: [FILE]}` shared by several."
    )
    static let sessionLifetime = Field(
        "session_lifetime",
        .sessionLifetime,
        default: standard.sessionLifetime,
        doc: "How long a client may resume a session, up to seven days."
    )
    static let handshakeTimeout = Field(
        "handshake_timeout",
        .duration,
        default: standard.handshakeTimeout,
        doc: "From the connection to the end of its handshake; then it is closed."
    )
    static let keyLog = OptionalField(
        "key_log",
        .writtenFile,
        absent: "nowhere",
        doc: "Where the secrets of all sessions are written, in the format of `SSLKEYLOGFILE`. For debugging only."
    )

    static let schema = ObjectSchema(
        "tls",
        doc: "TLS with the clients of a listener. [The page of TLS](tls.md) explains it.",
        fields: [certificates, strictNames] + TLSParameterFields.all + [
            clientCertificate, clientAuthorities, clientMode, forwarded, stapling, tickets, sessionLifetime,
            handshakeTimeout,
            keyLog,
        ]
    )

    static func decode(_ reader: ObjectReader) -> ListenerTLSModel? {
        var model = ListenerTLSModel(place: reader.context.place(reader.node.span))
        model.certificates = reader.read(certificates) ?? []
        model.strictNames = reader.read(strictNames)
        model.parameters = TLSParameterFields.decode(reader)
        model.clientCertificate = decodeClientCertificate(reader)
        model.forwardedCertificate = reader.read(forwarded)
        model.staplingPolicy = reader.read(stapling)
        model.tickets = reader.read(tickets)
        model.sessionLifetime = reader.read(sessionLifetime)
        model.handshakeTimeout = reader.read(handshakeTimeout)
        model.keyLog = reader.read(keyLog)
        if model.forwardedCertificate.mode != .sanitize, !asksClients(reader) {
            reader.report(
                .missingField,
                at: reader.span(of: forwarded),
                "'forward_client_certificate' of \(reader.owner.description) needs a 'client_certificate', since clients are not asked for one"
            )
        }
        return model
    }

    private static func asksClients(_ reader: ObjectReader) -> Bool {
        reader.has(clientCertificate) || reader.has(clientAuthorities)
    }

    /// The mapping, or its short form; not both.
    private static func decodeClientCertificate(_ reader: ObjectReader) -> ClientCertificateModel? {
        let whole = reader.read(clientCertificate)
        let authorities = reader.read(clientAuthorities)
        let mode = reader.read(clientMode)
        for short in [clientAuthorities.schema, clientMode.schema] where reader.has(clientCertificate) {
            guard reader.has(Named(schema: short)) else { continue }
            reader.report(
                .exclusive,
                at: reader.span(of: Named(schema: short)),
                "\(reader.owner.description) has '\(short.name)' and 'client_certificate': only one of them can apply"
            )
        }
        if let whole { return whole }
        guard let authorities else {
            if reader.has(clientMode), !asksClients(reader) {
                reader.report(.missingField, at: reader.span(of: clientMode), "'client_auth' needs a 'client_ca'")
            }
            return nil
        }
        var model = ClientCertificateModel()
        model.verification.authorities = authorities
        model.mode = mode ?? .require
        return model
    }

    private struct Named: AnyField { let schema: FieldSchema }
}

extension ValueType where Value == ListenerTLSModel {
    static var listenerTLS: Self { .object(ListenerTLSFields.schema) { ListenerTLSFields.decode($0) } }
}

// MARK: - Certificates

/// A certificate, its key and the passphrase of that, on both sides.
enum CertificateFields {
    static let passphrase = OptionalField(
        "passphrase",
        .text,
        absent: "the key is not encrypted",
        secret: true,
        doc: "Of an encrypted key: `\"${KEY_PASSPHRASE}\"`."
    )
}

private enum ListenerCertificateFields {
    static let certificate = OptionalField(
        required: "cert",
        .tlsMaterial,
        doc: "The certificate and those that lead to its authority, PEM, its own first; read again when it changes."
    )
    static let key = OptionalField("key", .tlsMaterial, absent: "in the file of `cert`", doc: "Its private key, PEM.")
    static let hosts = Field(
        "hosts",
        .list(of: .certificateName),
        default: [],
        defaultText: "the DNS names in it",
        doc: "The names that it serves: `api.example.com`, or `*.example.com`, which takes one label."
    )
    static let ocsp = OptionalField(
        "ocsp",
        .tlsFile,
        absent: "none",
        doc: "A DER-encoded OCSP answer that is handed to clients, read again when it changes."
    )
    static let schema = ObjectSchema(
        "certificate",
        doc: "A certificate and what belongs to it.",
        fields: [certificate, key, CertificateFields.passphrase, hosts, ocsp]
    )

    static func decode(_ reader: ObjectReader) -> ListenerCertificateModel? {
        let certificate = reader.read(certificate)
        let key = reader.read(key)
        let passphrase = reader.read(CertificateFields.passphrase)
        let hosts = reader.read(hosts)
        let ocsp = reader.read(ocsp)
        guard let certificate else { return nil }
        var model = ListenerCertificateModel(CertificateModel(certificate: certificate, key: key ?? certificate))
        model.certificate.passphrase = passphrase.map { Secret($0) }
        model.hosts = hosts
        model.ocsp = ocsp
        return model
    }
}

extension ValueType where Value == ListenerCertificateModel {
    fileprivate static var listenerCertificate: Self {
        .object(ListenerCertificateFields.schema) { ListenerCertificateFields.decode($0) }
    }
}

// MARK: - Sessions

private enum TicketFields {
    static let keys = OptionalField(
        required: "keys",
        .list(of: .tlsFile, atLeast: 1),
        doc:
            "Files with a key each, 48 or 80 random bytes: the first encrypts, all decrypt. Read again when they change."
    )
    static let schema = ObjectSchema("tickets", doc: "Session tickets that several gateways share.", fields: [keys])
}

extension ValueType where Value == SessionTicketModel {
    fileprivate static var sessionTickets: Self {
        let word = ValueType.scalar(.choice(["on", "off"])) { text in
            switch text {
            case "on": .success(.on)
            case "off": .success(.off)
            default: .failure(ValueProblem("cannot be {}", help: Spelling.choices(["on", "off", "{keys: [FILE]}"])))
            }
        }
        return .either(
            text: word.shown { if case .off = $0 { "off" } else { "on" } },
            other: .object(TicketFields.schema) { $0.read(TicketFields.keys).map { .keys($0) } }
        )
    }
}

extension ValueType where Value == TimeAmount {
    /// RFC 8446, section 4.6.1.
    fileprivate static var sessionLifetime: Self {
        duration(atLeast: .seconds(1)).checked {
            $0 > .hours(7 * 24) ? ValueProblem(.outOfRange, "must be at most 168h, not {}") : nil
        }
    }
}
