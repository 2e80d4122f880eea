import SluiceConfig
import SluiceCore
import SluiceHTTP

/// Finds the key of a request, the caller it belongs to, and tells the upstream who that is. Isolation: one loop.
/// Allocates: for a known key in a header what the library takes for a digest, and nothing else.
final class KeyAuthFilter: Filter {
    /// A longer one is no key of anybody's, and not worth the hashing.
    private static let longestKey = 4096

    private static let family = MetricFamily(
        "sluice_key_auth_total",
        .counter,
        help: "Requests that were asked for a key, by what came of it.",
        labels: ["result"]
    )

    /// One place where a key may be. Its arrays are this filter's own: those of the configuration are shared by loops.
    private struct Source {
        let place: KeyAuthConfiguration.Place
        let name: [UInt8]
        let key: FieldKey
        /// The key follows the word `Bearer` (RFC 6750, section 2.1).
        let hasScheme: Bool

        init(_ place: KeyAuthConfiguration.Place, _ name: String) {
            self.place = place
            self.name = Array(name.utf8)
            key = FieldKey(name)
            if case .header = place, key.name == .authorization { hasScheme = true } else { hasScheme = false }
        }
    }

    private let sources: [Source]
    private let groups: [[UInt8]]
    private let isRequired, forwards: Bool
    private let callerHeaders: CallerHeadersWriter
    private let consumers: Consumers
    private let challenge: [UInt8]
    private let known, unknown, missing, forbidden: Counter

    init(_ configuration: KeyAuthConfiguration, _ resources: FilterResources) {
        // Kong's order: each name at every place, then the next name.
        sources = configuration.names.flatMap { name in configuration.places.map { Source($0, name) } }
        groups = configuration.groups.map { Array($0.utf8) }
        isRequired = configuration.isRequired
        forwards = configuration.forwards
        callerHeaders = CallerHeadersWriter(configuration.callerHeaders)
        consumers = resources.consumers
        challenge = Array((sources.first?.hasScheme == true ? "Bearer" : "Key").utf8)
        func counter(_ result: String) -> Counter { resources.metrics.counter(Self.family, [result]) }
        known = counter("known")
        unknown = counter("unknown")
        missing = counter("missing")
        forbidden = counter("forbidden")
    }

    var wantsResponse: Bool { false }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // Whatever becomes of the request, nobody but the gateway says who the caller is.
        callerHeaders.remove(from: &exchange.request.fields)
        for index in sources.indices {
            switch credential(at: index, &exchange.request) {
            case .none: continue
            case .unusable: return refuse(.credentialInvalid, unknown)
            case .digest(let digest):
                guard let consumer = consumers.withKey(digest) else { return refuse(.credentialInvalid, unknown) }
                return accept(consumer, exchange)
            }
        }
        guard !isRequired else { return refuse(.credentialMissing, missing) }
        missing.increment()
        // Somebody that an earlier filter knows is told of all the same.
        if let consumer = exchange.consumer { callerHeaders.write(consumer, to: &exchange.request.fields) }
        return .next
    }

    /// RFC 9110, section 15.5.2: a 401 says how to do better.
    private func refuse(_ error: GatewayError, _ counter: Counter) -> HeadVerdict {
        counter.increment()
        var reply = LocalReply(error)
        reply.fields = [(name: Array("WWW-Authenticate".utf8), value: challenge)]
        return .respond(reply)
    }

    private func accept(_ consumer: Consumer, _ exchange: ExchangeContext) -> HeadVerdict {
        // Who is turned away is known all the same: the log says whom.
        exchange.consumer = consumer
        guard groups.isEmpty || consumer.belongs(toAnyOf: groups) else {
            forbidden.increment()
            return .respond(LocalReply(.consumerForbidden))
        }
        known.increment()
        if !forwards { removeKeys(exchange) }
        callerHeaders.write(consumer, to: &exchange.request.fields)
        return .next
    }

    // MARK: - Finding

    private enum Credential {
        case none
        /// Two of them, or one that is too long.
        case unusable
        case digest(SHA256Digest)
    }

    /// Changes nothing: `inout` so that the head is borrowed and not copied.
    private func credential(at index: Int, _ request: inout RequestHead) -> Credential {
        switch sources[index].place {
        case .header: return inHeader(sources[index].key, hasScheme: sources[index].hasScheme, &request.fields)
        case .query:
            guard let range = QueryParameters.first(sources[index].name, in: request) else { return .none }
            return request.fields.withBytes(range) { bytes in
                guard bytes.count <= Self.longestKey, bytes.contains(UInt8(ascii: "%")) else {
                    return Self.credential(bytes)
                }
                // A plus is one: keys are told as they are, and not the way that forms write texts.
                return FormText.decoded(bytes, plus: UInt8(ascii: "+")).withUnsafeBytes { Self.credential($0) }
            }
        case .cookie:
            guard let range = Cookies.value(sources[index].name, in: request) else { return .none }
            return request.fields.withBytes(range) { Self.credential($0) }
        }
    }

    private func inHeader(_ key: FieldKey, hasScheme: Bool, _ fields: inout HeaderTable) -> Credential {
        guard let place = fields.find(key) else { return .none }
        // Two keys: which one an upstream would look at is anybody's guess.
        guard fields.find(key, from: place + 1) == nil else { return .unusable }
        return fields.withBytes(fields.entries[place].valueRange) { bytes in
            guard hasScheme else { return Self.credential(bytes) }
            return Self.bearer(bytes).map(Self.credential) ?? .none
        }
    }

    private static func credential(_ bytes: UnsafeRawBufferPointer) -> Credential {
        guard !bytes.isEmpty else { return .none }
        return bytes.count <= longestKey ? .digest(SHA256Digest(of: bytes)) : .unusable
    }

    /// What follows the scheme; nil: that is another one.
    private static func bearer(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard bytes.count > 6, bytes[6] == 0x20 else { return nil }
        guard ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: bytes[..<6]), "bearer") else { return nil }
        return ASCII.trimmed(UnsafeRawBufferPointer(rebasing: bytes[6...]))
    }

    /// All of them, also at places that were not looked at: an upstream must not see a key by accident.
    private func removeKeys(_ exchange: ExchangeContext) {
        for index in sources.indices {
            switch sources[index].place {
            case .header:
                if sources[index].hasScheme, case .none = credential(at: index, &exchange.request) { continue }
                exchange.request.fields.remove(sources[index].key)
            case .query: CredentialRemoval.removeParameter(sources[index].name, from: &exchange.request)
            case .cookie: CredentialRemoval.removeCookie(sources[index].name, from: &exchange.request)
            }
        }
    }
}
