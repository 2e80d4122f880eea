import Synchronization

/// Where the newest context of a listener or upstream is found.
///
/// A handshake that begins takes the context of the moment. Those under way and connections keep theirs, so that a new
/// certificate closes nothing. Isolation: any thread; a lock for as long as a reference is copied.
package final class TLSSlot<Context: Sendable>: Sendable {
    private let context: Mutex<Context>

    package init(_ context: Context) { self.context = Mutex(context) }

    /// What a new handshake goes by.
    package var current: Context { context.withLock { $0 } }

    package func replace(by next: Context) { context.withLock { $0 = next } }
}
