internal import SluiceCore

// The values that the settings of TLS on both sides are made of.

extension ValueType where Value == TLSMaterial {
    /// A file relative to the folder of the configuration file, or PEM itself.
    static var tlsMaterial: Self {
        material(.anyOf([.text("file"), .text("PEM")])) { $0.contains("-----BEGIN ") ? .inline(Secret($0)) : nil }
    }

    /// The same for what is not PEM.
    static var tlsFile: Self { material(.text("file")) { _ in nil } }

    private static func material(
        _ type: FieldType,
        inline: @escaping @Sendable (String) -> TLSMaterial.Origin?
    ) -> Self {
        ValueType(type) { node, scope in
            guard let text = scope.text(of: node) else { return nil }
            let span = scope.context.span(node.span)
            if let inline = inline(text) {
                scope.context.hide(node)
                return TLSMaterial(inline, at: span)
            }
            guard let path = ValueType<String>.name.decode(node, scope) else { return nil }
            return TLSMaterial(.file(scope.context.path(ofFile: path, near: node.span)), at: span)
        }
    }
}

extension ValueType where Value == String {
    /// A file that the gateway writes; the path as the process opens it.
    static var writtenFile: Self {
        ValueType(.text("file")) { node, scope in
            guard let path = ValueType<String>.name.decode(node, scope) else { return nil }
            return scope.context.path(ofFile: path, near: node.span)
        }
    }

    /// A name as certificates have them: `api.example.com` or `*.example.com`.
    static var certificateName: Self {
        hostPattern.checked { name in
            guard name.hasPrefix("[") || IPAddress(name) != nil else { return nil }
            return ValueProblem(.hostPattern, "cannot be {}: clients never ask for an address by name")
        }
    }

    /// A name of a server without port, or a literal address.
    static var serverName: Self {
        scalar(.text("host name")) { text in
            if let address = IPAddress(text) { return .success(address.description) }
            guard HostSyntax.isName(text.lowercased()) else {
                let help = "the name alone, without port: api.example.com"
                return .failure(ValueProblem(.hostPattern, "is not a host name: {}", help: help))
            }
            return .success(text.lowercased())
        }
    }

    /// Base64 of the SHA-256 digest of a public key, as `curl --pinnedpubkey sha256//...` and HPKP write it.
    static var publicKeyPin: Self {
        scalar(.text("base64 of a SHA-256 digest")) { text in
            let digest = text.hasPrefix("sha256//") ? String(text.dropFirst(8)) : text
            if Base64.decode(digest, as: .standard)?.count == 32 { return .success(digest) }
            let help = """
                openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin -outform der \
                | openssl dgst -sha256 -binary | base64
                """
            return .failure(ValueProblem("is not the SHA-256 digest of a public key in base64: {}", help: help))
        }
    }
}

// MARK: - Names in certificates

private enum IdentityFields {
    static let dns = OptionalField(
        "dns",
        .certificateName,
        doc: "A DNS name in it; `*.example.com` takes every name below."
    )
    static let uri = OptionalField("uri", .identityURI, doc: "A URI in it: `spiffe://example.org/ns/prod/sa/web`.")
    static let uriPrefix = OptionalField(
        "uri_prefix",
        .identityURI,
        doc: "The beginning of a URI in it, whole segments: `spiffe://example.org/ns/prod`."
    )
    static let email = OptionalField("email", .identityEmail, doc: "An email address in it.")
    static let schema = ObjectSchema(
        "certificate name",
        doc: "A name that a certificate has among its subject alternative names.",
        fields: [dns, uri, uriPrefix, email],
        exactlyOne: ["dns", "uri", "uri_prefix", "email"]
    )

    static func decode(_ reader: ObjectReader) -> IdentityMatch? {
        let dns = reader.read(dns)
        let uri = reader.read(uri)
        let prefix = reader.read(uriPrefix)
        let email = reader.read(email)
        return dns.map { .dns($0) } ?? uri.map { .uri($0) } ?? prefix.map { .uriPrefix($0) } ?? email.map { .email($0) }
    }
}

extension ValueType where Value == IdentityMatch {
    static var identityMatch: Self { .object(IdentityFields.schema) { IdentityFields.decode($0) } }
}

extension ValueType where Value == String {
    /// A URI as certificates have them: compared byte by byte, but for a slash at the end of a prefix.
    static var identityURI: Self {
        scalar(.text("URI")) { text in
            let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
            let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isPlain, !scheme.isEmpty, scheme.count + 1 < text.utf8.count else {
                let help = "URIs look like spiffe://example.org/ns/prod/sa/web"
                return .failure(ValueProblem("is not a URI: {}", help: help))
            }
            return .success(text)
        }
    }

    /// An email address; its domain is given back in lower case (RFC 5280, section 4.2.1.6).
    static var identityEmail: Self {
        scalar(.text("email address")) { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isPlain, parts.count == 2, !parts[0].isEmpty, HostSyntax.isName(parts[1].lowercased()) else {
                return .failure(ValueProblem("is not an email address: {}"))
            }
            return .success("\(parts[0])@\(parts[1].lowercased())")
        }
    }
}

// MARK: - Versions, ciphers, curves

/// The fields that `tls` has on both sides.
enum TLSParameterFields {
    private static let standard = TLSParameters()

    static let minVersion = Field(
        "min_version",
        .choice(of: TLSProtocolVersion.self),
        default: standard.minVersion,
        doc: "The oldest version of TLS that is spoken."
    )
    static let maxVersion = Field(
        "max_version",
        .choice(of: TLSProtocolVersion.self),
        default: standard.maxVersion,
        doc: "The newest version of TLS that is spoken."
    )
    static let ciphers = Field(
        "ciphers",
        .list(of: .choice(of: TLSCipher.self), atLeast: 1),
        default: standard.ciphers,
        doc: "Cipher suites of TLS 1.2, best first. Those of TLS 1.3 are all spoken."
    )
    static let curves = Field(
        "curves",
        .list(of: .choice(of: TLSCurve.self), atLeast: 1),
        default: standard.curves,
        doc: "Groups of the key exchange, best first."
    )
    static let all: [any AnyField] = [minVersion, maxVersion, ciphers, curves]

    static func decode(_ reader: ObjectReader) -> TLSParameters {
        var parameters = TLSParameters()
        parameters.minVersion = reader.read(minVersion)
        parameters.maxVersion = reader.read(maxVersion)
        parameters.ciphers = reader.read(ciphers)
        parameters.curves = reader.read(curves)
        if parameters.minVersion > parameters.maxVersion {
            reader.invalid(minVersion, "'min_version' is newer than 'max_version'")
        }
        return parameters
    }
}

// MARK: - Verification

/// The fields that say how a peer's certificate is verified, on both sides.
enum PeerVerificationFields {
    private static let standard = PeerVerificationModel()

    static let revocations = OptionalField(
        "crl",
        .tlsMaterial,
        absent: "none",
        doc: "Certificate revocation lists, PEM or DER: one of each authority, or what it signed is refused."
    )
    static let scope = Field(
        "crl_scope",
        .choice(of: PeerVerificationModel.RevocationScope.self),
        default: standard.revocationScope,
        doc:
            "Whether only the peer's own certificate is looked up there (`leaf`), or those that signed it too (`chain`)."
    )
    static let depth = Field(
        "depth",
        .integer(0...100),
        default: standard.depth,
        doc: "Certificates that may stand between the peer's own and an authority."
    )
    static let pins = Field(
        "pins",
        .list(of: .publicKeyPin, atLeast: 1),
        default: [],
        defaultText: "any key",
        doc: "Base64 of the SHA-256 digests of public keys, of which the peer's must be one."
    )

    static func decode(_ reader: ObjectReader) -> PeerVerificationModel {
        var model = PeerVerificationModel()
        model.revocations = reader.read(revocations)
        model.revocationScope = reader.read(scope)
        model.depth = reader.read(depth)
        model.pins = reader.read(pins)
        return model
    }
}
