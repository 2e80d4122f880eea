package import NIOCore
import SluiceCore
import Synchronization

/// What makes two mentions of an endpoint the same one over reloads and DNS answers.
package struct EndpointKey: Hashable, Sendable {
    package let address: SocketAddress
    package let hostField: [UInt8]

    package init(address: SocketAddress, hostField: [UInt8]) {
        self.address = address
        self.hostField = hostField
    }
}

/// One endpoint as the process sees it: its identity and its row of failures.
package final class EndpointState: Sendable {
    /// Stays with the endpoint; what balancers and retries know it by.
    package let id: Int
    package let key: EndpointKey
    private let outlierOwner = OutlierCountersOwner()
    package var outliers: OutlierCounters { outlierOwner.counters }
    /// Connections that the gateway itself had nothing left to make of.
    let shortages = Episode()
    /// Connections whose TLS did not come about.
    let refusals = Episode()
    private let open = Atomic<Int>(0)
    /// Connections of all loops, open or being opened; for show only, so not exact while they change.
    package var connections: Int { open.load(ordering: .relaxed) }

    package init(id: Int, key: EndpointKey) {
        self.id = id
        self.key = key
    }

    func connectionsChanged(by count: Int) { open.wrappingAdd(count, ordering: .relaxed) }
}

/// The endpoints of an upstream at one moment, as the control side hands them to every loop.
package struct PublishedEndpoints: Sendable {
    /// Places are those of `plan.endpoints`.
    package let states: [EndpointState]
    package let plan: BalancerPlan

    package init(states: [EndpointState], plan: BalancerPlan) {
        self.states = states
        self.plan = plan
    }
}

/// An upstream as the process sees it: limits that hold over all loops. One per name, kept over reloads.
package final class UpstreamState: Sendable {
    package let name: String
    private let breakerOwner = BreakerCountsOwner()
    package let breakers: BreakerCounts
    package let budget: RetryBudget
    private let tenantCounts = Mutex<TenantCounts?>(nil)
    /// Tells the control side that an endpoint's row of failures is full; any thread.
    private let reportOutlier: @Sendable (_ endpoint: Int, OutlierCause) -> Void

    package init(name: String, reportOutlier: @escaping @Sendable (_ endpoint: Int, OutlierCause) -> Void) {
        self.name = name
        self.breakers = breakerOwner.counts
        self.budget = breakerOwner.counts.retryBudget
        self.reportOutlier = reportOutlier
    }

    /// Requests under way by caller; made when first asked for. Not for every request: takes a lock.
    package var tenants: TenantCounts {
        tenantCounts.withLock { counts in
            if let counts { return counts }
            let made = TenantCounts()
            counts = made
            return made
        }
    }

    /// An endpoint's row of failures is full.
    func report(_ cause: OutlierCause, at endpoint: Int) { reportOutlier(endpoint, cause) }
}
