import Atomics
import SluiceCore

/// How many connections a loop holds; what the acceptor balances by. Any thread.
package final class LoopLoad: Sendable {
    private let count = ManagedAtomic<Int>(0)

    package init() {}

    package var connections: Int { count.load(ordering: .relaxed) }
    package func connectionBegan() { count.wrappingIncrement(ordering: .relaxed) }
    package func connectionEnded() { count.wrappingDecrement(ordering: .relaxed) }
}

/// A listener as the process sees it: its name and how many connections came through it. Any thread.
package final class ListenerState: Sendable {
    package let name: String
    private let open = ManagedAtomic<Int>(0)
    private let accepted = ManagedAtomic<Int>(0)
    private let rejected = ManagedAtomic<Int>(0)
    /// Connections are turned away because there are too many.
    let overflow = Episode()

    package init(name: String) { self.name = name }

    package var connections: Int { open.load(ordering: .relaxed) }
    package var acceptedTotal: Int { accepted.load(ordering: .relaxed) }
    package var rejectedTotal: Int { rejected.load(ordering: .relaxed) }

    func connectionBegan() {
        open.wrappingIncrement(ordering: .relaxed)
        accepted.wrappingIncrement(ordering: .relaxed)
    }

    func connectionEnded() { open.wrappingDecrement(ordering: .relaxed) }
    func connectionRejected() { rejected.wrappingIncrement(ordering: .relaxed) }
}
