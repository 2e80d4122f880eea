internal import SluiceConfig
internal import SluiceCore

/// Compiles routes one by one into the arrays of a table.
struct TableBuilder {
    private let listeners: [String: UInt32]
    private var tree = TreeBuilder()
    private var conditions = ConditionBuilder()
    private var routes: ContiguousArray<RouteRecord> = []
    private var methods: [String: UInt64] = [:]
    private var customMethods: ContiguousArray<NamePattern> = []
    private var problems: [RouteProblem] = []
    private var place = SourcePlace.builtIn
    private var route = 0

    init(listeners: [String]) {
        let numbered = listeners.enumerated().map { ($1, UInt32(truncatingIfNeeded: $0)) }
        self.listeners = Dictionary(numbered) { first, _ in first }
        for (index, name) in Method.knownNames.enumerated() { methods[name.description] = 1 << UInt64(index) }
    }

    /// Adds the next route; a bad one is noted and leaves a gap that is never read.
    mutating func add(_ model: RouteModel, at index: Int) {
        route = index
        place = model.place
        var record = RouteRecord(
            methods: methodBits(model.match.methods),
            conditionStart: 0,
            conditionCount: 0,
            regex: none,
            pathStart: 0,
            pathCount: 0,
            captureStart: 0,
            captureCount: 0,
            capturesRest: false,
            pathCheck: .none
        )
        (record.conditionStart, record.conditionCount) = addConditions(model.match)
        let number = UInt32(truncatingIfNeeded: index)
        let hosts = hosts(model.match.hosts)
        if let path = compile(model.match.path, &record) {
            for host in hosts { insert(path, below: tree.root(host, route: number), number) }
        }
        routes.append(record)
    }

    /// The table, or all problems.
    consuming func finish() throws(RouteProblems) -> RouteTable {
        let isLarge = routes.count >= KeySpace.limit || tree.nodes.count >= KeySpace.limit
        if isLarge || tree.arena.count >= Int(UInt32.max) || tree.links.count >= Int(UInt32.max) {
            note(.table, "there are more routes than one table holds")
        }
        guard problems.isEmpty else { throw RouteProblems(problems: problems) }
        let lists = buildLists()
        let storage = RouteStorage(
            nodes: FlatArray(tree.nodes),
            keys: KeyIndex(entries: FlatArray(tree.keys.entries)),
            lists: FlatArray(lists.lists),
            splits: FlatArray(lists.splits),
            candidates: FlatArray(lists.candidates),
            routes: FlatArray(routes),
            conditions: FlatArray(conditions.conditions),
            fields: FlatArray(conditions.fields),
            names: FlatArray(conditions.names),
            networks: FlatArray(conditions.networks),
            numbers: FlatArray(conditions.numbers),
            methods: FlatArray(customMethods),
            regexes: FlatArray(conditions.regexes.map(\.unowned)),
            arena: FlatArray(tree.arena),
            anyHost: tree.anyHost,
            domainLabels: tree.domainLabels
        )
        return RouteTable(storage: storage, regexes: conditions.regexes)
    }

    private mutating func buildLists() -> ListBuilder {
        // Copies of the array references: a closure over `self` would make every change of the tree copy it.
        let (routes, conditions) = (routes, conditions.conditions)
        var lists = ListBuilder { Self.wanted(routes[Int($0)], conditions) }
        var numbers: [UInt32] = []
        numbers.reserveCapacity(tree.chains.count)
        for chain in tree.chains {
            var members: [UInt32] = []
            members.reserveCapacity(Int(chain.count))
            var link = chain.head
            while link != none {
                members.append(tree.links[Int(link)].route)
                link = tree.links[Int(link)].next
            }
            numbers.append(lists.make(members, &tree.keys, &tree.arena))
        }
        tree.replaceChains(by: numbers)
        return lists
    }

    /// The exact conditions of a route.
    private static func wanted(
        _ route: RouteRecord,
        _ conditions: ContiguousArray<Condition>
    ) -> [ListBuilder.Wanted] {
        conditions[Int(route.conditionStart)..<Int(route.conditionStart + route.conditionCount)].compactMap {
            $0.kind == .exact ? ListBuilder.Wanted(field: $0.field, start: $0.start, count: $0.count) : nil
        }
    }

    private mutating func note(_ part: RouteProblem.Part, _ message: String, help: String? = nil) {
        problems.append(RouteProblem(route: route, place: place, part: part, message: message, help: help))
    }

    // MARK: - Hosts and methods

    private mutating func hosts(_ patterns: [String]) -> [HostPattern] {
        patterns.isEmpty ? [.any] : parsed(patterns, .hosts)
    }

    private mutating func parsed(_ patterns: [String], _ part: RouteProblem.Part) -> [HostPattern] {
        patterns.compactMap { pattern in
            switch HostPattern.parse(pattern) {
            case .success(let host): return host
            case .failure(let problem):
                note(part, problem.message, help: problem.help)
                return nil
            }
        }
    }

    private mutating func methodBits(_ names: [String]) -> UInt64 {
        var bits: UInt64 = 0
        for name in names {
            if let known = methods[name] {
                bits |= known
            } else if name.isEmpty || !name.utf8.allSatisfy(ASCII.isToken) {
                note(.methods, "'\(name)' is no method")
            } else if customMethods.count == RouteStorage.maxCustomMethods {
                note(.methods, "there are more than \(RouteStorage.maxCustomMethods) methods of your own")
            } else {
                let bit = RouteStorage.customBit(UInt32(truncatingIfNeeded: customMethods.count))
                let start = UInt32(truncatingIfNeeded: tree.arena.count)
                tree.arena.append(contentsOf: name.utf8)
                let count = UInt32(truncatingIfNeeded: name.utf8.count)
                customMethods.append(NamePattern(start: start, count: count, isWildcard: false))
                methods[name] = bit
                bits |= bit
            }
        }
        return bits
    }

    // MARK: - Conditions

    private mutating func addConditions(_ match: MatchModel) -> (start: UInt32, count: UInt32) {
        var list: [Condition] = []
        if !match.listeners.isEmpty { list.append(conditions.listeners(listenerNumbers(match.listeners))) }
        if !match.sni.isEmpty {
            let patterns = parsed(match.sni, .sni)
            let takesAny = patterns.contains { if case .any = $0 { true } else { false } }
            if takesAny { note(.sni, "'*' is no server name", help: "leave 'sni' out to match every connection") }
            list.append(conditions.serverNames(patterns, &tree.arena))
        }
        if !match.source.isEmpty { list.append(conditions.sources(match.source)) }
        for header in match.headers { add(header, isQuery: false, to: &list) }
        for parameter in match.query { add(parameter, isQuery: true, to: &list) }
        return conditions.append(list)
    }

    private mutating func add(_ match: FieldMatch, isQuery: Bool, to list: inout [Condition]) {
        let part = isQuery ? RouteProblem.Part.query : .headers
        guard !match.name.isEmpty, isQuery || match.name.utf8.allSatisfy(ASCII.isToken) else {
            note(part, isQuery ? "a query parameter has a name" : "'\(match.name)' is no header name")
            return
        }
        do throws(RegularExpressionError) {
            list.append(try conditions.field(match, isQuery: isQuery, &tree.keys, &tree.arena))
        } catch {
            note(part, "'\(match.name)': \(error.message)", help: error.help)
        }
    }

    private mutating func listenerNumbers(_ names: [String]) -> [UInt32] {
        names.compactMap { name in
            if let number = listeners[name] { return number }
            note(.listeners, "there is no listener '\(name)'")
            return nil
        }
    }

    // MARK: - Paths

    /// A path condition in the form in which it enters the trees.
    private enum CompiledPath {
        case exact([UInt8])
        case prefix([UInt8])
        case template(PathTemplate)
        /// Checked by the route itself; the bytes are what every match begins with.
        case checked([UInt8])
    }

    private mutating func compile(_ path: PathMatch, _ record: inout RouteRecord) -> CompiledPath? {
        switch path {
        case .any: return .prefix([])
        case .exact(let text): return compileExact(text, &record)
        case .prefix(let text):
            if let problem = PathLiteral.problem(in: text) {
                note(.prefix, problem)
                return nil
            }
            var bytes = PathLiteral.bytes(text)
            if bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
            return .prefix(bytes)
        case .template(let text): return compileTemplate(text, &record)
        case .regex(let pattern): return compileRegex(pattern, &record)
        }
    }

    private mutating func compileExact(_ text: String, _ record: inout RouteRecord) -> CompiledPath? {
        if text == "*" {
            // `OPTIONS *` lies outside of the tree.
            record.pathCheck = .literal
            record.pathStart = UInt32(truncatingIfNeeded: tree.arena.count)
            record.pathCount = 1
            tree.arena.append(UInt8(ascii: "*"))
            return .checked([])
        }
        if let problem = PathLiteral.problem(in: text) {
            note(.path, problem)
            return nil
        }
        return .exact(PathLiteral.bytes(text))
    }

    private mutating func compileTemplate(_ text: String, _ record: inout RouteRecord) -> CompiledPath? {
        do throws(PathTemplateError) {
            let template = try PathTemplate(text)
            record.captureStart = UInt32(truncatingIfNeeded: conditions.numbers.count)
            for (index, segment) in template.segments.enumerated() {
                if case .literal = segment { continue }
                conditions.numbers.append(UInt32(truncatingIfNeeded: index))
                record.captureCount += 1
                if case .rest = segment { record.capturesRest = true }
            }
            return .template(template)
        } catch {
            note(.template, error.message, help: nil)
            return nil
        }
    }

    private mutating func compileRegex(_ pattern: String, _ record: inout RouteRecord) -> CompiledPath? {
        do throws(RegularExpressionError) {
            record.regex = try conditions.regex(pattern)
            record.pathCheck = .regex
            return .checked(conditions.regexes[Int(record.regex)].literalPrefix)
        } catch {
            note(.regex, error.message, help: error.help)
            return nil
        }
    }

    private mutating func insert(_ path: CompiledPath, below root: UInt32, _ route: UInt32) {
        switch path {
        case .exact(let bytes): tree.add(route, to: tree.walk(from: root, segments(bytes), route: route), .end)
        case .prefix(let bytes): tree.add(route, to: tree.walk(from: root, segments(bytes), route: route), .through)
        case .template(let template): insert(template, below: root, route)
        case .checked(let known):
            var whole = segments(known)
            let partial = whole.popLast() ?? []
            let node = tree.walk(from: root, whole, route: route)
            tree.add(route, to: tree.partial(of: node, partial, route: route), .through)
        }
    }

    private mutating func insert(_ template: PathTemplate, below root: UInt32, _ route: UInt32) {
        var node = root
        for segment in template.segments {
            switch segment {
            case .literal(let bytes): node = tree.child(of: node, bytes, route: route)
            case .variable: node = tree.variable(of: node, route: route)
            case .rest:
                tree.add(route, to: node, .rest)
                return
            }
        }
        tree.add(route, to: node, .end)
    }

    /// What stands behind each slash; nothing for a path that does not begin with one.
    private func segments(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        guard path.first == UInt8(ascii: "/") else { return [] }
        return path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }
}
