import SluiceCore

/// Finds the binding of a path among those of one HTTP method: a tree of segments.
///
/// A node lies as deep as its segment in the path, so that every node is visited once at most, whatever the path: the
/// work is bounded by the templates, not by what a client sends. At each node a literal goes before `*`, that before
/// `**`; of the endings behind a `**` the longest goes first. Allocates: never on a look-up, unless a segment of the
/// path has escapes.
struct BindingTrie: Sendable {
    private struct Node: Sendable {
        /// The node behind `*`, or -1.
        var any: Int32 = -1
        /// Where its ends begin in `ends`, and how many they are, once the tree is complete.
        var ends: [End] = []
        /// What ends with a `**` here.
        var rests: [Rest] = []
    }

    private struct End: Sendable {
        let verb: [UInt8]
        let binding: Int
    }

    /// The literals that follow a `**`, and what ends behind them.
    private struct Rest: Sendable {
        let suffix: [[UInt8]]
        var ends: [End]
    }

    /// A path that is taken apart as far as has to be known: where it ends without verb and trailing slash.
    struct Path {
        let bytes: UnsafeRawBufferPointer
        let end: Int
        let verb: UnsafeRawBufferPointer
    }

    private var nodes = [Node()]
    /// The node behind a literal, by the node in front of it.
    private var literals = NameTable()

    /// Adds a template; the result is the binding that has the same path already, if there is one.
    mutating func add(_ template: BindingTemplate, binding: Int) -> Int? {
        let end = End(verb: template.verb, binding: binding)
        var node = 0
        for (at, segment) in template.segments.enumerated() {
            switch segment {
            case .literal(let text): node = literal(text, below: node)
            case .any: node = any(below: node)
            case .rest: return addRest(template.segments[(at + 1)...], end, node)
            }
        }
        return Self.add(end, to: &nodes[node].ends)
    }

    private static func add(_ end: End, to ends: inout [End]) -> Int? {
        if let other = ends.first(where: { $0.verb == end.verb }) { return other.binding }
        ends.append(end)
        return nil
    }

    private mutating func literal(_ text: [UInt8], below node: Int) -> Int {
        if let found = text.withUnsafeBytes({ literals.find($0, scope: node) }) { return found }
        nodes.append(Node())
        _ = literals.add(text, scope: node, value: nodes.count - 1)
        return nodes.count - 1
    }

    private mutating func any(below node: Int) -> Int {
        if nodes[node].any >= 0 { return Int(nodes[node].any) }
        nodes.append(Node())
        nodes[node].any = Int32(nodes.count - 1)
        return nodes.count - 1
    }

    private mutating func addRest(_ suffix: ArraySlice<BindingTemplate.Segment>, _ end: End, _ node: Int) -> Int? {
        let literals = suffix.compactMap { segment -> [UInt8]? in
            if case .literal(let text) = segment { text } else { nil }
        }
        if let at = nodes[node].rests.firstIndex(where: { $0.suffix == literals }) {
            return Self.add(end, to: &nodes[node].rests[at].ends)
        }
        nodes[node].rests.append(Rest(suffix: literals, ends: [end]))
        nodes[node].rests.sort { $0.suffix.count > $1.suffix.count }
        return nil
    }

    // MARK: - Looking up

    /// The binding of a path, or nil.
    func find(_ path: Path) -> Int? { find(path, at: 0, below: 0) }

    /// Goes on behind the slash that is at `at`; at the end of the path there is none.
    private func find(_ path: Path, at: Int, below node: Int) -> Int? {
        guard at < path.end else { return end(nodes[node].ends, path.verb) ?? rest(node, path, at: at) }
        let start = at + 1
        let stop = path.segmentEnd(from: start)
        let segment = UnsafeRawBufferPointer(rebasing: path.bytes[start..<stop])
        if let next = child(segment, below: node), let found = find(path, at: stop, below: next) { return found }
        let any = Int(nodes[node].any)
        if any >= 0, !segment.isEmpty, let found = find(path, at: stop, below: any) { return found }
        return rest(node, path, at: at)
    }

    private func child(_ segment: UnsafeRawBufferPointer, below node: Int) -> Int? {
        guard segment.contains(UInt8(ascii: "%")) else { return literals.find(segment, scope: node) }
        var decoded: [UInt8] = []
        guard PercentCoding.decode(segment, into: &decoded) else { return nil }
        return decoded.withUnsafeBytes { literals.find($0, scope: node) }
    }

    private func end(_ ends: [End], _ verb: UnsafeRawBufferPointer) -> Int? {
        ends.first { verb.elementsEqual($0.verb) }?.binding
    }

    /// What ends with a `**` at this node: the suffix is compared from behind.
    private func rest(_ node: Int, _ path: Path, at: Int) -> Int? {
        for rest in nodes[node].rests {
            guard let binding = end(rest.ends, path.verb) else { continue }
            if Self.hasSuffix(rest.suffix, path, from: at) { return binding }
        }
        return nil
    }

    private static func hasSuffix(_ suffix: [[UInt8]], _ path: Path, from: Int) -> Bool {
        var stop = path.end
        for text in suffix.reversed() {
            guard stop > from, let slash = path.bytes[from..<stop].lastIndex(of: UInt8(ascii: "/")) else {
                return false
            }
            guard isLiteral(UnsafeRawBufferPointer(rebasing: path.bytes[(slash + 1)..<stop]), text) else {
                return false
            }
            stop = slash
        }
        return true
    }

    private static func isLiteral(_ segment: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
        guard segment.contains(UInt8(ascii: "%")) else { return segment.elementsEqual(text) }
        var decoded: [UInt8] = []
        return PercentCoding.decode(segment, into: &decoded) && decoded == text
    }
}

extension BindingTrie.Path {
    /// - Parameters:
    ///   - bytes: begins with `/`.
    ///   - isVerb: whether some template has this text as its verb; only then it is one here.
    init(_ bytes: UnsafeRawBufferPointer, isVerb: (UnsafeRawBufferPointer) -> Bool) {
        var end = bytes.count
        var verb = UnsafeRawBufferPointer(start: nil, count: 0)
        let segment = (bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        if let colon = bytes[segment...].lastIndex(of: UInt8(ascii: ":")) {
            let text = UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...])
            if isVerb(text) {
                verb = text
                end = colon
            }
        }
        // A slash at the end means nothing, and the root is no segment at all.
        if end > 0, bytes[end - 1] == UInt8(ascii: "/") { end -= 1 }
        self.init(bytes: bytes, end: end, verb: verb)
    }

    /// Where the segment ends that begins at `start`.
    func segmentEnd(from start: Int) -> Int {
        var at = start
        while at < end, bytes[at] != UInt8(ascii: "/") { at &+= 1 }
        return at
    }
}
