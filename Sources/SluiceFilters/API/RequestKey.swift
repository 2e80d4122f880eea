package import SluiceConfig
package import SluiceCore
import SluiceTLS

/// One of the things that requests are told apart by, for limits that hold for each caller on its own.
package enum RequestKeyPart: Hashable, Sendable {
    case route, ip, consumer
    /// Whom the client's certificate names.
    case certificate
    case claim(String)
    /// Lower case.
    case header(String)

    /// As the configuration writes it.
    package var text: String {
        switch self {
        case .route: "route"
        case .ip: "ip"
        case .consumer: "consumer"
        case .certificate: "client_certificate"
        case .claim(let name): "jwt.\(name)"
        case .header(let name): "header.\(name)"
        }
    }

    package init?(_ text: String) {
        switch text {
        case "route": self = .route
        case "ip": self = .ip
        case "consumer": self = .consumer
        case "client_certificate": self = .certificate
        case _ where text.hasPrefix("jwt.") && text.utf8.count > 4: self = .claim(String(text.dropFirst(4)))
        case _ where text.hasPrefix("header."):
            let name = text.dropFirst(7)
            guard !name.isEmpty, name.utf8.allSatisfy(ASCII.isToken) else { return nil }
            self = .header(name.lowercased())
        default: return nil
        }
    }
}

extension ValueType where Value == [RequestKeyPart] {
    /// One part, or a list of several that make the key together.
    package static var requestKey: Self {
        let one = ValueType<RequestKeyPart>.requestKeyPart
        return ValueType(.anyOf([one.type, .list(one.type)])) { node, scope in
            if case .scalar = node.value, !node.isNull { return one.decode(node, scope).map { [$0] } }
            return ValueType<[RequestKeyPart]>.list(of: one, atLeast: 1).decode(node, scope)
        }
        .shown { $0.count == 1 ? $0[0].text : "[\($0.map(\.text).joined(separator: ", "))]" }
    }
}

extension ValueType where Value == RequestKeyPart {
    fileprivate static var requestKeyPart: Self {
        scalar(.text("route, ip, consumer, client_certificate, jwt.CLAIM or header.NAME")) { text in
            if let part = RequestKeyPart(text) { return .success(part) }
            let help = "'route', 'ip', 'consumer', 'jwt.sub', 'header.x-tenant', or a list of several"
            return .failure(ValueProblem("is nothing that requests can be told apart by: {}", help: help))
        }
    }
}

/// Makes keys of requests: 128 bits of a keyed hash, so that a key takes no memory however long its parts are, and nobody
/// who lacks the secret makes two that are the same.
///
/// Isolation: any; used for the requests of one loop. Allocates: never for claims of verified tokens.
package struct RequestKey: Sendable {
    private enum Part: Sendable {
        case route, ip, consumer, certificate
        case claim([UInt8])
        case header(FieldKey)
    }

    private let parts: [Part]
    private let v6High: UInt64
    private let v6Low: UInt64

    /// - Parameter ipv6Prefix: how many bits of an IPv6 address count; of IPv4 all do.
    package init(_ parts: [RequestKeyPart], ipv6Prefix: Int) {
        self.parts = parts.map { part in
            switch part {
            case .route: .route
            case .ip: .ip
            case .consumer: .consumer
            case .certificate: .certificate
            // An own copy: the text of the configuration is shared by all loops.
            case .claim(let name): .claim(Array(name.utf8))
            case .header(let name): .header(FieldKey(name))
            }
        }
        // Shifts by 64 and more give 0 here.
        v6High = ~(UInt64.max >> UInt64(clamping: ipv6Prefix))
        v6Low = ~(UInt64.max >> UInt64(clamping: max(0, ipv6Prefix - 64)))
    }

    /// The key of a request; nil when a part of it is missing.
    package func hash(of exchange: ExchangeContext, _ secret: SipKey) -> (low: UInt64, high: UInt64)? {
        var hash = SipHash(secret)
        for part in parts {
            guard add(part, of: exchange, to: &hash) else { return nil }
        }
        return hash.finish()
    }

    /// The key of a request by its client's address alone; those without one share a key.
    package func addressHash(of exchange: ExchangeContext, _ secret: SipKey) -> (low: UInt64, high: UInt64) {
        var hash = SipHash(secret)
        addAddress(of: exchange, to: &hash)
        return hash.finish()
    }

    private func add(_ part: Part, of exchange: ExchangeContext, to hash: inout SipHash) -> Bool {
        switch part {
        case .route:
            exchange.routeName.withUnsafeBytes { Self.add($0, tag: 3, to: &hash) }
        case .ip: addAddress(of: exchange, to: &hash)
        case .consumer:
            guard let consumer = exchange.consumer else { return false }
            consumer.name.withUnsafeBytes { Self.add($0, tag: 2, to: &hash) }
        case .certificate:
            guard let (kind, name) = exchange.clientCertificate?.certificate.principal else { return false }
            name.withUnsafeBytes { Self.add($0, tag: 6 + kind, to: &hash) }
        case .claim(let name):
            return exchange.claims?.withText(ofClaim: name) { Self.add($0, tag: 4, to: &hash) } ?? false
        case .header(let key):
            guard let range = exchange.request.fields.findValue(of: key) else { return false }
            exchange.request.fields.withBytes(range) { Self.add($0, tag: 5, to: &hash) }
        }
        return true
    }

    /// Kind and length in front keep neighbouring parts apart.
    private static func add(_ bytes: UnsafeRawBufferPointer, tag: UInt64, to hash: inout SipHash) {
        hash.add(tag << 56 | UInt64(bytes.count))
        hash.add(bytes)
    }

    private func addAddress(of exchange: ExchangeContext, to hash: inout SipHash) {
        guard let client = exchange.client else { return hash.add(UInt64(1) << 56) }
        hash.add(UInt64(1) << 56 | 16)
        hash.add(client.isV4 ? client.high : client.high & v6High)
        hash.add(client.isV4 ? client.low : client.low & v6Low)
    }
}

extension TLSCertificate {
    /// Whom it names, in the way that stays when it is renewed: the first URI, DNS name or email address, else its subject.
    fileprivate var principal: (kind: UInt64, name: [UInt8]) {
        if let uri = uris.first { return (0, uri) }
        if let name = dnsNames.first { return (1, name) }
        if let address = emails.first { return (2, address) }
        return (3, subject)
    }
}
