import Glibc
package import NIOCore
import SluiceCore

/// A queue that threads post to and one thread takes from, waiting while it is empty. Any thread.
///
/// Unbounded: what is posted here is rare (signals, reloads, retired snapshots), or one reply to one question.
// SAFETY: `items` is touched only with `mutex` held; the two pointers never change and outlive every call.
package final class Mailbox<Item: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var items: [Item] = []

    package init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The clock of `SystemClock.monotonic`, so that nobody who sets the time can stretch a wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func post(_ item: Item) {
        pthread_mutex_lock(mutex)
        items.append(item)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits for the next item.
    package func take() -> Item {
        while true {
            if let item = take(until: .distantFuture) { return item }
        }
    }

    /// Waits for the next item, but no longer than until `deadline`.
    package func take(until deadline: NIODeadline) -> Item? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var time = timespec()
        time.tv_sec = Int(deadline.uptimeNanoseconds / 1_000_000_000)
        time.tv_nsec = Int(deadline.uptimeNanoseconds % 1_000_000_000)
        while items.isEmpty {
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { break }
        }
        return items.isEmpty ? nil : items.removeFirst()
    }
}
