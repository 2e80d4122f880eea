package import SluiceCore

/// What a request came to.
package enum RouteMatch: Equatable, Sendable {
    /// The index of the route in the list that was compiled.
    case route(Int)
    /// Routes fit in everything but the method; their methods, for `Allow`.
    case methodNotAllowed(MethodSet)
    case none
}

/// Methods, in the numbering of one table; `RouteTable.names(of:)` and `writeAllow` turn it into text.
package struct MethodSet: Equatable, Sendable {
    var bits: UInt64
}

/// What a match needs to know besides the head.
package struct RouteContext: Sendable {
    /// Index in the list of listener names that the table was compiled with.
    package var listener: Int
    /// The client as the listener's `trusted_proxies` give it; nil on a Unix socket, where no `source` condition holds.
    package var source: IPAddress?
    /// The lower-case server name of the TLS handshake; nil without TLS or name, where no `sni` condition holds.
    package var sni: [UInt8]?
    /// Whether a CORS preflight matches with the method it asks for (Fetch standard, section 3.2.2) instead of OPTIONS.
    ///
    /// The engine turns this on to find the route whose `cors` filter answers; when that route has none, it matches
    /// again without, since the request is then an ordinary OPTIONS.
    package var matchesPreflights: Bool

    package init(
        listener: Int = 0,
        source: IPAddress? = nil,
        sni: [UInt8]? = nil,
        matchesPreflights: Bool = false
    ) {
        self.listener = listener
        self.source = source
        self.sni = sni
        self.matchesPreflights = matchesPreflights
    }
}

/// What the variables of a path template or the groups of a regular expression took, as ranges of the head's bytes.
///
/// A plain value without memory of its own: it lives in the exchange. The names belong to the route and are asked for
/// once, when the configuration is compiled: `RouteTable.captureNames(of:)`.
package struct Captures: Sendable {
    /// As many as a template has variables, and a match tells groups.
    package static let limit = 16

    private var ranges = InlineArray<16, ByteRange>(repeating: .empty)
    package private(set) var count = 0

    package init() {}

    /// The bytes of capture `index`: nil if there is none, empty for a group that took no part.
    package subscript(index: Int) -> ByteRange? {
        index >= 0 && index < count ? ranges[index] : nil
    }

    mutating func removeAll() { count = 0 }

    /// Adds one; what does not fit is left out.
    mutating func append(_ range: ByteRange) {
        guard count < Self.limit else { return }
        ranges[count] = range
        count += 1
    }
}
