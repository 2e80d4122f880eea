import SluiceConfig
import SluiceCore
import SluiceTLS

// From the words of the configuration to those of the library.

extension TLSProtocolVersion {
    fileprivate var version: TLSVersion {
        switch self {
        case .tls12: .tls12
        case .tls13: .tls13
        }
    }
}

extension TLSServerSettings {
    mutating func take(_ parameters: TLSParameters) {
        minimumVersion = parameters.minVersion.version
        maximumVersion = parameters.maxVersion.version
        ciphers = parameters.ciphers.map(\.rawValue)
        curves = parameters.curves.map(\.rawValue)
    }
}

extension TLSClientSettings {
    mutating func take(_ parameters: TLSParameters) {
        minimumVersion = parameters.minVersion.version
        maximumVersion = parameters.maxVersion.version
        ciphers = parameters.ciphers.map(\.rawValue)
        curves = parameters.curves.map(\.rawValue)
    }
}

extension TLSPeerRules {
    init(_ peer: PeerVerificationModel) {
        self.init(names: peer.match.flatMap(Self.names), publicKeyPins: peer.pins.compactMap(Self.digest))
    }

    private static func names(_ match: IdentityMatch) -> [Name] {
        switch match {
        case .dns(let name) where name.hasPrefix("*."): [Name(.dns, .suffix(Array(name.dropFirst(1).utf8)))]
        case .dns(let name): [Name(.dns, .exact(Array(name.utf8)))]
        case .uri(let uri): [Name(.uri, .exact(Array(uri.utf8)))]
        case .email(let address): [Name(.email, .exact(Array(address.utf8)))]
        case .uriPrefix(let prefix):
            // Whole segments: `spiffe://example.org` is not the beginning of `spiffe://example.organic`.
            if prefix.hasSuffix("/") {
                [Name(.uri, .prefix(Array(prefix.utf8)))]
            } else {
                [Name(.uri, .exact(Array(prefix.utf8))), Name(.uri, .prefix(Array((prefix + "/").utf8)))]
            }
        }
    }

    /// The bytes of a pin, which the decoder has found to be plain base64 of 32 bytes.
    private static func digest(_ pin: String) -> [UInt8]? { Base64.decode(pin, as: .standard) }
}

extension HTTPProtocol {
    /// Its name in ALPN (RFC 7301, RFC 9113, section 3.2).
    var alpn: [UInt8] {
        switch self {
        case .http1: Array("http/1.1".utf8)
        case .http2: Array("h2".utf8)
        }
    }
}

extension ListenerModel {
    /// HTTP/2 is the better one for everybody who speaks it.
    var offeredProtocols: [[UInt8]] { [HTTPProtocol.http2, .http1].filter(protocols.contains).map(\.alpn) }
}

extension UpstreamProtocol {
    var offeredProtocols: [[UInt8]] {
        switch self {
        case .http1: [HTTPProtocol.http1.alpn]
        case .http2: [HTTPProtocol.http2.alpn]
        case .auto: [HTTPProtocol.http2.alpn, HTTPProtocol.http1.alpn]
        }
    }
}
