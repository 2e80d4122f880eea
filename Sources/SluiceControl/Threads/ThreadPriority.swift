import CPlatform

/// Who goes first when there are more threads than processors.
enum ThreadPriority {
    /// For threads that build configurations: whatever serves requests takes the processor away from them at once.
    ///
    /// A reload of ten thousand routes takes a twentieth of a second of a processor. At equal priority a loop that shares
    /// it answers ten times as late as otherwise at p99; see `bench/compare reload`. The price: where nothing is ever idle
    /// they get a three-hundredth of a processor, and such a reload takes some seconds.
    ///
    /// Isolation: the calling thread. Threads that it starts are like it, so the loops must be there already.
    static func takeWhatIsLeft() { _ = sluice_lower_priority(1) }

    /// For threads that write metrics: whatever serves requests goes first, but they come through while nothing is idle,
    /// which is when one wants to see them. Isolation: the calling thread.
    static func standBack() { _ = sluice_lower_priority(0) }
}
