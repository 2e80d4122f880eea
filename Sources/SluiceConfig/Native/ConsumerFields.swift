internal import SluiceCore

/// `consumers:`: one caller.
enum ConsumerFields {
    static let name = OptionalField(
        required: "name",
        .placed(.callerName),
        doc: "What logs, limits and upstreams call it."
    )
    static let groups = Field("groups", .list(of: .groupName), default: [], doc: "Groups that filters may ask for.")
    static let keys = OptionalField(
        "keys",
        .list(of: .placed(.consumerKey)),
        absent: "none",
        secret: true,
        doc: "Its keys for `key_auth`: `\"${ALICE_KEY}\"`, or `{sha256: DIGEST}` for a file without secrets."
    )
    static let certificates = Field(
        "certificates",
        .list(of: .placed(.certificateIdentity)),
        default: [],
        defaultText: "none",
        doc:
            "What its client certificate has, for `mtls_auth`: `{uri: \"spiffe://example.org/sa/web\"}`. One is enough."
    )
    static let schema = ObjectSchema("consumer", doc: "A known caller.", fields: [name, groups, keys, certificates])

    static func decode(_ reader: ObjectReader) -> ConsumerDraft? {
        let name = reader.read(name)
        let groups = reader.read(groups)
        let keys = reader.read(keys) ?? []
        let certificates = reader.read(certificates)
        guard let name else { return nil }
        var model = ConsumerModel(name: name.value, place: reader.context.place(name.span))
        model.groups = groups
        model.keys = keys.map(\.value)
        model.certificates = certificates.map(\.value)
        return ConsumerDraft(
            model: model,
            nameSpan: name.span,
            keySpans: keys.map(\.span),
            certificateSpans: certificates.map(\.span)
        )
    }
}

/// A consumer with the places that checks over all files point to.
struct ConsumerDraft {
    var model: ConsumerModel
    var nameSpan: NodeSpan
    var keySpans: [NodeSpan]
    var certificateSpans: [NodeSpan]
}

extension ValueType where Value == ConsumerDraft {
    static var consumer: Self { .named("consumer", ConsumerFields.schema, decode: ConsumerFields.decode) }
}

private enum DigestFields {
    static let sha256 = OptionalField(
        required: "sha256",
        ValueType<SHA256Digest>.digest,
        secret: true,
        doc: "The digest of the key, hexadecimal."
    )
    static let schema = ObjectSchema("key", doc: "A key of which only the digest is known.", fields: [sha256])
}

extension ValueType where Value == SHA256Digest {
    fileprivate static var digest: Self {
        scalar(.text("64 hexadecimal digits")) { text in
            if let digest = SHA256Digest(hexadecimal: text) { return .success(digest) }
            let problem = "is not the SHA-256 digest of a key: it must be 64 hexadecimal digits"
            return .failure(ValueProblem(problem, help: "printf %s \"$KEY\" | sha256sum"))
        }
    }

    /// A key in the clear, or its digest.
    fileprivate static var consumerKey: Self {
        let clear = ValueType<SHA256Digest>.scalar(.text("key")) { text in
            if text.isEmpty { return .failure(ValueProblem("must not be empty")) }
            if text.utf8.count > 4096 { return .failure(ValueProblem("must not be longer than 4096 bytes")) }
            // No header can carry such a key the way it stands there, so that nobody could ever use it.
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
                return .failure(ValueProblem("must not hold blanks or control characters"))
            }
            return .success(SHA256Digest(of: Array(text.utf8)))
        }
        return .either(text: clear, other: .object(DigestFields.schema) { $0.read(DigestFields.sha256) })
    }
}

extension ValueType where Value == String {
    /// A name that goes upstream as the value of a header.
    fileprivate static var callerName: Self {
        name.checked { text in
            text.first == " " || text.last == " " ? ValueProblem("must not begin or end with a blank: {}") : nil
        }
    }

    /// The name of a group: upstreams see those of a caller in one header, with commas in between.
    package static var groupName: Self {
        callerName.checked { $0.contains(",") ? ValueProblem("must not hold a comma: {}") : nil }
    }
}

// MARK: - Certificates

private enum CertificateIdentityFields {
    static let uri = OptionalField("uri", .identityURI, doc: "A URI in it: `spiffe://example.org/sa/web`.")
    static let dns = OptionalField("dns", .serverName, doc: "A DNS name in it.")
    static let email = OptionalField("email", .identityEmail, doc: "An email address in it.")
    static let subject = OptionalField(
        "subject",
        .name,
        doc: "Its subject as RFC 4514 writes it, the last part first: `CN=web,O=Example`."
    )
    static let pin = OptionalField("pin", .publicKeyPin, doc: "Base64 of the SHA-256 digest of its public key.")
    static let schema = ObjectSchema(
        "certificate of a consumer",
        doc: "What a certificate has that no other caller's does.",
        fields: [uri, dns, email, subject, pin],
        exactlyOne: ["uri", "dns", "email", "subject", "pin"]
    )

    static func decode(_ reader: ObjectReader) -> CertificateIdentity? {
        let uri = reader.read(uri)
        let dns = reader.read(dns)
        let email = reader.read(email)
        let subject = reader.read(subject)
        let pin = reader.read(pin)
        return uri.map { .uri($0) } ?? dns.map { .dns($0) } ?? email.map { .email($0) } ?? subject.map { .subject($0) }
            ?? pin.map { .pin($0) }
    }
}

extension ValueType where Value == CertificateIdentity {
    fileprivate static var certificateIdentity: Self {
        .object(CertificateIdentityFields.schema) { CertificateIdentityFields.decode($0) }
    }
}

// MARK: - Across consumers

extension NativeDraft {
    /// Two callers with one credential could not be told apart.
    func checkCredentials(_ context: DecodeContext) {
        check("key", of: { zip($0.model.keys, $0.keySpans) }, context)
        check("certificate", of: { zip($0.model.certificates, $0.certificateSpans) }, context)
    }

    private func check<Credential: Hashable>(
        _ kind: String,
        of credentials: (ConsumerDraft) -> Zip2Sequence<[Credential], [NodeSpan]>,
        _ context: DecodeContext
    ) {
        var first: [Credential: (name: String, span: NodeSpan)] = [:]
        for consumer in consumers {
            for (credential, span) in credentials(consumer) {
                guard let other = first[credential] else {
                    first[credential] = (consumer.model.name, span)
                    continue
                }
                let name = Printable.short(consumer.model.name)
                let message =
                    other.name == consumer.model.name
                    ? "consumer '\(name)' has the same \(kind) twice"
                    : "consumer '\(name)' has a \(kind) of consumer '\(Printable.short(other.name))'"
                context.report(.duplicateName, at: span, message, notes: [(text: "first here", span: other.span)])
            }
        }
    }
}
