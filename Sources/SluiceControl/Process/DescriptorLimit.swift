import Glibc
import SluiceConfig

/// How many descriptors the process may have: one for each connection of a client and one for each to an endpoint.
enum DescriptorLimit {
    /// Raises the limit as far as a process may by itself. Shells and service managers set a low one for the sake of old
    /// programs that use `select`; this one does not.
    ///
    /// - Returns: how many there may be now; nil: the system does not say.
    static func raise() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        var wanted = limit
        wanted.rlim_cur = limit.rlim_max
        if limit.rlim_cur < limit.rlim_max, setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wanted) == 0 {
            limit = wanted
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// What to tell the operator when that is too few for what the listeners may take in; nil: it is enough.
    static func complaint(_ limit: Int?, for model: GatewayModel) -> String? {
        guard let limit else { return nil }
        let wanted = model.listeners.reduce(0) { sum, listener in
            let (total, overflows) = sum.addingReportingOverflow(listener.limits.connections)
            return overflows ? .max : total
        }
        guard limit < wanted else { return nil }
        return "this process may have \(limit) descriptors, its listeners \(wanted) connections: raise the hard limit "
            + "('ulimit -Hn', LimitNOFILE) or lower 'connections' in their 'limits'"
    }
}
