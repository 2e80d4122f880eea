package import SluiceConfig
package import SluiceCore
package import SluiceUpstream

/// What a filter gets when it is made, which happens on another thread than its loop's: to keep, not to use there.
package struct FilterResources {
    package let loop: LoopContext
    /// Index into `ExchangeContext.slots`, this filter's own.
    package let slot: Int
    /// Tells the filter from all others of the configuration, and stays the same over reloads: `global/cors`,
    /// `route orders/rate_limit#2`.
    package let identity: String
    private let surroundings: FilterSurroundings

    package init(
        loop: LoopContext,
        slot: Int,
        identity: String = "test",
        surroundings: FilterSurroundings = FilterSurroundings()
    ) {
        self.loop = loop
        self.slot = slot
        self.identity = identity
        self.surroundings = surroundings
    }

    /// The whole configuration.
    package var gateway: GatewayModel { surroundings.gateway }

    /// The known callers, in objects of this loop.
    package var consumers: Consumers { surroundings.consumers }

    /// Where this loop counts.
    package var metrics: MetricShard { surroundings.metrics }

    package var background: any BackgroundServices { surroundings.background ?? NoBackground(loop: loop.loop) }

    /// An upstream of the configuration, for `Callout.start`.
    package func upstream(_ name: String) -> CalloutTarget { surroundings.callouts.target(name) }

    /// State that all loops share and that outlives reloads: made once for that key and type, kept as long as the newest
    /// configuration asks for it.
    package func shared<State: AnyObject & Sendable>(_ key: String, _ make: () -> State) -> State {
        surroundings.shared.state(key, make)
    }
}

/// What all filters of one loop's copy of a configuration have in common.
package struct FilterSurroundings {
    package var gateway: GatewayModel
    package var consumers: Consumers
    package var callouts: CalloutTargets
    package var metrics: MetricShard
    package var background: (any BackgroundServices)?
    package var shared: SharedStates

    package init(
        gateway: GatewayModel = GatewayModel(),
        callouts: CalloutTargets = CalloutTargets(),
        metrics: MetricShard = MetricShard(),
        background: (any BackgroundServices)? = nil,
        shared: SharedStates = SharedStates()
    ) {
        self.gateway = gateway
        self.consumers = Consumers(gateway.consumers)
        self.callouts = callouts
        self.metrics = metrics
        self.background = background
        self.shared = shared
    }
}

extension FilterSurroundings {
    /// Takes over the configuration of which the filters are made.
    package mutating func follow(_ model: GatewayModel) {
        gateway = model
        consumers = Consumers(model.consumers)
        callouts = CalloutTargets()
    }
}

/// The configuration of a filter that this binary can run.
package protocol RunnableFilterConfiguration: FilterConfiguration {
    /// Makes the instance of one loop.
    func makeFilter(_ resources: FilterResources) -> any Filter
}
