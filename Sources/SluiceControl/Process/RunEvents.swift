import Atomics
import NIOCore

/// What a running gateway is told from outside, in order. Any thread posts, one takes.
final class RunEvents: Sendable {
    enum Event: Sendable {
        case stop
        case reload
        /// By the admin API, which waits for the answer.
        case reloadFor(Mailbox<ReloadAnswer>)
        case reopenLogs
        /// Another process accepts from our sockets now.
        case handedOver
    }

    private let events = Mailbox<Event>()
    private let isReloadWaiting = ManagedAtomic<Bool>(false)

    /// Of several reloads that nobody has begun one is enough: it reads what is there by then. So a machine that is too
    /// busy to reload as often as it is told to does not fall behind, and hears that it is to stop.
    func post(_ event: Event) {
        if case .reload = event, isReloadWaiting.exchange(true, ordering: .acquiringAndReleasing) { return }
        events.post(event)
    }

    /// Waits for the next one, but no longer than until `deadline`.
    func take(until deadline: NIODeadline) -> Event? {
        let event = events.take(until: deadline)
        if case .reload? = event { isReloadWaiting.store(false, ordering: .releasing) }
        return event
    }
}
