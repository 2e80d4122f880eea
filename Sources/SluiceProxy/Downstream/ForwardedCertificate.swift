import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTLS

/// `X-Forwarded-Client-Cert`: who the client is by its certificate, in the words of Envoy.
///
/// Elements are separated by commas, their pairs by semicolons; a value with one of `,;="` in it is quoted.
extension DownstreamConnection {
    /// Removes what a stranger says and adds what this gateway verified, as the listener wants it. Once per request.
    func writeForwardedCertificate(to fields: inout HeaderTable) {
        if tls == nil, !fields.present.mayHave(.xForwardedClientCert) { return }
        let mode = listener.forwardedCertificate.mode
        let certificate = tls?.peer.flatMap { $0.isVerified ? $0 : nil }
        let came = fields.has(.xForwardedClientCert)
        guard came || certificate != nil else { return }
        var elements: [UInt8] = []
        if certificate != nil, mode == .append || mode == .forward { elements = joined(fields) }
        if came { fields.remove(.xForwardedClientCert) }
        if let certificate, mode == .append || mode == .set {
            if !elements.isEmpty { elements.append(UInt8(ascii: ",")) }
            elements += element(certificate)
        }
        if !elements.isEmpty { fields.append(.xForwardedClientCert, value: elements) }
    }

    private func joined(_ fields: HeaderTable) -> [UInt8] {
        var all: [UInt8] = []
        var from = 0
        while let i = fields.firstIndex(of: .xForwardedClientCert, from: from) {
            fields.withBytes(fields.entries[i].valueRange) { value in
                if !all.isEmpty, !value.isEmpty { all.append(UInt8(ascii: ",")) }
                all += value
            }
            from = i + 1
        }
        return all
    }

    private func element(_ peer: PeerCertificate) -> [UInt8] {
        var pairs: [[UInt8]] = []
        func add(_ name: StaticString, _ value: [UInt8]) { pairs.append(Array("\(name)=".utf8) + Self.quoted(value)) }
        for part in listener.forwardedCertificate.parts {
            switch part {
            case .by: if let uri = listener.ownURI { add("By", uri) }
            case .hash: add("Hash", peer.certificate.fingerprint)
            case .cert: add("Cert", Self.percentEncoded(peer.certificate.pem))
            case .chain: add("Chain", Self.percentEncoded(peer.chain.flatMap(TLSCertificate.pem)))
            case .subject: pairs.append(Array("Subject=\"".utf8) + Self.escaped(peer.certificate.subject) + [0x22])
            case .uri: for uri in peer.certificate.uris { add("URI", uri) }
            case .dns: for name in peer.certificate.dnsNames { add("DNS", name) }
            }
        }
        return Array(pairs.joined(separator: [UInt8(ascii: ";")]))
    }

    private static func quoted(_ value: [UInt8]) -> [UInt8] {
        let isPlain = value.allSatisfy { byte in
            byte != UInt8(ascii: ",") && byte != UInt8(ascii: ";") && byte != UInt8(ascii: "=") && byte != 0x22
                && byte != UInt8(ascii: "\\")
        }
        return isPlain && !value.isEmpty ? value : [0x22] + escaped(value) + [0x22]
    }

    private static func escaped(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { $0 == 0x22 || $0 == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    /// Of PEM only its line ends, spaces and `+/=` need it; the rest is unreserved.
    private static func percentEncoded(_ text: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return text.flatMap { byte -> [UInt8] in
            if ASCII.isToken(byte), byte != UInt8(ascii: "+") { return [byte] }
            return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
