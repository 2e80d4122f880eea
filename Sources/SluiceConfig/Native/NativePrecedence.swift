/// Which of the rules of `NativeOrder` puts one route ahead of another.
package enum NativePrecedence: Sendable, Equatable {
    /// It names a host and the other one does not, or its host is exact, or its wildcard is longer.
    case host
    /// Its path is exact.
    case exactPath
    /// Both are prefixes, and its is longer.
    case longerPrefix
    /// Its path is more specific, segment by segment.
    case path
    /// It names methods.
    case methods
    /// More conditions on headers.
    case headers(Int, against: Int)
    /// More conditions on query parameters.
    case query(Int, against: Int)
    /// Equal in all that counts: it comes first in the files.
    case files
    /// No rule of the native order: the configuration's own.
    case given

    /// Why `first` is tried before `second`.
    ///
    /// - Returns: `given` where the native order would have it the other way round, as other dialects may.
    package static func between(_ first: RouteModel, _ second: RouteModel) -> NativePrecedence {
        let (a, b) = (RouteRank(first, position: 0), RouteRank(second, position: 1))
        // Equal but for their positions: then neither order of them is less than the other.
        guard a < b || !(b < a) else { return .given }
        let hosts = [first, second].map { $0.match.hosts.first.map(RouteRank.hostRank) ?? UInt32.max }
        if hosts[0] != hosts[1] { return .host }
        let paths = [first, second].map { PathRank($0.match.path) }
        if paths[0] != paths[1] { return path(first.match.path, second.match.path) }
        if first.match.methods.isEmpty != second.match.methods.isEmpty { return .methods }
        let headers = (first.match.headers.count, second.match.headers.count)
        if headers.0 != headers.1 { return .headers(headers.0, against: headers.1) }
        let query = (first.match.query.count, second.match.query.count)
        if query.0 != query.1 { return .query(query.0, against: query.1) }
        return .files
    }

    private static func path(_ first: PathMatch, _ second: PathMatch) -> NativePrecedence {
        switch (first, second) {
        case (.exact, _): .exactPath
        case (.prefix, .prefix), (.prefix, .any): .longerPrefix
        default: .path
        }
    }

    /// A clause about the one that goes first: `its path is exact`.
    package var text: String {
        switch self {
        case .host: "its host is more specific"
        case .exactPath: "its path is exact"
        case .longerPrefix: "its prefix is longer"
        case .path: "its path is more specific, segment by segment"
        case .methods: "it names methods"
        case .headers(let more, let fewer): "it has more conditions on headers (\(more) against \(fewer))"
        case .query(let more, let fewer): "it has more conditions on query parameters (\(more) against \(fewer))"
        case .files: "both are equally specific, and it comes first in the files"
        case .given: "it comes first in the configuration"
        }
    }
}
