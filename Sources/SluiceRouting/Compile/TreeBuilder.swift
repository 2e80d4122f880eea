internal import SluiceCore

/// Puts routes into the trees of path segments.
///
/// While building, the lists of a node are chains of links; `ListBuilder` turns them into ranges.
struct TreeBuilder {
    /// Where in a node a route belongs.
    enum Place {
        case end
        case through
        case rest
    }

    struct Chain {
        var head: UInt32
        var tail: UInt32
        var count: UInt32
    }

    struct Link {
        var route: UInt32
        var next: UInt32
    }

    private(set) var nodes: ContiguousArray<Node> = []
    private(set) var chains: ContiguousArray<Chain> = []
    private(set) var links: ContiguousArray<Link> = []
    var keys = KeyIndexBuilder()
    var arena: ContiguousArray<UInt8> = []
    private(set) var anyHost = none
    private(set) var domainLabels: UInt64 = 0

    // MARK: - Roots

    /// The root for a host (lower case), a domain behind `*.`, or every host.
    mutating func root(_ host: HostPattern, route: UInt32) -> UInt32 {
        switch host {
        case .any:
            if anyHost == none { anyHost = newNode() }
            touch(anyHost, route)
            return anyHost
        case .exact(let name):
            return keyed(name.bytes, in: KeySpace.host, route)
        case .domain(let name):
            let labels = 1 + name.bytes.count { $0 == UInt8(ascii: ".") }
            domainLabels |= 1 << UInt64(min(labels, 63))
            return keyed(name.bytes, in: KeySpace.domain, route)
        }
    }

    // MARK: - Nodes

    /// The node behind a literal segment.
    mutating func child(of node: UInt32, _ segment: some Collection<UInt8>, route: UInt32) -> UInt32 {
        nodes[Int(node)].hasChildren = 1
        return keyed(segment, in: KeySpace.child(of: node), route)
    }

    /// The node behind a variable.
    mutating func variable(of node: UInt32, route: UInt32) -> UInt32 {
        if nodes[Int(node)].variable == none { nodes[Int(node)].variable = newNode() }
        let child = nodes[Int(node)].variable
        touch(child, route)
        return child
    }

    /// The node for regular expressions that begin with these bytes of the next segment.
    mutating func partial(of node: UInt32, _ bytes: some Collection<UInt8>, route: UInt32) -> UInt32 {
        let known = bytes.prefix(63)
        guard !known.isEmpty else { return node }
        nodes[Int(node)].partials |= 1 << UInt64(known.count)
        return keyed(known, in: KeySpace.partial(of: node), route)
    }

    /// Follows literal segments, `/a/b` as `a`, `b`.
    mutating func walk(
        from node: UInt32,
        _ segments: some Sequence<some Collection<UInt8>>,
        route: UInt32
    ) -> UInt32 {
        var node = node
        for segment in segments { node = child(of: node, segment, route: route) }
        return node
    }

    /// Adds a route to a list of a node; routes come in ascending order.
    mutating func add(_ route: UInt32, to node: UInt32, _ place: Place) {
        let chain =
            switch place {
            case .end: nodes[Int(node)].end
            case .through: nodes[Int(node)].through
            case .rest: nodes[Int(node)].rest
            }
        let link = UInt32(truncatingIfNeeded: links.count)
        guard chain != none else {
            let number = UInt32(truncatingIfNeeded: chains.count)
            chains.append(Chain(head: link, tail: link, count: 1))
            links.append(Link(route: route, next: none))
            switch place {
            case .end: nodes[Int(node)].end = number
            case .through: nodes[Int(node)].through = number
            case .rest: nodes[Int(node)].rest = number
            }
            return
        }
        let tail = Int(chains[Int(chain)].tail)
        // A route that names one host twice comes here twice.
        guard links[tail].route != route else { return }
        links[tail].next = link
        links.append(Link(route: route, next: none))
        chains[Int(chain)].tail = link
        chains[Int(chain)].count += 1
    }

    // MARK: - Parts

    private mutating func keyed(_ bytes: some Collection<UInt8>, in space: UInt32, _ route: UInt32) -> UInt32 {
        let number = UInt32(truncatingIfNeeded: nodes.count)
        func look(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
            keys.value(of: bytes, in: space, arena: &arena) { number }
        }
        let found =
            bytes.withContiguousStorageIfAvailable { look(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { look($0) }
        if found == number { _ = newNode() }
        touch(found, route)
        return found
    }

    private mutating func newNode() -> UInt32 {
        nodes.append(Node())
        return UInt32(truncatingIfNeeded: nodes.count - 1)
    }

    private mutating func touch(_ node: UInt32, _ route: UInt32) {
        nodes[Int(node)].least = min(nodes[Int(node)].least, route)
    }

    /// Puts the final list numbers in place of the chains.
    mutating func replaceChains(by lists: [UInt32]) {
        func list(_ chain: UInt32) -> UInt32 { chain == none ? none : lists[Int(chain)] }
        for i in nodes.indices {
            nodes[i].end = list(nodes[i].end)
            nodes[i].through = list(nodes[i].through)
            nodes[i].rest = list(nodes[i].rest)
        }
    }
}
