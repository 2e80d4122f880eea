import SluiceCore
import SluiceTLS

extension TLSSession {
    /// One fact as templates and logs show it; empty where there is nothing.
    func text(of fact: TLSFact) -> [UInt8] {
        switch fact {
        case .version: version.map { Array("\($0.name)".utf8) } ?? []
        case .cipher: cipher ?? []
        case .serverName: serverName ?? []
        default: peer.flatMap { $0.isVerified ? Self.text(of: fact, in: $0.certificate) : nil } ?? []
        }
    }

    private static func text(of fact: TLSFact, in certificate: TLSCertificate) -> [UInt8] {
        switch fact {
        case .clientSubject: certificate.subject
        case .clientIssuer: certificate.issuer
        case .clientSerial: certificate.serial
        case .clientFingerprint: certificate.fingerprint
        case .clientPin: certificate.publicKeyPin
        case .clientURI: Array(certificate.uris.joined(separator: [0x2C]))
        case .clientDNS: Array(certificate.dnsNames.joined(separator: [0x2C]))
        case .clientEmail: Array(certificate.emails.joined(separator: [0x2C]))
        case .version, .cipher, .serverName: []
        }
    }
}
