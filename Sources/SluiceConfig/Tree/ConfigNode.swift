/// One value of a configuration file with its place: a text, a list or a mapping.
///
/// What every dialect decodes from. Texts are untyped: the schema alone says whether `5` or `on` is a number, a flag
/// or a word. Aliases and merge keys (`<<`) are already expanded; a value that came through an alias keeps the place
/// of its anchor.
package struct ConfigNode: Sendable {
    package enum Value: Sendable {
        case scalar(String)
        case list([ConfigNode])
        case mapping([ConfigEntry])
    }

    package var value: Value
    package var span: NodeSpan
    /// A scalar without quotes, so that an empty one means "nothing" and `*` may mean more than the letter.
    package var isPlain = false
    /// An explicit YAML tag other than those of the core schema, such as `!Ref`; nil for nearly every node.
    package var tag: String?

    package init(_ value: Value, span: NodeSpan, isPlain: Bool = false, tag: String? = nil) {
        self.value = value
        self.span = span
        self.isPlain = isPlain
        self.tag = tag
    }

    package var text: String? {
        if case .scalar(let text) = value { text } else { nil }
    }

    package var items: [ConfigNode]? {
        if case .list(let items) = value { items } else { nil }
    }

    package var entries: [ConfigEntry]? {
        if case .mapping(let entries) = value { entries } else { nil }
    }

    /// `key:` with nothing behind it, `~` or `null`.
    package var isNull: Bool {
        guard isPlain, case .scalar(let text) = value else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// The value of a key, nil also where this is no mapping.
    package subscript(key: String) -> ConfigNode? {
        guard case .mapping(let entries) = value else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// "a text", "a list" or "a mapping", for messages.
    package var kindName: String {
        switch value {
        case .scalar: isNull ? "nothing" : "a text"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// One key of a mapping and its value.
package struct ConfigEntry: Sendable {
    package var key: String
    package var keySpan: NodeSpan
    package var value: ConfigNode

    package init(key: String, keySpan: NodeSpan, value: ConfigNode) {
        self.key = key
        self.keySpan = keySpan
        self.value = value
    }
}

/// A place in 16 bytes; the file is an index into the list of files.
package struct NodeSpan: Hashable, Sendable {
    package var file: UInt32
    /// 1-based.
    package var line: UInt32
    /// 1-based, in characters.
    package var column: UInt32
    /// In characters of that line, at least 1.
    package var length: UInt32

    package init(file: UInt32, line: UInt32, column: UInt32, length: UInt32) {
        self.file = file
        self.line = line
        self.column = column
        self.length = length
    }
}
