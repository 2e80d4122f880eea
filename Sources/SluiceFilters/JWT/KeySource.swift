import NIOCore
import SluiceConfig
import SluiceCore

/// Where the keys of a filter come from.
enum KeySource: Hashable, Sendable {
    /// Known when the configuration is read.
    case fixed(KeySet)
    case remote(RemoteKeySource)

    /// The same for filters that can share their keys.
    var identity: String {
        switch self {
        case .fixed(let set): return "fixed \(set.fingerprint)"
        case .remote(let source):
            let times = [source.refresh, source.cooldown, source.timeout].map { "\($0.nanoseconds)" }
            let names = source.algorithms.map(\.rawValue)
            return ([source.url.text] + times + names).joined(separator: " ")
        }
    }

    /// For people.
    var text: String {
        switch self {
        case .fixed(let set): set.keys.count == 1 ? "the one known key" : "one of \(set.keys.count) keys"
        case .remote(let source): "a key of \(String(source.url.text.prefix { $0 != "?" }))"
        }
    }

    func makeStore(_ background: any BackgroundServices) -> KeyStore {
        switch self {
        case .fixed(let set): return KeyStore(set)
        case .remote(let source):
            let store = KeyStore(RemoteKeys(source, background, wallClock: SystemClock.secondsSince1970))
            store.start()
            return store
        }
    }
}

/// `jwks` as it is written, before it is known which algorithms may be used.
struct KeySourceModel: Sendable {
    enum Origin: Sendable {
        case url(FetchURL)
        /// A JWK Set as JSON, and what messages call it.
        case json([UInt8], name: String, NodeSpan)
        case list([Placed<KeyParameters>])
    }

    var origin: Origin
    var refresh: TimeAmount
    var cooldown: TimeAmount
    var timeout: TimeAmount
}

extension KeySource {
    /// Makes keys of what is written, with a finding for each key that is wrong.
    static func read(_ reader: ObjectReader, algorithms: [JWTAlgorithm]?) -> KeySource {
        guard let model = reader.read(JWTFields.jwks) else { return .fixed(KeySet(keys: [])) }
        // A list of which no item is valid has been reported.
        let algorithms = algorithms?.isEmpty == true ? nil : algorithms
        switch model.origin {
        case .url(let url):
            return .remote(
                RemoteKeySource(
                    url: url,
                    refresh: model.refresh,
                    cooldown: model.cooldown,
                    timeout: model.timeout,
                    // Whoever can fetch a secret is no longer kept out by it.
                    algorithms: algorithms ?? JWTAlgorithm.asymmetric
                )
            )
        case .json(let bytes, let name, let span):
            return fixed(reader, name, at: span, spans: nil) { () throws(KeySet.Problem) in
                try KeySet(json: bytes, allowed: algorithms ?? JWTAlgorithm.allCases)
            }
        case .list(let items):
            let span = reader.span(of: JWTFields.jwks)
            return fixed(reader, "the set", at: span, spans: items.map(\.span)) { () throws(KeySet.Problem) in
                try KeySet(items.map(\.value), allowed: algorithms ?? JWTAlgorithm.allCases)
            }
        }
    }

    /// - Parameter spans: where the keys stand, if each has a place of its own.
    private static func fixed(
        _ reader: ObjectReader,
        _ name: String,
        at span: NodeSpan,
        spans: [NodeSpan]?,
        _ make: () throws(KeySet.Problem) -> KeySet
    ) -> KeySource {
        do throws(KeySet.Problem) {
            let set = try make()
            for key in set.ignored {
                guard case .broken = key.problem else { continue }
                let place = spans.flatMap { $0.indices.contains(key.index) ? $0[key.index] : nil } ?? span
                reader.report(.invalidValue, at: place, "\(name): \(key.text)")
            }
            return .fixed(set)
        } catch {
            let place = spans?.count == 1 ? spans?.first ?? span : span
            reader.report(.invalidValue, at: place, "\(name) \(error.text)")
            return .fixed(KeySet(keys: []))
        }
    }
}
