/// "No such thing" for every index in the table.
let none = UInt32.max

/// A place in the tree of path segments.
///
/// Each host pattern has its own tree. A node stands for the segments from its root to it; its literal children are
/// found through the `KeyIndex`, by segment.
struct Node: BitwiseCopyable {
    /// List of routes whose path ends here: exact paths, and templates without `{rest...}`.
    var end = none
    /// List of routes that take this path and everything below it: prefixes, and those that check the path themselves.
    var through = none
    /// List of routes that take what follows the next slash: templates with `{rest...}`.
    var rest = none
    /// The child for a template's variable.
    var variable = none
    /// The least route index in this node and all below it: a match that is already better need not look.
    var least = none
    /// Whether the `KeyIndex` holds children of this node.
    var hasChildren: UInt32 = 0
    /// Bit n: there are regular expressions of which n bytes of the next segment are known (see `KeySpace.partial`).
    var partials: UInt64 = 0
}

/// Routes of one place, in ascending order; see `ListSplit` for how long ones are divided.
struct RouteList: BitwiseCopyable {
    /// Range in `candidates`.
    var start: UInt32
    var count: UInt32
    /// Index in `splits`, or none.
    var split: UInt32
    /// The least route index in the list and its parts.
    var least: UInt32
}

/// Divides a long list by the value that its routes want in one field.
///
/// Thousands of routes with one path and a different `x-tenant` would otherwise all be tried. Those that want an exact
/// value lie in the `KeyIndex` by that value, the others in `rest`.
struct ListSplit: BitwiseCopyable {
    /// Index in `fields`.
    var field: UInt32
    /// Index in `lists`.
    var rest: UInt32
}

/// One route as it is tried.
struct RouteRecord: BitwiseCopyable {
    enum PathCheck: UInt8, BitwiseCopyable {
        /// The place in the tree says it all.
        case none
        /// `regex`.
        case regex
        /// `pathStart`, `pathCount`: an exact path that does not begin with a slash.
        case literal
    }

    /// Bit per method; 0: all.
    var methods: UInt64
    var conditionStart: UInt32
    var conditionCount: UInt32
    /// Index in `regexes`.
    var regex: UInt32
    var pathStart: UInt32
    var pathCount: UInt32
    /// Range in `numbers`: which segments a template's variables are.
    var captureStart: UInt32
    var captureCount: UInt8
    /// Whether the last capture takes the rest of the path.
    var capturesRest: Bool
    var pathCheck: PathCheck
}

/// One condition besides host, path and method.
struct Condition: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        /// `start`, `count` in `numbers`: indices of listeners.
        case listener
        /// `start`, `count` in `names`.
        case sni
        /// `start`, `count` in `networks`.
        case source
        // The value of `field`, against the bytes at `start`, `count` (for `regex`: index `start` in `regexes`).
        case exact
        case prefix
        case suffix
        case contains
        case regex
        case present
        case absent
    }

    var kind: Kind
    var field: UInt32
    var start: UInt32
    var count: UInt32
}

/// A header field or query parameter that conditions look at.
struct Field: BitwiseCopyable {
    var isQuery: Bool
    /// Raw value of the well-known `FieldName`; 0 for others.
    var wellKnown: UInt8
    /// The name, lower case for a header.
    var start: UInt32
    var count: UInt32
}

/// A server name, or the domain behind `*.`.
struct NamePattern: BitwiseCopyable {
    var start: UInt32
    var count: UInt32
    var isWildcard: Bool
}

/// A network of a `source` condition; holds what `CIDR.contains` does.
struct Network: BitwiseCopyable {
    var high: UInt64
    var low: UInt64
    var highMask: UInt64
    var lowMask: UInt64
    /// An IPv6 network so wide that the mapped IPv4 addresses lie in it, which it does not mean.
    var excludesV4: Bool
}
