internal import SluiceCore

/// One match under way: what of the request is looked at, and the best route so far.
///
/// Lives on the stack of `RouteView.match`; all pointers are valid for that long.
struct Matcher {
    /// Where in the head the parts lie that routes look at.
    struct Parts {
        let host: ByteRange
        let path: ByteRange
        /// Empty when there is none.
        let query: ByteRange
    }

    let table: UnsafePointer<RouteStorage>
    /// All bytes of the head; field and capture ranges refer to them.
    let head: UnsafeRawBufferPointer
    let entries: UnsafeBufferPointer<HeaderTable.Entry>
    let host: UnsafeRawBufferPointer
    let path: UnsafeRawBufferPointer
    let pathStart: Int
    /// Empty when there is none.
    let query: ByteRange
    let listener: UInt32
    let source: IPAddress?
    let sni: UnsafeRawBufferPointer?
    /// Bits of the methods of which a route must take one.
    let methods: UInt64
    /// The request asks for another one, of which only the method and the names of its headers are known.
    var isPreflight = false

    /// Index of the best route so far.
    var best = none
    /// Whether a route was left out for its method, so that a second pass may find methods to name.
    var missedMethod = false
    /// The second pass: nothing matches, `allowed` is collected.
    var isCollecting = false
    var allowed: UInt64 = 0

    @inline(__always)
    init(
        _ table: UnsafePointer<RouteStorage>,
        _ parts: Parts,
        _ head: UnsafeRawBufferPointer,
        _ entries: UnsafeBufferPointer<HeaderTable.Entry>,
        _ context: RouteContext,
        _ sni: UnsafeRawBufferPointer?,
        _ methods: UInt64
    ) {
        self.table = table
        self.head = head
        self.entries = entries
        self.host = head.part(parts.host)
        self.path = head.part(parts.path)
        self.pathStart = Int(parts.path.start)
        self.query = parts.query
        self.listener = UInt32(truncatingIfNeeded: context.listener)
        self.source = context.source
        self.sni = sni
        self.methods = methods
    }

    mutating func run(_ scratch: inout MatchScratch, _ captures: inout Captures) -> RouteMatch {
        scratch.begin(fields: table.pointee.fields.count)
        searchHosts(&scratch)
        if best != none {
            capture(table.pointee.routes[best], &captures)
            return .route(Int(best))
        }
        guard missedMethod else { return .none }
        isCollecting = true
        searchHosts(&scratch)
        guard allowed != 0 else { return .none }
        if allowed & RouteStorage.get != 0 { allowed |= RouteStorage.head }
        return .methodNotAllowed(MethodSet(bits: allowed))
    }

    // MARK: - Hosts

    private mutating func searchHosts(_ scratch: inout MatchScratch) {
        if !host.isEmpty {
            search(table.pointee.find(host, in: KeySpace.host), &scratch)
            if table.pointee.domainLabels != 0 { searchDomains(&scratch) }
        }
        search(table.pointee.anyHost, &scratch)
    }

    /// Looks up each domain behind a dot, the longest first, if any pattern has as many labels.
    private mutating func searchDomains(_ scratch: inout MatchScratch) {
        // Labels behind the dot at hand.
        var labels = 0
        for byte in host where byte == UInt8(ascii: ".") { labels += 1 }
        for i in 0..<host.count where host[i] == UInt8(ascii: ".") {
            defer { labels -= 1 }
            // `*` stands for one or more labels, so something precedes the dot.
            guard i > 0, table.pointee.domainLabels & (1 << UInt64(min(labels, 63))) != 0 else { continue }
            let domain = UnsafeRawBufferPointer(rebasing: host[(i + 1)...])
            search(table.pointee.find(domain, in: KeySpace.domain), &scratch)
        }
    }

    // MARK: - Paths

    /// Walks the tree below a root; branches for variables are kept for later, so that literals come first.
    private mutating func search(_ root: UInt32, _ scratch: inout MatchScratch) {
        guard root != none, table.pointee.nodes[root].least < best else { return }
        scratch.branches.removeAll(keepingCapacity: true)
        var branch = MatchScratch.Branch(node: root, position: 0)
        while true {
            descend(branch, &scratch)
            while let list = scratch.pending.popLast() { tryList(list, &scratch) }
            repeat {
                guard let next = scratch.branches.popLast() else { return }
                branch = next
            } while table.pointee.nodes[branch.node].least >= best
        }
    }

    /// Follows the literal segments of the path from a node down and notes the lists met.
    private func descend(_ start: MatchScratch.Branch, _ scratch: inout MatchScratch) {
        var number = start.node
        var position = Int(start.position)
        while true {
            let node = table.pointee.nodes[number]
            if node.through != none { scratch.pending.append(node.through) }
            guard position < path.count else {
                if node.end != none { scratch.pending.append(node.end) }
                return
            }
            // Only `*` and its like do not begin with a slash; below the root a slash is what ended the segment.
            guard path[position] == UInt8(ascii: "/") else { return }
            if node.rest != none { scratch.pending.append(node.rest) }
            guard node.hasChildren != 0 || node.partials != 0 || node.variable != none else { return }

            let segment = position + 1
            position = segment
            var hash = KeyHash()
            while position < path.count, path[position] != UInt8(ascii: "/") {
                hash.add(path[position])
                position += 1
                if node.partials != 0 { notePartial(of: number, node, segment, position, hash, &scratch) }
            }
            if node.variable != none, position > segment { keepBranch(node.variable, position, &scratch) }
            guard node.hasChildren != 0 else { return }
            let child = find(segment, position, hash, in: KeySpace.child(of: number))
            guard child != none, table.pointee.nodes[child].least < best else { return }
            number = child
        }
    }

    @inline(__always)
    private func keepBranch(_ node: UInt32, _ position: Int, _ scratch: inout MatchScratch) {
        guard table.pointee.nodes[node].least < best else { return }
        scratch.branches.append(MatchScratch.Branch(node: node, position: UInt32(truncatingIfNeeded: position)))
    }

    /// Looks up bytes of the path whose hash is known.
    @inline(__always)
    private func find(_ start: Int, _ end: Int, _ hash: KeyHash, in space: UInt32) -> UInt32 {
        table.pointee.keys.find(
            UnsafeRawBufferPointer(rebasing: path[start..<end]),
            in: space,
            hash: hash.finish(in: space),
            arena: table.pointee.arena
        )
    }

    /// Notes the regular expressions of which the segment so far is known.
    @inline(__always)
    private func notePartial(
        of number: UInt32,
        _ node: Node,
        _ segment: Int,
        _ position: Int,
        _ hash: KeyHash,
        _ scratch: inout MatchScratch
    ) {
        let count = position - segment
        guard count < 64, node.partials & (1 << UInt64(count)) != 0 else { return }
        let found = find(segment, position, hash, in: KeySpace.partial(of: number))
        if found != none, table.pointee.nodes[found].through != none {
            scratch.pending.append(table.pointee.nodes[found].through)
        }
    }

    // MARK: - Lists

    /// Tries the routes of a list in their order, until one fits or the best so far comes before the rest.
    private mutating func tryList(_ number: UInt32, _ scratch: inout MatchScratch) {
        var number = number
        while true {
            let list = table.pointee.lists[number]
            guard list.least < best else { return }
            tryCandidates(list, &scratch)
            guard list.split != none else { return }
            let split = table.pointee.splits[list.split]
            let part = withValue(of: split.field, &scratch) { value in
                value.map { table.pointee.find($0, in: KeySpace.value(of: list.split)) } ?? none
            }
            if part != none { tryList(part, &scratch) }
            number = split.rest
        }
    }

    @inline(__always)
    private mutating func tryCandidates(_ list: RouteList, _ scratch: inout MatchScratch) {
        var i = list.start
        while i < list.start + list.count {
            let route = table.pointee.candidates[i]
            guard route < best else { return }
            if fits(table.pointee.routes[route], &scratch) {
                best = route
                return
            }
            i += 1
        }
    }

    /// Whether all that the place in the tree does not say holds as well.
    @inline(__always)
    private mutating func fits(_ route: RouteRecord, _ scratch: inout MatchScratch) -> Bool {
        let takesMethod = route.methods == 0 || route.methods & methods != 0
        if !takesMethod {
            missedMethod = true
            guard isCollecting else { return false }
        }
        guard pathHolds(route), conditionsHold(route, &scratch) else { return false }
        if isCollecting {
            allowed |= route.methods
            return false
        }
        return true
    }

    @inline(__always)
    private func pathHolds(_ route: RouteRecord) -> Bool {
        switch route.pathCheck {
        case .none: true
        case .regex: table.pointee.regexes[route.regex].matches(path)
        case .literal: sameBytes(path, table.pointee.arena.bytes(route.pathStart, route.pathCount))
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a range, none if it does not lie inside.
    @inline(__always)
    func part(_ range: ByteRange) -> UnsafeRawBufferPointer { part(range.start, range.count) }

    @inline(__always)
    func part(_ start: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
        guard let base = baseAddress, Int(start) + Int(length) <= count else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: base + Int(start), count: Int(length))
    }
}
