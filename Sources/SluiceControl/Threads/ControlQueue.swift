import SluiceCore

/// Runs jobs one after the other on a thread of its own, which has time: builds snapshots and takes them down.
package final class ControlQueue: Sendable {
    private enum Job: Sendable {
        case run(@Sendable () -> Void)
        case end
    }

    private let jobs = Mailbox<Job>()

    /// - Throws: when the system gives no thread.
    package init(name: String) throws(StartError) {
        let jobs = jobs
        let isRunning = ControlThread.spawn(name: name) {
            while case .run(let body) = jobs.take() { body() }
        }
        guard isRunning else { throw StartError("the system gives no more threads") }
    }

    deinit { jobs.post(.end) }

    /// Runs `body` behind everything posted before.
    package func async(_ body: @escaping @Sendable () -> Void) { jobs.post(.run(body)) }

    /// Runs `body` behind everything posted before and waits for it. Never call this from a job.
    package func sync<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let reply = Mailbox<Result<Value, any Error>>()
        jobs.post(.run { reply.post(Result(catching: body)) })
        return try reply.take().get()
    }
}
