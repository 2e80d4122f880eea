/// An upstream that a filter calls by name. Bound when the loop takes over the configuration: pools outlive
/// configurations, and filters are made before that, on another thread.
///
/// Isolation: the thread that builds the configuration, then the loop.
package final class CalloutTarget {
    package let name: String
    /// nil until then.
    package fileprivate(set) var upstream: LoopUpstream?

    fileprivate init(_ name: String) { self.name = name }
}

/// The upstreams that the filters of one configuration call, on one loop.
package final class CalloutTargets {
    private var all: [String: CalloutTarget] = [:]

    package init() {}

    /// The same object for the same name.
    package func target(_ name: String) -> CalloutTarget {
        if let known = all[name] { return known }
        let new = CalloutTarget(name)
        all[name] = new
        return new
    }

    /// Finds the upstreams of all targets.
    package func bind(_ find: (String) -> LoopUpstream?) {
        for target in all.values { target.upstream = find(target.name) }
    }
}
