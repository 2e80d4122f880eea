import SluiceCore

/// All bindings of a configuration, and which one a request is for.
struct BindingTable: Sendable {
    let bindings: [Binding]
    /// One tree per HTTP method, and that of `*`, which is asked last.
    private var tries: [(method: [UInt8], trie: BindingTrie)] = []
    private var fallback = BindingTrie()
    private var verbs: [[UInt8]] = []

    /// - Throws: every pair of bindings that nothing tells apart, both named.
    init(_ bindings: [Binding], pool: DescriptorPool) throws(DescriptorError) {
        self.bindings = bindings
        var problems: [String] = []
        for (place, binding) in bindings.enumerated() {
            guard let other = add(binding, place) else { continue }
            let first = bindings[other]
            problems.append(
                "\(binding.httpMethod) \(binding.template) of \(pool.methods[binding.method].fullName) takes the same "
                    + "requests as \(first.httpMethod) \(first.template) of \(pool.methods[first.method].fullName)"
            )
        }
        if !problems.isEmpty { throw DescriptorError(problems) }
    }

    private mutating func add(_ binding: Binding, _ place: Int) -> Int? {
        let verb = binding.path.verb
        if !verb.isEmpty, !verbs.contains(verb) { verbs.append(verb) }
        if binding.httpMethod == "*" { return fallback.add(binding.path, binding: place) }
        let method = Array(binding.httpMethod.utf8)
        if let at = tries.firstIndex(where: { $0.method == method }) {
            return tries[at].trie.add(binding.path, binding: place)
        }
        var trie = BindingTrie()
        defer { tries.append((method, trie)) }
        return trie.add(binding.path, binding: place)
    }

    /// The binding of a request, as a place in `bindings`, or nil.
    ///
    /// - Parameters:
    ///   - method: as it came; methods are told apart by case.
    ///   - path: normalised, without query.
    func find(method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) -> Int? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        let path = taken(path)
        for at in tries.indices where method.elementsEqual(tries[at].method) {
            if let found = tries[at].trie.find(path) { return found }
        }
        return fallback.find(path)
    }

    /// The methods that a path has bindings for: what `Allow` says when the method is the wrong one.
    func methods(for path: UnsafeRawBufferPointer) -> [String] {
        guard path.first == UInt8(ascii: "/") else { return [] }
        let path = taken(path)
        return tries.compactMap { method, trie in
            trie.find(path) == nil ? nil : String(decoding: method, as: UTF8.self)
        }
    }

    private func taken(_ path: UnsafeRawBufferPointer) -> BindingTrie.Path {
        BindingTrie.Path(path) { text in verbs.contains { text.elementsEqual($0) } }
    }

    /// Where the variables of a binding lie in a path that it was found for, in their order.
    func values(of binding: Binding, in path: UnsafeRawBufferPointer) -> [ByteRange] {
        guard !binding.variables.isEmpty else { return [] }
        let path = taken(path)
        return binding.variables.map { Self.range(of: $0.segments, in: path, binding.path) }
    }

    private static func range(
        of segments: Range<Int>,
        in path: BindingTrie.Path,
        _ template: BindingTemplate
    )
        -> ByteRange
    {
        let rest = template.rest ?? template.segments.count
        let start = edge(segments.lowerBound, in: path, rest, template.segments.count, isStart: true)
        let end = edge(segments.upperBound, in: path, rest, template.segments.count, isStart: false)
        return start < end ? ByteRange(start: start, count: end - start) : .empty
    }

    /// Where a segment begins, or where the one in front of it ends: counted from the front, behind a `**` from the end.
    private static func edge(_ segment: Int, in path: BindingTrie.Path, _ rest: Int, _ count: Int, isStart: Bool) -> Int
    {
        if segment <= rest {
            var at = 0
            for _ in 0..<segment { at = path.segmentEnd(from: at + 1) }
            return isStart ? min(path.end, at + 1) : at
        }
        var at = path.end
        for _ in segment..<count { at = path.bytes[..<at].lastIndex(of: UInt8(ascii: "/")) ?? 0 }
        return isStart ? min(path.end, at + 1) : at
    }
}
