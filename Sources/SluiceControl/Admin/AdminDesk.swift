import Atomics
import SluiceCore
import SluiceFilters
import SluiceProxy
import Synchronization

/// Makes slow answers one after the other, on a thread that has time, for those who still wait when their turn comes.
///
/// Bounded: clients that ask and leave cost a look each, and when too many wait, the next one is refused at once.
/// Isolation: any thread.
final class AdminDesk: Sendable {
    /// More than there can be connections.
    private static let limit = 256

    private let queue: ControlQueue
    private let waiting = ManagedAtomic<Int>(0)
    private let isStopped = ManagedAtomic<Bool>(false)

    init(_ queue: ControlQueue) {
        self.queue = queue
        queue.async { ThreadPriority.standBack() }
    }

    /// Has an answer made and sent.
    ///
    /// - Returns: the refusal when too many wait; nil when the answer will come.
    func take(_ ticket: BuiltInTicket, _ answer: @escaping @Sendable () -> LocalReply) -> LocalReply? {
        guard waiting.wrappingIncrementThenLoad(ordering: .relaxed) <= Self.limit else {
            waiting.wrappingDecrement(ordering: .relaxed)
            return LocalReply(.gatewayExhausted)
        }
        queue.async { [waiting, isStopped] in
            waiting.wrappingDecrement(ordering: .relaxed)
            if !isStopped.load(ordering: .relaxed), ticket.isWanted { ticket.send(answer()) }
        }
        return nil
    }

    /// Makes no answer any more; returns when the last one is made. Must come before the loop of the requests ends.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        try? queue.sync {}
    }
}

/// Orders that all ask for the same: those that wait while it is carried out are served by the next time together.
///
/// Isolation: any thread.
final class AdminBatch: Sendable {
    private static let limit = 256

    private let queue: ControlQueue
    private let waiting = Mutex<[BuiltInTicket]>([])

    init(_ queue: ControlQueue) { self.queue = queue }

    /// - Parameter carryOut: on a thread that has time; begins after all whom it answers have asked.
    /// - Returns: the refusal when too many wait; nil when the answer will come.
    func take(_ ticket: BuiltInTicket, _ carryOut: @escaping @Sendable () -> LocalReply) -> LocalReply? {
        let before = waiting.withLock { tickets in
            if tickets.count < Self.limit { tickets.append(ticket) } else { return Self.limit }
            return tickets.count - 1
        }
        if before == Self.limit { return LocalReply(.gatewayExhausted) }
        guard before == 0 else { return nil }
        queue.async { [self] in
            let tickets = waiting.withLock { tickets in
                let all = tickets
                tickets = []
                return all
            }
            let answer = carryOut()
            for ticket in tickets { ticket.send(answer) }
        }
        return nil
    }
}
