import Glibc

/// Lets this process run out of descriptors: for exit tests, which have a process of their own.
enum Descriptors {
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    /// From here on nothing can be opened; what is open stays.
    ///
    /// - Returns: how many there might be before, for `give`.
    @discardableResult
    static func take() -> rlim_t {
        var limit = rlimit()
        getrlimit(resource, &limit)
        let before = limit.rlim_cur
        limit.rlim_cur = 0
        setrlimit(resource, &limit)
        return before
    }

    static func give(_ count: rlim_t) {
        var limit = rlimit()
        getrlimit(resource, &limit)
        limit.rlim_cur = count
        setrlimit(resource, &limit)
    }
}
