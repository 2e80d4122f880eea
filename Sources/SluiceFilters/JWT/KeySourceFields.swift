import NIOCore
import SluiceConfig
import SluiceCore

/// The fields of `jwks`.
private enum KeySourceFields {
    static let url = OptionalField("url", .keyURL, doc: "Where the issuer publishes them: https, or http on loopback.")
    static let file = OptionalField("file", .keyFile, doc: "A file with the set as JSON; a change of it is noticed.")
    static let inline = OptionalField(
        "inline",
        .keyList,
        doc: "The set itself: `{keys: [{kty: ..., ...}]}`, or a text with its JSON."
    )
    static let refresh = Field(
        "refresh",
        .duration(atLeast: .seconds(1)),
        default: .minutes(10),
        doc: "How often the URL is asked again."
    )
    static let cooldown = Field(
        "cooldown",
        .duration(atLeast: .seconds(1)),
        default: .seconds(30),
        doc: "Least time between two fetches because a token names an unknown key."
    )
    static let timeout = Field(
        "timeout",
        .duration,
        default: .seconds(5),
        doc: "How long a fetch may take, and a request waits for keys that are not there yet."
    )
    static let schema = ObjectSchema(
        "jwks",
        doc: "A JWK Set (RFC 7517).",
        fields: [url, file, inline, refresh, cooldown, timeout],
        exactlyOne: ["url", "file", "inline"]
    )

    static func decode(_ reader: ObjectReader) -> KeySourceModel? {
        let (refresh, cooldown) = (reader.read(refresh), reader.read(cooldown))
        let timeout = reader.read(timeout)
        let url = reader.read(url)
        let origin = url.map { KeySourceModel.Origin.url($0) } ?? reader.read(file) ?? reader.read(inline)
        if !reader.has(self.url) {
            for name in ["refresh", "cooldown", "timeout"] {
                guard let value = reader.node[name] else { continue }
                reader.report(.exclusive, at: value.span, "'\(name)' goes with 'url' only")
            }
        }
        return origin.map { KeySourceModel(origin: $0, refresh: refresh, cooldown: cooldown, timeout: timeout) }
    }
}

extension ValueType where Value == KeySourceModel {
    static var keySource: Self { .object(KeySourceFields.schema) { KeySourceFields.decode($0) } }
}

extension ValueType where Value == FetchURL {
    /// Keys that anybody on the way could replace would be no keys.
    fileprivate static var keyURL: Self {
        scalar(.text("URL")) { text in
            guard let url = FetchURL(text) else {
                let help = "URLs look like https://auth.example.com/jwks.json"
                return .failure(ValueProblem(.address, "is not an http or https URL: {}", help: help))
            }
            guard url.isSecure || url.isLoopback else {
                let help = "use https; http is for servers on this machine"
                return .failure(ValueProblem("would be fetched over an open network: {}", help: help))
            }
            return .success(url)
        }
    }
}

extension ValueType where Value == KeySourceModel.Origin {
    fileprivate static var keyFile: Self {
        ValueType(.text("file name")) { node, scope in
            guard let name = scope.text(of: node) else { return nil }
            guard let bytes = scope.context.bytes(ofFile: name, near: node.span) else {
                let message = "the file \(scope.shown(node)) cannot be read"
                scope.report(.unreadableReference, at: node, message)
                return nil
            }
            return .json(bytes, name: "the file \(scope.shown(node))", node.span)
        }
    }

    fileprivate static var keyList: Self {
        let keys = OptionalField(required: "keys", .list(of: .placed(.key)), secret: true, doc: "The keys.")
        let schema = ObjectSchema("inline", doc: "A JWK Set.", fields: [keys])
        let object = ValueType.object(schema) { reader in reader.read(keys).map { .list($0) } }
        return ValueType(.anyOf([.text("JSON"), object.type])) { node, scope in
            guard case .scalar = node.value, !node.isNull else { return object.decode(node, scope) }
            var secret = scope
            secret.isSecret = true
            guard let text = secret.text(of: node) else { return nil }
            return .json(Array(text.utf8), name: "'inline'", node.span)
        }
    }
}

extension ValueType where Value == KeyParameters {
    fileprivate static var key: Self {
        let parameter = FieldType.anyOf([.text("text"), .list(.text("text"))])
        return ValueType(.map(keys: "parameter", parameter)) { node, scope in KeyParameters(node, scope) }
    }
}

extension KeyParameters {
    /// Reads a JWK that stands in the configuration; values of secrets may come from outside of it.
    fileprivate init?(_ node: ConfigNode, _ scope: Scope) {
        guard let entries = scope.entries(of: node) else { return nil }
        self.init()
        for entry in entries {
            var inner = scope
            inner.part = .whole
            inner.owner.field = scope.field
            inner.field = entry.key
            if let items = entry.value.items {
                let texts = items.map { inner.text(of: $0).map { Array($0.utf8) } }
                if entry.key == "key_ops" { setOperations(texts) } else { mistyped.insert(entry.key) }
            } else {
                guard let text = inner.text(of: entry.value) else { return nil }
                if entry.key == "key_ops" { mistyped.insert(entry.key) } else { texts[entry.key] = Array(text.utf8) }
            }
        }
    }
}
