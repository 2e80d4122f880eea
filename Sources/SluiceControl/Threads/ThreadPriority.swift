import CSocket

/// Who goes first when there are more threads than processors.
enum ThreadPriority {
    /// For threads that build configurations or write metrics: whatever serves requests goes first from now on.
    ///
    /// A reload of ten thousand routes takes a tenth of a second of a processor. At equal priority a loop that shares it
    /// answers ten times as late as otherwise at p99; see `bench/compare reload`. The price: where nothing is ever idle,
    /// a reload takes a while.
    ///
    /// Isolation: the calling thread. Threads that it starts are like it, so the loops must be there already.
    static func standBack() { _ = sluice_lower_priority() }
}
