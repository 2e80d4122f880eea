internal import SluiceCore

/// A name of the author's choice with its value, from a mapping.
package struct Named<Value: Sendable>: Sendable {
    package var name: String
    package var value: Value
    package var span: NodeSpan
}

/// A value with the place where it stands.
package struct Placed<Value: Sendable>: Sendable {
    package var value: Value
    package var span: NodeSpan

    package init(value: Value, span: NodeSpan) {
        self.value = value
        self.span = span
    }
}

extension ValueType {
    /// A list; a bad item is reported and left out.
    package static func list<Item: Sendable>(of item: ValueType<Item>, atLeast least: Int = 0) -> ValueType<[Item]> {
        ValueType<[Item]>(.list(item.type)) { node, scope in
            guard let items = scope.items(of: node) else { return nil }
            if items.count < least {
                scope.report(ValueProblem("must not be empty"), in: node)
                return nil
            }
            var inner = scope
            inner.part = .item
            return items.compactMap { item.decode($0, inner) }
        }
        .shown { "[\($0.map(item.show).joined(separator: ", "))]" }
    }

    /// A mapping with keys of the author's choice, in the order of the file.
    package static func map<Item: Sendable>(
        keys: ValueType<String>,
        of item: ValueType<Item>
    ) -> ValueType<[Named<Item>]> {
        var keyName = "text"
        if case .text(let what) = keys.type { keyName = what }
        return ValueType<[Named<Item>]>(.map(keys: keyName, item.type)) {
            node,
            scope in
            guard let entries = scope.entries(of: node) else { return nil }
            var inner = scope
            inner.owner.field = scope.field
            inner.part = .whole
            var keyScope = scope
            keyScope.part = .key
            var result: [Named<Item>] = []
            for entry in entries {
                let keyNode = ConfigNode(.scalar(entry.key), span: entry.keySpan)
                inner.field = entry.key
                guard let key = keys.decode(keyNode, keyScope), let value = item.decode(entry.value, inner) else {
                    continue
                }
                result.append(Named(name: key, value: value, span: entry.keySpan))
            }
            scope.refuseDoubles(result)
            return result
        }
        .shown { $0.isEmpty ? "{}" : "..." }
    }

    /// A mapping with the fields of `schema`.
    package static func object(
        _ schema: ObjectSchema,
        decode: @escaping @Sendable (ObjectReader) -> Value?
    ) -> ValueType {
        ValueType(.object(schema)) { node, scope in
            guard let reader = ObjectReader(node, schema: schema, scope: scope) else { return nil }
            let value = decode(reader)
            reader.finish()
            return value
        }
    }

    /// A short form for texts beside the full form.
    package static func either(text: ValueType, other: ValueType) -> ValueType {
        ValueType(.anyOf([text.type, other.type])) { node, scope in
            if case .scalar = node.value, !node.isNull { return text.decode(node, scope) }
            return other.decode(node, scope)
        }
        .shown(by: text.show)
    }

    /// The value together with its place, for checks that come later.
    package static func placed<Inner: Sendable>(_ inner: ValueType<Inner>) -> ValueType<Placed<Inner>> {
        ValueType<Placed<Inner>>(inner.type) { node, scope in
            inner.decode(node, scope).map { Placed(value: $0, span: node.span) }
        }
        .shown { inner.show($0.value) }
    }
}

extension Scope {
    /// The items of a list; an empty value is an empty list.
    package func items(of node: ConfigNode) -> [ConfigNode]? {
        if let items = node.items { return items }
        if node.isNull { return [] }
        wrongKind(node, wanted: "a list", help: listHelp(node))
        return nil
    }

    /// The value in brackets, quoted where YAML would take it for more than a text.
    private func listHelp(_ node: ConfigNode) -> String? {
        guard let text = node.text, !isHidden(node) else { return nil }
        let isPlain = text.utf8.allSatisfy { ASCII.isToken($0) || $0 == UInt8(ascii: "/") } && !text.hasPrefix("*")
        return "write it as a list: [\(isPlain ? text : "\"\(Printable.short(text))\"")]"
    }

    /// Two keys may be different texts and yet the same name: `X-A` and `x-a`.
    fileprivate func refuseDoubles(_ entries: [Named<some Sendable>]) {
        guard entries.count > 1 else { return }
        var first: [String: NodeSpan] = [:]
        for entry in entries {
            guard let earlier = first.updateValue(entry.span, forKey: entry.name) else { continue }
            context.report(
                .duplicateKey,
                at: entry.span,
                "the key '\(Printable.short(entry.name))' is there twice",
                notes: [(text: "first here", span: earlier)]
            )
        }
    }

    /// The entries of a mapping; an empty value is an empty mapping.
    package func entries(of node: ConfigNode) -> [ConfigEntry]? {
        if let entries = node.entries { return entries }
        if node.isNull { return [] }
        wrongKind(node, wanted: "a mapping")
        return nil
    }
}

extension ValueType {
    /// A mapping that is known by its `name` field, which its messages then say.
    static func named(
        _ kind: String,
        _ schema: ObjectSchema,
        decode: @escaping @Sendable (ObjectReader) -> Value?
    ) -> ValueType {
        ValueType(.object(schema)) { node, scope in
            let owner = Owner(kind: kind, name: node["name"]?.text.map(Printable.short) ?? "")
            guard let reader = ObjectReader(node, schema: schema, scope: scope, owner: owner) else { return nil }
            let value = decode(reader)
            reader.finish()
            return value
        }
    }
}
