internal import SluiceCore

/// All arrays of a compiled table; freed by `RouteTable`.
struct RouteStorage: Sendable {
    let nodes: FlatArray<Node>
    let keys: KeyIndex
    let lists: FlatArray<RouteList>
    let splits: FlatArray<ListSplit>
    /// Route indices, grouped by list.
    let candidates: FlatArray<UInt32>
    let routes: FlatArray<RouteRecord>
    let conditions: FlatArray<Condition>
    let fields: FlatArray<Field>
    let names: FlatArray<NamePattern>
    let networks: FlatArray<Network>
    let numbers: FlatArray<UInt32>
    /// Methods that are not in `Method`: method bit 9 is number 0.
    let methods: FlatArray<NamePattern>
    let regexes: FlatArray<RegularExpression.Unowned>
    let arena: FlatArray<UInt8>
    /// Root of the routes for every host, or none.
    let anyHost: UInt32
    /// Bit n: there is a `*.` pattern whose domain has n labels; bit 63 stands for 63 and more.
    let domainLabels: UInt64

    func deallocate() {
        nodes.deallocate()
        keys.entries.deallocate()
        lists.deallocate()
        splits.deallocate()
        candidates.deallocate()
        routes.deallocate()
        conditions.deallocate()
        fields.deallocate()
        names.deallocate()
        networks.deallocate()
        numbers.deallocate()
        methods.deallocate()
        regexes.deallocate()
        arena.deallocate()
    }

    /// Bytes of memory, compiled regular expressions not counted.
    var memory: Int {
        let tree = nodes.memory + keys.entries.memory + lists.memory + splits.memory + candidates.memory
        let conditions = conditions.memory + fields.memory + names.memory + networks.memory + numbers.memory
        return tree + conditions + routes.memory + methods.memory + regexes.memory + arena.memory
    }

    /// Looks a key up in the index.
    @inline(__always)
    func find(_ bytes: UnsafeRawBufferPointer, in space: UInt32) -> UInt32 {
        keys.find(bytes, in: space, hash: KeyHash.of(bytes, in: space), arena: arena)
    }

    /// The bit of a method in this table; 0 for one that no route names.
    func bit(of method: Method, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard case .other = method else { return 1 << UInt64(method.rawValue) }
        for index in 0..<UInt32(truncatingIfNeeded: methods.count) {
            let known = methods[index]
            if sameBytes(bytes, arena.bytes(known.start, known.count)) { return Self.customBit(index) }
        }
        return 0
    }

    /// Methods that satisfy a route: HEAD is answered where GET is (RFC 9110, section 9.3.2).
    func bits(for method: Method, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let own = bit(of: method, bytes)
        return own == Self.head ? own | Self.get : own
    }

    static let get: UInt64 = 1 << UInt64(Method.get.rawValue)
    static let head: UInt64 = 1 << UInt64(Method.head.rawValue)
    /// 64 bits, of which `Method` takes the first nine.
    static let maxCustomMethods = 64 - Int(Method.other.rawValue)

    static func customBit(_ index: UInt32) -> UInt64 { 1 << (UInt64(Method.other.rawValue) + UInt64(index)) }
}
