/// The order in which native routes are tried: the most specific first.
///
/// 1. The host: exact, then wildcards, the longest first, then none.
/// 2. An exact path.
/// 3. Templates, prefixes and regular expressions segment by segment: literal, variable, end; the end of a template
///    before one that leaves the rest open. A regular expression ranks as the literal text with which all its paths
///    begin. Of two that leave the rest open after as many segments, the longer literal goes first, then the regular
///    expression.
/// 4. A condition on the method; more conditions on headers; more on query parameters.
/// 5. The order of the files.
///
/// Two different literals never match one path, so it does not matter which of them comes first; ranks are therefore
/// made of the kinds of segments alone, and comparing them is comparing numbers.
package enum NativeOrder {
    /// Sorts the routes; those of equal rank keep their order.
    ///
    /// A route whose hosts are of several ranks is divided, so that each part stands where its hosts belong; the parts
    /// share name and everything else. Allocates one key per route.
    package static func sort(_ routes: inout [RouteModel]) {
        var parts: [RouteModel] = []
        parts.reserveCapacity(routes.count)
        for route in routes { divide(route, into: &parts) }
        let keys = parts.enumerated().map { RouteRank($0.element, position: $0.offset) }
        routes = keys.sorted().map { parts[$0.position] }
    }

    private static func divide(_ route: RouteModel, into parts: inout [RouteModel]) {
        let hosts = route.match.hosts
        let first = hosts.first.map(RouteRank.hostRank)
        if hosts.count < 2 || hosts.allSatisfy({ RouteRank.hostRank($0) == first }) {
            parts.append(route)
            return
        }
        for rank in Set(hosts.map(RouteRank.hostRank)).sorted() {
            var part = route
            part.match.hosts = hosts.filter { RouteRank.hostRank($0) == rank }
            parts.append(part)
        }
    }
}

/// Where a route stands, as numbers: smaller is tried earlier.
struct RouteRank: Comparable {
    /// 0: exact; then longer wildcards before shorter ones; last: none.
    private let host: UInt32
    private let path: PathRank
    /// Methods, headers and query parameters, each with more conditions first.
    private let conditions: UInt64
    let position: Int

    init(_ route: RouteModel, position: Int) {
        let match = route.match
        self.host = match.hosts.first.map(Self.hostRank) ?? UInt32.max
        self.path = PathRank(match.path)
        let method: UInt64 = match.methods.isEmpty ? 1 : 0
        let headers = UInt64(0xFFFF - min(match.headers.count, 0xFFFF))
        let query = UInt64(0xFFFF - min(match.query.count, 0xFFFF))
        self.conditions = method << 32 | headers << 16 | query
        self.position = position
    }

    static func hostRank(_ host: String) -> UInt32 {
        guard host.utf8.first == UInt8(ascii: "*") else { return 0 }
        return UInt32.max - 1 - UInt32(clamping: min(host.utf8.count, 4096))
    }

    static func < (a: RouteRank, b: RouteRank) -> Bool {
        if a.host != b.host { return a.host < b.host }
        if a.path != b.path { return a.path < b.path }
        if a.conditions != b.conditions { return a.conditions < b.conditions }
        return a.position < b.position
    }

    static func == (a: RouteRank, b: RouteRank) -> Bool { a.position == b.position }
}

/// The rank of a path match: the kinds of its segments, four bits each.
struct PathRank: Comparable {
    /// In the order in which they are tried.
    private enum Kind: UInt64 {
        case literal, variable, templateEnd, rest, openEnd
    }

    private let isExact: Bool
    /// The first 32 segments, the first in the highest bits.
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var count = 0
    /// Segments behind the 32nd; empty for any path in practice.
    private var tail: [UInt8] = []
    /// Of prefixes and regular expressions: bytes of the literal text, more first, then which of the two it is.
    private var literalRank: UInt32 = 0

    init(_ match: PathMatch) {
        if case .exact = match { isExact = true } else { isExact = false }
        switch match {
        case .exact: return
        case .any: addOpen("/".utf8, isRegex: false)
        case .prefix(let path): addOpen(path.utf8, isRegex: false)
        case .template(let text): addTemplate(text)
        case .regex(let pattern): addOpen(LeadingLiteral.of(pattern), isRegex: true)
        }
    }

    private mutating func addOpen(_ literal: some Collection<UInt8>, isRegex: Bool) {
        for _ in literal.split(separator: UInt8(ascii: "/")) { add(.literal) }
        add(.openEnd)
        // Every path begins with a slash, so that no literal is shorter than one byte.
        let length = UInt32(clamping: min(max(literal.count, 1), 1 << 20))
        literalRank = ((1 << 20) - length) << 1 | (isRegex ? 0 : 1)
    }

    private mutating func addTemplate(_ text: String) {
        for segment in text.utf8.split(separator: UInt8(ascii: "/")) {
            guard segment.first == UInt8(ascii: "{") else {
                add(.literal)
                continue
            }
            if segment.suffix(4).elementsEqual("...}".utf8) {
                add(.rest)
                return
            }
            add(.variable)
        }
        add(.templateEnd)
    }

    private mutating func add(_ kind: Kind) {
        switch count {
        case 0..<16: high |= kind.rawValue << UInt64(60 - count * 4)
        case 16..<32: low |= kind.rawValue << UInt64(60 - (count - 16) * 4)
        default: tail.append(UInt8(truncatingIfNeeded: kind.rawValue))
        }
        count += 1
    }

    static func < (a: PathRank, b: PathRank) -> Bool {
        if a.isExact != b.isExact { return a.isExact }
        if a.high != b.high { return a.high < b.high }
        if a.low != b.low { return a.low < b.low }
        if a.tail != b.tail { return a.tail.lexicographicallyPrecedes(b.tail) }
        return a.literalRank < b.literalRank
    }
}
