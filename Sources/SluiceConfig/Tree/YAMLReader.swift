internal import CYaml

/// Makes the located tree of one YAML or JSON file.
///
/// Stands on libyaml's events, which the Yams package brings: its own tree has neither end marks nor aliases, reports
/// one duplicate key at most, and takes six times as long (10,000 routes: 170 ms against 29 ms).
package struct YAMLReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let file: UInt32
    private let limits: TreeLimits
    private let context: DecodeContext
    private let allowsTags: Bool

    private var anchors: [String: Anchored] = [:]
    private var nodeCount = 0
    private var aliasCount = 0

    /// A finished node that an alias may stand for, and how many values it holds.
    private struct Anchored {
        var node: ConfigNode
        var size: Int
    }

    /// The tree cannot be built further; the reason is in the diagnostics already.
    private struct Stop: Error {}

    /// Reads one file.
    ///
    /// - Parameters:
    ///   - file: path and bytes.
    ///   - index: the number of the file in the list of files.
    ///   - context: where what is wrong is reported.
    ///   - limits: bounds of the tree.
    ///   - allowsTags: keep tags such as `!Ref` in the nodes instead of refusing them.
    /// - Returns: the root; nil when there is no tree at all.
    package static func read(
        _ file: ConfigFile,
        index: UInt32,
        context: DecodeContext,
        limits: TreeLimits = TreeLimits(),
        allowsTags: Bool = false
    ) -> ConfigNode? {
        let start = NodeSpan(file: index, line: 1, column: 1, length: 1)
        guard file.bytes.count <= limits.bytes else {
            let message = "the file is larger than \(Units.showSize(limits.bytes))"
            context.report(.unreadableFile, at: start, message)
            return nil
        }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            context.report(.unreadableFile, at: start, "not enough memory to read the file")
            return nil
        }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        return file.bytes.withUnsafeBufferPointer { all in
            // A byte order mark would count as a column.
            let hasMark = all.starts(with: [0xEF, 0xBB, 0xBF])
            let bytes = UnsafeBufferPointer(rebasing: all[(hasMark ? 3 : 0)...])
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            var reader = YAMLReader(parser, file: index, limits: limits, context: context, allowsTags: allowsTags)
            return try? reader.document(bytes)
        }
    }

    private init(
        _ parser: UnsafeMutablePointer<yaml_parser_t>,
        file: UInt32,
        limits: TreeLimits,
        context: DecodeContext,
        allowsTags: Bool
    ) {
        self.parser = parser
        self.file = file
        self.limits = limits
        self.context = context
        self.allowsTags = allowsTags
    }

    // MARK: Events

    /// The next event; the caller frees it with `yaml_event_delete`.
    private func next(_ bytes: UnsafeBufferPointer<UInt8>) throws(Stop) -> yaml_event_t {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            SyntaxProblem(parser.pointee, bytes: bytes, file: file).report(to: context)
            throw Stop()
        }
        return event
    }

    private mutating func document(_ bytes: UnsafeBufferPointer<UInt8>) throws(Stop) -> ConfigNode {
        var root: ConfigNode?
        while true {
            var event = try next(bytes)
            defer { yaml_event_delete(&event) }
            switch event.type {
            case YAML_STREAM_START_EVENT, YAML_DOCUMENT_END_EVENT: continue
            case YAML_DOCUMENT_START_EVENT:
                guard root == nil else {
                    context.report(
                        .emptyFile,
                        at: span(event),
                        "a configuration file holds one document, this is another one"
                    )
                    throw Stop()
                }
                var first = try next(bytes)
                defer { yaml_event_delete(&first) }
                root = try node(&first, bytes, depth: 0)
            default:
                guard let root else {
                    context.report(
                        .emptyFile,
                        at: NodeSpan(file: file, line: 1, column: 1, length: 1),
                        "the file is empty"
                    )
                    throw Stop()
                }
                return root
            }
        }
    }

    // MARK: Nodes

    private mutating func node(
        _ event: inout yaml_event_t,
        _ bytes: UnsafeBufferPointer<UInt8>,
        depth: Int
    ) throws(Stop) -> ConfigNode {
        try count(1, event)
        guard depth < limits.depth else {
            context.report(.tooLarge, at: span(event), "values are nested more than \(limits.depth) deep")
            throw Stop()
        }
        switch event.type {
        case YAML_ALIAS_EVENT: return try alias(event)
        case YAML_SEQUENCE_START_EVENT: return try list(event, bytes, depth: depth)
        case YAML_MAPPING_START_EVENT: return try mapping(event, bytes, depth: depth)
        default: return scalar(event)
        }
    }

    private mutating func count(_ nodes: Int, _ event: yaml_event_t) throws(Stop) {
        nodeCount += nodes
        guard nodeCount <= limits.nodes else {
            context.report(
                .tooLarge,
                at: span(event),
                "the file holds more than \(limits.nodes) values, aliases expanded"
            )
            throw Stop()
        }
    }

    private mutating func scalar(_ event: yaml_event_t) -> ConfigNode {
        let scalar = event.data.scalar
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        let node = ConfigNode(
            .scalar(text),
            span: span(event),
            isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
            tag: tag(scalar.tag, event)
        )
        remember(node, as: scalar.anchor, size: 1)
        return node
    }

    private mutating func list(
        _ start: yaml_event_t,
        _ bytes: UnsafeBufferPointer<UInt8>,
        depth: Int
    ) throws(Stop) -> ConfigNode {
        let before = nodeCount
        var items: [ConfigNode] = []
        while true {
            var event = try next(bytes)
            defer { yaml_event_delete(&event) }
            if event.type == YAML_SEQUENCE_END_EVENT {
                let data = start.data.sequence_start
                let isFlow = data.style == YAML_FLOW_SEQUENCE_STYLE
                let node = ConfigNode(
                    .list(items),
                    span: span(start, to: isFlow ? event : nil),
                    tag: tag(data.tag, start)
                )
                remember(node, as: data.anchor, size: nodeCount - before + 1)
                return node
            }
            items.append(try node(&event, bytes, depth: depth + 1))
        }
    }

    private mutating func mapping(
        _ start: yaml_event_t,
        _ bytes: UnsafeBufferPointer<UInt8>,
        depth: Int
    ) throws(Stop) -> ConfigNode {
        let before = nodeCount
        var entries = MappingEntries()
        while true {
            var event = try next(bytes)
            defer { yaml_event_delete(&event) }
            if event.type == YAML_MAPPING_END_EVENT {
                let data = start.data.mapping_start
                let isFlow = data.style == YAML_FLOW_MAPPING_STYLE
                let all = entries.finish(context)
                let node = ConfigNode(
                    .mapping(all),
                    span: span(start, to: isFlow ? event : nil),
                    tag: tag(data.tag, start)
                )
                remember(node, as: data.anchor, size: nodeCount - before + 1)
                return node
            }
            let key = try node(&event, bytes, depth: depth + 1)
            var valueEvent = try next(bytes)
            defer { yaml_event_delete(&valueEvent) }
            let value = try node(&valueEvent, bytes, depth: depth + 1)
            entries.add(key: key, value: value, context)
        }
    }

    // MARK: Aliases and tags

    private mutating func alias(_ event: yaml_event_t) throws(Stop) -> ConfigNode {
        let name = String(cString: event.data.alias.anchor)
        aliasCount += 1
        guard aliasCount <= limits.aliases else {
            context.report(.alias, at: span(event), "the file uses more than \(limits.aliases) aliases")
            throw Stop()
        }
        guard let anchored = anchors[name] else {
            context.report(
                .alias,
                at: span(event),
                "alias '*\(Printable.short(name))' has no anchor '&\(Printable.short(name))' before it",
                help: "quote a text that starts with '*'"
            )
            throw Stop()
        }
        try count(anchored.size, event)
        return anchored.node
    }

    private mutating func remember(_ node: ConfigNode, as anchor: UnsafeMutablePointer<yaml_char_t>?, size: Int) {
        guard let anchor else { return }
        anchors[String(cString: anchor)] = Anchored(node: node, size: size)
    }

    /// The tag as written; tags of the core schema (`!!str`) say nothing that the configuration's own schema does not.
    private func tag(_ bytes: UnsafeMutablePointer<yaml_char_t>?, _ event: yaml_event_t) -> String? {
        guard let bytes else { return nil }
        let tag = String(cString: bytes)
        if tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") { return nil }
        if allowsTags { return tag }
        context.report(.tag, at: span(event), "the tag '\(Printable.short(tag))' has no meaning here")
        return nil
    }

    // MARK: Places

    /// The place of an event's text; of a list or mapping in brackets when `end` is its last event, else of the first
    /// character.
    private func span(_ event: yaml_event_t, to end: yaml_event_t? = nil) -> NodeSpan {
        let start = event.start_mark
        let last = (end ?? event).end_mark
        let length = last.line == start.line && last.column > start.column ? last.column - start.column : 1
        return NodeSpan(
            file: file,
            line: UInt32(clamping: start.line + 1),
            column: UInt32(clamping: start.column + 1),
            length: UInt32(clamping: length)
        )
    }
}
