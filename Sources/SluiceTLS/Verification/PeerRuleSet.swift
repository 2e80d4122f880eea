import CNIOBoringSSL
import SluiceCore

/// `TLSPeerRules`, checked and made ready for comparing.
struct PeerRuleSet: Sendable {
    private enum Rule: Sendable {
        case dns([UInt8])
        case email([UInt8])
        case address(IPAddress)
        case text(TLSPeerRules.NameKind, TLSPeerRules.NameMatch)
    }

    private let names: [Rule]
    private let pins: Set<[UInt8]>
    private let hashes: Set<[UInt8]>
    /// Everything that decides, as bytes: for the digest of a policy.
    let identity: [UInt8]

    var hasNames: Bool { !names.isEmpty }

    init(_ rules: TLSPeerRules) throws(TLSSettingsError) {
        var names: [Rule] = []
        var identity: [UInt8] = []
        for name in rules.names {
            names.append(try Self.rule(name))
            identity += Self.identity(of: name)
        }
        for digest in rules.publicKeyPins + rules.certificateHashes where digest.count != 32 {
            throw TLSSettingsError(.peerRules, "a pin or hash has \(digest.count) bytes; SHA-256 has 32")
        }
        self.names = names
        pins = Set(rules.publicKeyPins)
        hashes = Set(rules.certificateHashes)
        identity += [0xFE] + rules.publicKeyPins.joined() + [0xFE] + rules.certificateHashes.joined()
        self.identity = identity
    }

    private static func identity(of name: TLSPeerRules.Name) -> [UInt8] {
        let kind: UInt8 =
            switch name.kind {
            case .dns: 1
            case .uri: 2
            case .email: 3
            case .ip: 4
            }
        let (match, text): (UInt8, [UInt8]) =
            switch name.match {
            case .exact(let text): (1, text)
            case .prefix(let text): (2, text)
            case .suffix(let text): (3, text)
            }
        return [kind, match] + text + [0]
    }

    private static func rule(_ name: TLSPeerRules.Name) throws(TLSSettingsError) -> Rule {
        func bad(_ bytes: [UInt8], _ what: String) -> TLSSettingsError {
            TLSSettingsError(.peerRules, "'\(TextForm.clean(String(decoding: bytes, as: UTF8.self)))' is no \(what)")
        }
        switch (name.kind, name.match) {
        case (.dns, .exact(let text)):
            guard let host = DNSName.normalised(text) else { throw bad(text, "host name") }
            return .dns(host)
        case (.email, .exact(let text)):
            guard let folded = foldedEmail(text) else { throw bad(text, "email address") }
            return .email(folded)
        case (.ip, .exact(let text)):
            guard let address = IPAddress(String(decoding: text, as: UTF8.self)) else { throw bad(text, "IP address") }
            return .address(address)
        case (.ip, _):
            throw TLSSettingsError(.peerRules, "an IP address can only be compared as a whole")
        case (_, .exact(let text)), (_, .prefix(let text)), (_, .suffix(let text)):
            guard !text.isEmpty else { throw TLSSettingsError(.peerRules, "an empty text matches every name") }
            return .text(name.kind, name.match)
        }
    }

    /// Whether a leaf's names and digests are good enough.
    func check(_ leaf: LibraryObject, names found: SubjectNames) -> TLSFailure? {
        if !names.isEmpty, !names.contains(where: { Self.isMet($0, by: found) }) {
            return TLSFailure(.sanMismatch, "no subject alternative name of the certificate is an accepted one")
        }
        guard !(pins.isEmpty && hashes.isEmpty) else { return nil }
        if let der = leaf.certificateInDER, hashes.contains(sha256(der)) { return nil }
        if let key = leaf.publicKeyInDER, pins.contains(sha256(key)) { return nil }
        return TLSFailure(.pinMismatch, "neither the certificate nor its public key is a pinned one")
    }

    private static func isMet(_ rule: Rule, by names: SubjectNames) -> Bool {
        switch rule {
        case .dns(let host): names.dns.contains { DNSName.matches(pattern: $0, host: host) }
        case .email(let address): names.emails.contains { foldedEmail($0) == address }
        case .address(let address): names.ipAddresses.contains(address)
        case .text(let kind, let match): list(of: kind, in: names).contains { isMet(match, by: $0, of: kind) }
        }
    }

    private static func list(of kind: TLSPeerRules.NameKind, in names: SubjectNames) -> [[UInt8]] {
        switch kind {
        case .dns: names.dns
        case .uri: names.uris
        case .email: names.emails
        case .ip: []
        }
    }

    private static func isMet(
        _ match: TLSPeerRules.NameMatch,
        by name: [UInt8],
        of kind: TLSPeerRules.NameKind
    ) -> Bool {
        func folded(_ bytes: [UInt8]) -> [UInt8] { kind == .dns ? bytes.map { ASCII.lowercased($0) } : bytes }
        return switch match {
        case .exact(let text): folded(name) == folded(text)
        case .prefix(let text): folded(name).starts(with: folded(text))
        case .suffix(let text): folded(name).reversed().starts(with: folded(text).reversed())
        }
    }

    /// The host of an address in lower case (RFC 5280, section 7.5); nil without an `@`.
    private static func foldedEmail(_ bytes: [UInt8]) -> [UInt8]? {
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")), at > 0, at + 1 < bytes.count else { return nil }
        return bytes[...at] + bytes[(at + 1)...].map { ASCII.lowercased($0) }
    }
}
