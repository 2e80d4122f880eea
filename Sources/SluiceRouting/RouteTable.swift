internal import NIOCore
package import SluiceConfig
package import SluiceCore

/// The compiled routes of a snapshot: which route takes a request.
///
/// The answer is that of a scan over the ordered list in which the first match wins (`LinearMatcher`), whatever the
/// order; only the way there is shorter. Routes lie in a tree of path segments per host pattern; a request walks down
/// its own segments and tries the routes it meets, lowest index first.
///
/// Cost of a match: a look-up per host label for which there are patterns, one per path segment of the longest path
/// that any route of that host has, and the conditions of the routes met. What only the configuration bounds:
/// - routes that differ in nothing but prefix, suffix, `contains` or regular-expression conditions on headers and query
///   are tried one by one (about 10 ns each, a regular expression 100 ns or more); exact values are looked up;
/// - regular expressions with the same literal beginning are tried one by one;
/// - templates of which each segment is a variable in one and a literal in another are all visited if they all fit.
///
/// A regular expression is compiled once per pattern, however many routes have it; it takes some KiB of its own.
///
/// Isolation: any loop, without synchronisation or reference counting when used through `view`. The table must be
/// released on the reload thread (freeing a large one takes time).
package final class RouteTable: Sendable {
    /// Match through this: a plain pointer that the holder of the table passes around without retaining anything.
    package let view: RouteView
    /// Number of routes.
    package let count: Int
    /// Bytes of the flat arrays; compiled regular expressions are not counted.
    package let memory: Int
    /// Keeps alive what `RouteStorage.regexes` points to.
    private let regexes: [RegularExpression]

    init(storage: RouteStorage, regexes: [RegularExpression]) {
        let pointer = UnsafeMutablePointer<RouteStorage>.allocate(capacity: 1)
        pointer.initialize(to: storage)
        self.view = RouteView(pointer)
        self.count = storage.routes.count
        self.memory = storage.memory
        self.regexes = regexes
    }

    deinit { view.free() }

    /// Compiles an ordered list of routes.
    ///
    /// - Parameters:
    ///   - routes: in the order in which they are tried.
    ///   - listeners: the names that `MatchModel.listeners` refer to; `RouteContext.listener` is an index in it.
    /// - Returns: the table.
    /// - Throws: all problems of all routes.
    package static func compile(
        _ routes: [RouteModel],
        listeners: [String] = []
    ) throws(RouteProblems) -> RouteTable {
        var builder = TableBuilder(listeners: listeners)
        for (index, route) in routes.enumerated() { builder.add(route, at: index) }
        return try builder.finish()
    }

    /// Finds the route of a request; see `RouteView.match`.
    package func match(
        _ head: RequestHead,
        _ context: RouteContext,
        scratch: inout MatchScratch,
        captures: inout Captures
    ) -> RouteMatch {
        var head = head
        return view.match(&head, context, scratch: &scratch, captures: &captures)
    }

    /// The names of a route's captures, in the order of `Captures`: a template's variables, or a regular expression's
    /// groups (by name, else by number from "1"). Compiles regular expressions: for configuration time only.
    package static func captureNames(of path: PathMatch) -> [String] {
        switch path {
        case .any, .exact, .prefix: return []
        case .template(let text): return (try? PathTemplate(text))?.names ?? []
        case .regex(let pattern):
            return (try? RegularExpression(pattern)).map(names) ?? []
        }
    }

    /// The same for a route of this table, whose regular expression is compiled already.
    ///
    /// - Parameters:
    ///   - index: in the list that was compiled.
    ///   - path: the path condition of that route.
    /// - Returns: the names, none for an index outside.
    package func captureNames(ofRoute index: Int, path: PathMatch) -> [String] {
        guard case .regex = path else { return Self.captureNames(of: path) }
        guard index >= 0, index < count else { return [] }
        let regex = view.storage.pointee.routes[UInt32(truncatingIfNeeded: index)].regex
        return regex == none ? [] : Self.names(of: regexes[Int(regex)])
    }

    private static func names(of regex: RegularExpression) -> [String] {
        regex.groupNames.prefix(Captures.limit).enumerated().map { $1 ?? String($0 + 1) }
    }

    // MARK: - Methods

    /// The methods of a set: the known ones first, then the others in the order of the routes.
    package func names(of methods: MethodSet) -> [String] {
        var out = ByteBuffer()
        view.writeAllow(methods, into: &out)
        return String(buffer: out).split(separator: ",").map { $0.drop { $0 == " " } }.map(String.init)
    }

    /// Whether a request is a CORS preflight (Fetch standard, section 3.2.2).
    package static func isPreflight(_ head: RequestHead) -> Bool {
        head.method == .options && head.fields.has(.origin) && RouteView.requestedMethod(of: head) != nil
    }
}
