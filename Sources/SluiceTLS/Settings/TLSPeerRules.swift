/// What a peer's certificate must be, on top of a valid chain.
package struct TLSPeerRules: Sendable {
    /// The kinds of subject alternative names (RFC 5280, section 4.2.1.6) that a rule can speak of.
    package enum NameKind: Sendable, Equatable {
        case dns
        case uri
        case email
        case ip
    }

    /// How the text of a name is compared.
    package enum NameMatch: Sendable, Equatable {
        /// DNS: without regard to case, and a `*` as the first label of the certificate's name stands for one label
        /// (RFC 9525, section 6.3). Email: the part behind the `@` without regard to case. IP: as an address.
        case exact([UInt8])
        case prefix([UInt8])
        case suffix([UInt8])
    }

    /// One name that is good enough.
    package struct Name: Sendable, Equatable {
        package var kind: NameKind
        package var match: NameMatch

        package init(_ kind: NameKind, _ match: NameMatch) {
            self.kind = kind
            self.match = match
        }
    }

    /// The certificate must have one of these; empty: any certificate.
    package var names: [Name]
    /// SHA-256 of the subject's public key info, 32 bytes each. The leaf must match one of these or one of
    /// `certificateHashes`; both empty: any.
    package var publicKeyPins: [[UInt8]]
    /// SHA-256 of the whole certificate in DER, 32 bytes each.
    package var certificateHashes: [[UInt8]]

    package init(names: [Name] = [], publicKeyPins: [[UInt8]] = [], certificateHashes: [[UInt8]] = []) {
        self.names = names
        self.publicKeyPins = publicKeyPins
        self.certificateHashes = certificateHashes
    }

    package var isEmpty: Bool { names.isEmpty && publicKeyPins.isEmpty && certificateHashes.isEmpty }
}
