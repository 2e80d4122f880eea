import SluiceConfig
import SluiceCore
import SluiceHTTP

/// Finds the key of a request, the caller it belongs to, and tells the upstream who that is. Isolation: one loop.
/// Allocates: never for a known key in a header.
final class KeyAuthFilter: Filter {
    private let configuration: KeyAuthConfiguration
    private let header: FieldKey
    private let name: [UInt8]
    private let groups: [[UInt8]]
    private let identity: IdentityHeaders
    private let consumerName, groupsName: [UInt8]
    private let consumers: Consumers
    /// Own copy: the configuration's is shared by all loops.
    private let places: [KeyAuthConfiguration.Place]
    private let known, unknown, missing: Counter

    private static let family = MetricFamily(
        "sluice_key_auth_total",
        .counter,
        help: "Requests that were asked for a key, by what came of it.",
        labels: ["result"]
    )

    init(_ configuration: KeyAuthConfiguration, _ resources: FilterResources) {
        self.configuration = configuration
        header = FieldKey(configuration.name)
        name = Array(configuration.name.utf8)
        groups = configuration.groups.map { Array($0.utf8) }
        consumerName = Array(configuration.consumerHeader.utf8)
        groupsName = Array(configuration.groupsHeader.utf8)
        identity = IdentityHeaders([consumerName, groupsName])
        consumers = resources.consumers
        places = configuration.places.map { $0 }
        known = resources.metrics.counter(Self.family, ["known"])
        unknown = resources.metrics.counter(Self.family, ["unknown"])
        missing = resources.metrics.counter(Self.family, ["missing"])
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // Whatever becomes of the request, nobody but the gateway says who the caller is.
        identity.remove(from: &exchange.request.fields)
        for place in places {
            switch credential(in: place, exchange) {
            case .none: continue
            case .ambiguous: return refuse(.credentialInvalid)
            case .digest(let digest):
                guard let consumer = consumers.withKey(digest) else { return refuse(.credentialInvalid) }
                return accept(consumer, exchange)
            }
        }
        missing.increment()
        return configuration.isRequired ? challenge(.credentialMissing) : .next
    }

    private func refuse(_ error: GatewayError) -> HeadVerdict {
        unknown.increment()
        return challenge(error)
    }

    /// RFC 9110, section 15.5.2: a 401 says how to do better.
    private func challenge(_ error: GatewayError) -> HeadVerdict {
        var reply = LocalReply(error)
        reply.fields = [(name: Array("WWW-Authenticate".utf8), value: Array("Key".utf8))]
        return .respond(reply)
    }

    private func accept(_ consumer: Consumer, _ exchange: ExchangeContext) -> HeadVerdict {
        known.increment()
        if !configuration.forwards { removeKeys(exchange) }
        if !groups.isEmpty, !consumer.belongs(toAnyOf: groups) { return .respond(LocalReply(.consumerForbidden)) }
        exchange.consumer = consumer
        exchange.request.fields.append(name: consumerName, value: consumer.name)
        if !consumer.groups.isEmpty {
            exchange.request.fields.append(name: groupsName, value: consumer.groupList)
        }
        return .next
    }

    // MARK: - Finding

    private enum Credential {
        case none
        case ambiguous
        case digest(SHA256Digest)
    }

    private func credential(in place: KeyAuthConfiguration.Place, _ exchange: ExchangeContext) -> Credential {
        let request = exchange.request
        switch place {
        case .header:
            guard let index = request.fields.firstIndex(of: header) else { return .none }
            // Two keys: which one an upstream would look at is anybody's guess.
            guard request.fields.firstIndex(of: header, from: index + 1) == nil else { return .ambiguous }
            return digest(of: request.fields.entries[index].valueRange, request, decodes: false)
        case .query:
            return QueryParameters.first(name, in: request).map { digest(of: $0, request, decodes: true) } ?? .none
        case .cookie:
            return Cookies.value(name, in: request).map { digest(of: $0, request, decodes: false) } ?? .none
        }
    }

    private func digest(of range: ByteRange, _ request: RequestHead, decodes: Bool) -> Credential {
        request.fields.withBytes(range) { bytes in
            guard !bytes.isEmpty, bytes.count <= 4096 else { return bytes.isEmpty ? .none : .ambiguous }
            if decodes, bytes.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) {
                return .digest(SHA256Digest(of: FormText.decoded(bytes)))
            }
            return .digest(SHA256Digest(of: bytes))
        }
    }

    /// All of them, also at places that were not looked at: an upstream must not see a key by accident.
    private func removeKeys(_ exchange: ExchangeContext) {
        for place in places {
            switch place {
            case .header: exchange.request.fields.remove(header)
            case .query: CredentialRemoval.removeParameter(name, from: &exchange.request)
            case .cookie: CredentialRemoval.removeCookie(name, from: &exchange.request)
            }
        }
    }
}
