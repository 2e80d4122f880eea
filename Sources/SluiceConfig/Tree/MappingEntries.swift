/// Collects the entries of one mapping: refuses a key that is there already and applies merge keys.
struct MappingEntries {
    private var entries: [ConfigEntry] = []
    private var merged: [ConfigEntry] = []
    /// Positions by key, once the mapping is too long for a walk.
    private var index: [String: Int] = [:]

    private static let longFrom = 16

    mutating func add(key: ConfigNode, value: ConfigNode, _ context: DecodeContext) {
        guard case .scalar(let name) = key.value else {
            context.report(.wrongKind, at: key.span, "a key must be a text, not \(key.kindName)")
            return
        }
        if key.isPlain, name == "<<" {
            merge(value, context)
            return
        }
        if let first = position(of: name) {
            context.report(
                .duplicateKey,
                at: key.span,
                "the key '\(Printable.short(name))' is there twice",
                notes: [(text: "first here", span: entries[first].keySpan)]
            )
            return
        }
        entries.append(ConfigEntry(key: name, keySpan: key.span, value: value))
        if entries.count > Self.longFrom { index[name] = entries.count - 1 }
        if entries.count == Self.longFrom + 1 {
            for (position, entry) in entries.enumerated() { index[entry.key] = position }
        }
    }

    /// All entries; merged ones only where the mapping does not say otherwise, and of those the first.
    mutating func finish(_ context: DecodeContext) -> [ConfigEntry] {
        guard !merged.isEmpty else { return entries }
        for entry in merged where position(of: entry.key) == nil {
            entries.append(entry)
            if !index.isEmpty { index[entry.key] = entries.count - 1 }
        }
        return entries
    }

    private func position(of name: String) -> Int? {
        entries.count > Self.longFrom ? index[name] : entries.firstIndex { $0.key == name }
    }

    private mutating func merge(_ value: ConfigNode, _ context: DecodeContext) {
        switch value.value {
        case .mapping(let others): merged += others
        case .list(let items):
            for item in items {
                if let others = item.entries { merged += others } else { refuse(item, context) }
            }
        case .scalar: refuse(value, context)
        }
    }

    private func refuse(_ node: ConfigNode, _ context: DecodeContext) {
        context.report(.wrongKind, at: node.span, "'<<' takes a mapping or a list of mappings, not \(node.kindName)")
    }
}
