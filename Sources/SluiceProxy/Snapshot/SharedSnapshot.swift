import Atomics
package import SluiceConfig
package import SluiceRouting

/// A validated configuration with what is compiled once for all loops. Immutable.
package final class SharedSnapshot: Sendable {
    package let model: GatewayModel
    package let table: RouteTable
    private let users = ManagedAtomic<Int>(0)

    package init(model: GatewayModel, table: RouteTable) {
        self.model = model
        self.table = table
    }

    /// How many loops still hold it. Whoever made the snapshot keeps it until this is 0, so that the work of taking a
    /// large one down never falls to a loop.
    package var loopCount: Int { users.load(ordering: .acquiring) }

    func loopBegan() { users.wrappingIncrement(ordering: .relaxed) }
    func loopEnded() { users.wrappingDecrement(ordering: .releasing) }
}
