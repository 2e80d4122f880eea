import Synchronization

/// Tasks that other threads have for a loop. Isolation: any thread.
final class TaskInbox: Sendable {
    private struct State {
        var tasks: ContiguousArray<@Sendable () -> Void> = []
        var isStopping = false
        var isClosed = false
    }

    private let state = Mutex(State())

    /// - Returns: whether the loop has to be woken: for the first of many only.
    func add(_ task: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.tasks.append(task)
            return state.tasks.count == 1
        }
    }

    /// Moves what is there, in its order.
    ///
    /// - Returns: whether the loop has been asked to stop.
    func take(into tasks: inout ContiguousArray<() -> Void>) -> Bool {
        let (taken, isStopping) = state.withLock { state in
            let taken = state.tasks
            state.tasks = []
            return (taken, state.isStopping)
        }
        for task in taken { tasks.append(task) }
        return isStopping
    }

    /// - Returns: whether the loop has to be woken.
    func askToStop() -> Bool {
        state.withLock { state in
            state.isStopping = true
            return !state.isClosed
        }
    }

    /// Takes nothing any more.
    func close() { state.withLock { $0.isClosed = true } }
}
